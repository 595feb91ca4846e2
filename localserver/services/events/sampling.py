"""How wide the intervals are in which the values of a curve are averaged, so that it has `samples` points at most."""

from collections.abc import Sequence

from localserver.store.events import Range

# Curves of nearly the same width share the widest of them, up to these limits.
_TOLERANCE = 0.1
_MAX_CURVES = 50
_MAX_POINTS = 6000


def intervals(ranges: Sequence[Range], samples: int) -> dict[tuple[str, str], int]:
    """The width of the intervals of each curve, by (metric, variant)."""
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
        # The widest comes last, and its width is that of the whole group.
        found.update({(member.metric, member.variant): width for member in group})
    return found


def _width(curve: Range, samples: int) -> int:
    if curve.size < samples:
        return 1
    return max(1, -(-(curve.highest - curve.lowest + 1) // samples))


def _points(curve: Range, width: int, samples: int) -> int:
    return curve.size if curve.size < samples else -(-(curve.highest - curve.lowest + 1) // width)
