"""Chart geometry for SVG. Templates draw the charts, so that all text is escaped there."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

WIDTH, HEIGHT = 460, 240
LEFT, RIGHT, TOP, BOTTOM = 58, 10, 10, 30
MAX_POINTS = 600
# Names on the x axis that do not fit side by side are slanted. They need this additional height.
_SLANTED = 50
_MAX_LABELS = 30
_LETTER = 6

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """Points to draw. `kind` is "line", "points" or "bars"."""

    label: str
    points: Sequence[Point]
    kind: str = "line"


@dataclass(frozen=True)
class Drawn:
    """One series on the page. `line` is the value of a polyline's `points`."""

    label: str
    color: int
    line: str = ""
    dots: list[Point] = field(default_factory=list)
    bars: list[tuple[float, float, float, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Chart:
    """A chart with axes. Ticks are (position, label)."""

    title: str
    drawn: list[Drawn]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    x_title: str = ""
    y_title: str = ""
    height: int = HEIGHT
    bottom: int = BOTTOM
    slanted: bool = False


@dataclass(frozen=True)
class Scale:
    """Map a range of values to a range of positions."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 1)


def chart(
    title: str,
    series: Sequence[Series],
    categories: Sequence[str] = (),
    x_title: str = "",
    y_title: str = "",
) -> Chart:
    """Lay out series in one pair of axes.

    Args:
        categories: names on the x axis. The x values are then positions in this list.
    """
    series = [Series(one.label, [point for point in one.points if _is_drawable(point)], one.kind) for one in series]
    points = [point for one in series for point in one.points]
    bars = [one for one in series if one.kind == "bars"]
    half = _slot(bars) / 2 if bars else 0.0
    x = _scale([value for value, _ in points], LEFT, WIDTH - RIGHT, half)
    floor = [0.0] if bars else []
    y = _scale([value for _, value in points] + floor, HEIGHT - BOTTOM, TOP, 0.0)
    drawn = [_draw(one, color, x, y, bars) for color, one in enumerate(series)]
    x_ticks = _category_ticks(categories, x) if categories else _ticks(x)
    slanted = len(categories) * _LETTER * max(map(len, categories), default=0) > WIDTH - LEFT - RIGHT
    height, bottom = (size + _SLANTED * slanted for size in (HEIGHT, BOTTOM))
    return Chart(title, drawn, x_ticks, _ticks(y), x_title, y_title, height, bottom, slanted)


def _is_drawable(point: Point) -> bool:
    # Larger values overflow when the width of an axis is computed.
    return all(abs(value) < 1e150 for value in point)


def _scale(values: Sequence[float], start: float, end: float, margin: float) -> Scale:
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    low, high = low - margin, high + margin
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-100):
        spread = max(abs(low) * 0.1, 1e-100) if low else 1.0
        low, high = low - spread, high + spread
    return Scale(low, high, start, end)


def _slot(bars: Sequence[Series]) -> float:
    """Return the distance between neighbouring bars, in values of x."""
    places = sorted({place for one in bars for place, _ in one.points})
    gaps = [after - before for before, after in pairwise(places)]
    return min(gaps) if gaps else 1.0


def _draw(series: Series, color: int, x: Scale, y: Scale, bars: Sequence[Series]) -> Drawn:
    if series.kind == "bars":
        return Drawn(series.label, color, bars=_bars(series, x, y, bars))
    points = [(x(px), y(py)) for px, py in thinned(series.points)]
    if series.kind == "points" or len(points) == 1:
        return Drawn(series.label, color, dots=points)
    return Drawn(series.label, color, line=" ".join(f"{px},{py}" for px, py in points))


def _bars(series: Series, x: Scale, y: Scale, bars: Sequence[Series]) -> list[tuple[float, float, float, float]]:
    slot = 0.9 * _slot(bars)
    width = slot / len(bars)
    shift = -slot / 2 + bars.index(series) * width
    found = []
    for place, height in thinned(series.points):
        left, right = x(place + shift), x(place + shift + width)
        top, bottom = sorted((y(height), y(0.0)))
        found.append((left, top, round(max(right - left, 0.5), 1), round(bottom - top, 1)))
    return found


def thinned(points: Sequence[Point], limit: int = MAX_POINTS) -> Sequence[Point]:
    """Return about `limit` of the points at most, including the last point."""
    step = math.ceil(len(points) / limit) or 1
    return points if step == 1 else [*points[::step], points[-1]]


def _ticks(scale: Scale) -> list[tuple[float, str]]:
    low, high = sorted((scale.low, scale.high))
    span = (high - low) / 5
    unit = 10 ** math.floor(math.log10(span))
    step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= span * 0.999)
    first = math.ceil(low / step)
    values = [(first + index) * step for index in range(12)]
    return [(scale(value), f"{value:.6g}") for value in values if value <= high + step * 1e-6]


def _category_ticks(categories: Sequence[str], x: Scale) -> list[tuple[float, str]]:
    step = math.ceil(len(categories) / _MAX_LABELS)
    return [(x(float(index)), categories[index]) for index in range(0, len(categories), step)]
