"""Draw plotly figures as SVG without scripts or fonts; the page's style sheet colours them.

Lines, points and bars are drawn; a heatmap becomes a table.
"""

import math
from html import escape
from typing import Any


def chart_series(figure: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return a figure's series as `{name, kind, dotted, points}`, and the texts of its x axis.

    Points that are not finite numbers are left out. A text's x is its index in the list of texts.
    """
    traces = [trace for trace in figure["data"] if trace.get("type", "scatter") in ("scatter", "bar")]
    texts = list(dict.fromkeys(x for trace in traces for x in trace.get("x") or [] if isinstance(x, str)))
    series = []
    for trace in traces:
        pairs = zip(trace.get("x") or [], trace.get("y") or [], strict=False)
        numbers = [(texts.index(x) if isinstance(x, str) else x, y) for x, y in pairs]
        points = [(float(x), float(y)) for x, y in numbers if x is not None and y is not None and math.isfinite(x + y)]
        kind = "bars" if trace.get("type") == "bar" else "points" if trace.get("mode") == "markers" else "line"
        dotted = bool((trace.get("line") or {}).get("dash"))
        series.append({"name": str(trace.get("name", "")), "kind": kind, "dotted": dotted, "points": points})
    return series, texts


def axis_ticks(low: float, high: float) -> list[float]:
    """Return about five round numbers that cover `low` to `high`."""
    if not high > low:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    raw = (high - low) / 5
    unit = 10 ** math.floor(math.log10(raw))
    step = next(factor * unit for factor in (1, 2, 2.5, 5, 10) if factor * unit >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def svg_chart(figure: dict[str, Any]) -> str:
    """Draw the figure as SVG; series n has the class `cn`. Empty if nothing can be drawn."""
    series, texts = chart_series(figure)
    points = [point for one in series for point in one["points"]]
    if not points:
        return ""
    bars = any(one["kind"] == "bars" for one in series)
    x_values = [x for x, _ in points] + ([-0.5, len(texts) - 0.5] if texts else [])
    x_ticks = axis_ticks(min(x_values), max(x_values))
    y_ticks = axis_ticks(min([y for _, y in points] + [0.0] * bars), max([y for _, y in points] + [0.0] * bars))
    x_range = (min(x_values), max(x_values)) if texts else (x_ticks[0], x_ticks[-1])
    frame = (x_range, (y_ticks[0], y_ticks[-1]))
    layout = figure.get("layout") or {}
    names = [str(((layout.get(axis) or {}).get("title") or {}).get("text", "")) for axis in ("xaxis", "yaxis")]
    drawn = svg_axes(frame, texts or x_ticks, y_ticks)
    drawn.append(f'<text x="256" y="276" text-anchor="middle">{escape(names[0])}</text>')
    drawn.append(f'<text transform="translate(12 124) rotate(-90)" text-anchor="middle">{escape(names[1])}</text>')
    for number, one in enumerate(series):
        drawn.append(f'<g class="c{number % 6}">{svg_series(one, frame, len(series), number)}</g>')
    return f'<svg viewBox="0 0 460 284" role="img" aria-label="{escape(names[1])}">{"".join(drawn)}</svg>'


def svg_place(frame: Any, x: float, y: float) -> tuple[float, float]:
    """Convert a point to SVG coordinates: x from 56 to 452, y from 238 up to 10."""
    (left, right), (bottom, top) = frame
    return round(56 + (x - left) / (right - left) * 396, 1), round(238 - (y - bottom) / (top - bottom) * 228, 1)


def svg_axes(frame: Any, x_ticks: list[Any], y_ticks: list[float]) -> list[str]:
    """Draw the grid and its labels; of many texts only about twelve are labelled."""
    drawn = []
    every = -(-len(x_ticks) // 12)
    for number, tick in enumerate(x_ticks):
        x = svg_place(frame, number if isinstance(tick, str) else tick, frame[1][0])[0]
        label = escape(tick[:14]) if isinstance(tick, str) else f"{tick:.6g}"
        if number % every == 0:
            drawn.append(f'<text x="{x}" y="254" text-anchor="middle">{label}</text>')
        if not isinstance(tick, str):
            drawn.append(f'<path class="grid" d="M{x} 10V238"/>')
    for tick in y_ticks:
        y = svg_place(frame, frame[0][0], tick)[1]
        drawn.append(
            f'<path class="grid" d="M56 {y}H452"/><text x="50" y="{y + 4}" text-anchor="end">{tick:.6g}</text>'
        )
    return drawn


def svg_series(series: dict[str, Any], frame: Any, count: int, number: int) -> str:
    """Draw a line, points, or bars beside those of the other `count - 1` series."""
    if series["kind"] == "bars":
        gap = min([b[0] - a[0] for a, b in zip(series["points"], series["points"][1:], strict=False)] or [1.0])
        width, bars = 0.8 * gap / count, []
        for x, y in series["points"]:
            left, top = svg_place(frame, x - 0.4 * gap + number * width, max(y, 0.0))
            right, bottom = svg_place(frame, x - 0.4 * gap + (number + 1) * width, min(y, 0.0))
            size = f'width="{max(right - left, 1):.1f}" height="{bottom - top:.1f}"'
            bars.append(f'<rect x="{left}" y="{top}" {size}/>')
        return "".join(bars)
    places = [svg_place(frame, x, y) for x, y in series["points"]]
    if series["kind"] == "points" or len(places) == 1:
        return "".join(f'<circle cx="{x}" cy="{y}" r="3"/>' for x, y in places)
    line = " ".join(f"{x},{y}" for x, y in places)
    dashes = ' stroke-dasharray="4 4"' if series["dotted"] else ""
    return f'<polyline points="{line}"{dashes}/>'
