"""Widths of the intervals in which scalar curves are averaged to at most `samples` points."""

from collections.abc import Sequence

from clearml_flows.localserver.store.events import Range

# Curves whose widths differ by at most 10 % use the widest of them, up to these group sizes.
_TOLERANCE = 0.1
_MAX_CURVES = 50
_MAX_POINTS = 6000


def intervals(ranges: Sequence[Range], samples: int) -> dict[tuple[str, str], int]:
    """Return the interval width of each curve, by (metric, variant)."""
    widths = sorted(((_width(curve, samples), curve) for curve in ranges), key=lambda item: item[0])
    found: dict[tuple[str, str], int] = {}
    group: list[Range] = []
    limit = points = 0
    for width, curve in widths:
        count = _points(curve, width, samples)
        if group and (width > limit or points + count > _MAX_POINTS or len(group) == _MAX_CURVES):
            group, points = [], 0
        if not group:
            limit = width + int(width * _TOLERANCE)
        group.append(curve)
        points += count
        # Widths ascend, so the last curve of a group sets the width of the whole group.
        found.update({(member.metric, member.variant): width for member in group})
    return found


def _width(curve: Range, samples: int) -> int:
    if curve.size < samples:
        return 1
    return max(1, -(-(curve.highest - curve.lowest + 1) // samples))


def _points(curve: Range, width: int, samples: int) -> int:
    return curve.size if curve.size < samples else -(-(curve.highest - curve.lowest + 1) // width)
