"""Convert plotly figures of clients to charts, tables and images. Executes nothing in them."""

import array
import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from clearml_flows.localserver.pages.charts import Chart, Point, Series, chart
from clearml_flows.localserver.pages.shapes import mapping, number, objects, shown_number, text

MAX_ROWS = 200
MAX_CELLS = 40
_MAX_VALUES = 200_000
_MAX_PLOT_CHARACTERS = 5_000_000
_HISTOGRAM_BINS = 20
# Markup of plotly in texts. Tables show plain text, so it is removed.
_MARKUP = re.compile(r"</?(?:a|b|i|br|em|strong|sub|sup|span)\b[^<>]{0,500}>", re.IGNORECASE)
_TYPED = {"i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "i8": "q", "f4": "f", "f8": "d"}


@dataclass(frozen=True)
class Table:
    """Rows of text under a header. `left_out` is the number of rows that are not shown."""

    header: list[str]
    rows: list[list[str]]
    left_out: int = 0


@dataclass(frozen=True)
class Heat:
    """Heatmap: each row has cells of (text, share of the value range from 0 to 9)."""

    columns: list[str]
    rows: list[tuple[str, list[tuple[str, int]]]]
    left_out: bool = False


@dataclass(frozen=True)
class Figure:
    """One reported plot. `source` is its JSON text if a part could not be drawn."""

    title: str
    charts: list[Chart] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    heats: list[Heat] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    source: str = ""


def read_figure(title: str, plot: Any, image_link: Callable[[Any], str | None]) -> Figure:
    """Return the figure in a plot event's `plot_str`.

    Args:
        title: the figure's title.
        plot: the JSON text of a plotly figure.
        image_link: returns the URL from which the page may load an image, or None.
    """
    try:
        document = json.loads(plot) if len(plot) <= _MAX_PLOT_CHARACTERS else None
    except (TypeError, ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        return Figure(title, source=text(plot, 2000))
    figure = Figure(title)
    layout = mapping(document.get("layout"))
    rest = []
    lines: list[tuple[dict[str, Any], str]] = []
    for trace in objects(document.get("data")):
        kind = trace.get("type") or "scatter"
        if kind in ("scatter", "scattergl", "bar", "histogram"):
            lines.append((trace, str(kind)))
        elif kind == "table":
            figure.tables.append(_table(trace))
        elif kind in ("heatmap", "heatmapgl"):
            figure.heats.append(_heat(trace))
        else:
            rest.append(trace)
    if lines:
        figure.charts.append(_axes(lines, layout))
    figure.images.extend(filter(None, (image_link(image.get("source")) for image in objects(layout.get("images")))))
    source = text(rest, 2000) if rest else ""
    return Figure(title, figure.charts, figure.tables, figure.heats, figure.images, source)


def values(column: Any) -> list[Any]:
    """Return a plotly data column as a list. Decodes base64 columns (`dtype`, `bdata`)."""
    if isinstance(column, list):
        return column[:_MAX_VALUES]
    packed = mapping(column)
    code = _TYPED.get(str(packed.get("dtype")))
    if code is None or not isinstance(packed.get("bdata"), str):
        return []
    try:
        numbers = array.array(code, base64.b64decode(packed["bdata"]))
    except (binascii.Error, ValueError):
        return []
    flat = list(numbers[:_MAX_VALUES])
    shape = [int(size) for size in str(packed.get("shape", "")).split(",") if size.strip().isdigit()]
    if len(shape) == 2 and shape[1] > 0:
        return [flat[start : start + shape[1]] for start in range(0, len(flat), shape[1])]
    return flat


def _axes(traces: list[tuple[dict[str, Any], str]], layout: dict[str, Any]) -> Chart:
    horizontal = all(trace.get("orientation") == "h" for trace, _ in traces)
    columns = [_columns(trace, kind, horizontal) for trace, kind in traces]
    categories = _categories([xs for xs, _ in columns])
    places = {category: float(index) for index, category in enumerate(categories)}
    series = []
    for (trace, kind), (xs, ys) in zip(traces, columns, strict=True):
        points = list(_points(xs, ys, places))
        series.append(Series(text(trace.get("name"), 80), points, _kind(trace, kind)))
    names = ("yaxis", "xaxis") if horizontal else ("xaxis", "yaxis")
    x_title, y_title = (_title(mapping(layout.get(name))) for name in names)
    return chart("", series, categories, x_title, y_title)


def _columns(trace: dict[str, Any], kind: str, horizontal: bool) -> tuple[list[Any], list[Any]]:
    xs, ys = values(trace.get("x")), values(trace.get("y"))
    if horizontal:
        xs, ys = ys, xs
    if kind == "histogram":
        return _binned(xs or ys)
    return xs or [float(index) for index in range(len(ys))], ys


def _binned(found: list[Any]) -> tuple[list[Any], list[Any]]:
    numbers = sorted(value for value in map(number, found) if value is not None)
    if not numbers or numbers[0] == numbers[-1]:
        return numbers[:1], [float(len(numbers))] * bool(numbers)
    width = (numbers[-1] - numbers[0]) / _HISTOGRAM_BINS
    counts = [0.0] * _HISTOGRAM_BINS
    for value in numbers:
        counts[min(int((value - numbers[0]) / width), _HISTOGRAM_BINS - 1)] += 1
    return [numbers[0] + (index + 0.5) * width for index in range(_HISTOGRAM_BINS)], counts


def _categories(columns: list[list[Any]]) -> list[str]:
    """Return the names on the x axis in order, or nothing if all x values are numbers."""
    if all(number(value) is not None for column in columns for value in column):
        return []
    return list(dict.fromkeys(text(value, 40) for column in columns for value in column))


def _points(xs: list[Any], ys: list[Any], places: dict[str, float]) -> Iterator[Point]:
    for x, y in zip(xs, ys, strict=False):
        place = places.get(text(x, 40)) if places else number(x)
        height = number(y)
        if place is not None and height is not None:
            yield place, height


def _kind(trace: dict[str, Any], kind: str) -> str:
    if kind in ("bar", "histogram"):
        return "bars"
    mode = str(trace.get("mode", "lines"))
    return "line" if "lines" in mode else "points"


def _title(axis: dict[str, Any]) -> str:
    title = axis.get("title")
    return text(mapping(title).get("text") if isinstance(title, dict) else title, 80)


def _table(trace: dict[str, Any]) -> Table:
    header = [_cell(value) for value in values(mapping(trace.get("header")).get("values"))[:MAX_CELLS]]
    columns = [values(column) for column in values(mapping(trace.get("cells")).get("values"))[:MAX_CELLS]]
    length = max(map(len, columns), default=0)
    rows = [
        [_cell(column[index]) if index < len(column) else "" for column in columns]
        for index in range(min(length, MAX_ROWS))
    ]
    return Table(header, rows, max(length - MAX_ROWS, 0))


def _cell(value: Any) -> str:
    shown = ", ".join(text(part, 200) for part in value) if isinstance(value, list) else shown_number(value)
    return _MARKUP.sub(" ", shown).strip()


def _heat(trace: dict[str, Any]) -> Heat:
    grid = [values(row) for row in values(trace.get("z"))]
    numbers = [found for row in grid for found in map(number, row) if found is not None]
    low, high = (min(numbers), max(numbers)) if numbers else (0.0, 1.0)
    span = (high - low) or 1.0
    columns = [text(value, 40) for value in values(trace.get("x"))] or [
        str(i) for i in range(max(map(len, grid), default=0))
    ]
    names = [text(value, 40) for value in values(trace.get("y"))] or [str(index) for index in range(len(grid))]
    rows = [
        (name, [(shown_number(value), _share(value, low, span)) for value in row[:MAX_CELLS]])
        for name, row in list(zip(names, grid, strict=False))[:MAX_CELLS]
    ]
    return Heat(columns[:MAX_CELLS], rows, len(columns) > MAX_CELLS or len(grid) > MAX_CELLS)


def _share(value: Any, low: float, span: float) -> int:
    found = number(value)
    return 0 if found is None else min(int((found - low) / span * 10), 9)
