"""Request fields shared by the endpoints of events: metrics, event type, sizes."""

from collections.abc import Sequence

from clearml_flows.localserver import errors
from clearml_flows.localserver.registry import Call
from clearml_flows.localserver.wire import Json

MAX_PAGE = 10_000
_MAX_INTEGER = 2**31
# The API's value for all event types.
_ALL_TYPES = "*"


def metric_variants(items: Sequence[Json] | None) -> dict[str, list[str]]:
    """Convert `[{metric, variants}]` to {metric: variants}. An empty list means all variants."""
    return {item["metric"]: item.get("variants") or [] for item in items or []}


def event_type(call: Call) -> str | None:
    """Return the requested event type, or None for all types."""
    kind: str = call.data.get("event_type") or _ALL_TYPES
    return None if kind == _ALL_TYPES else kind


def integer(call: Call, name: str, default: int, lowest: int = 1, highest: int = _MAX_INTEGER) -> int:
    """Return the integer in a field; raises errors.ValidationError if it is out of range."""
    value = call.data.get(name)
    if value is None:
        return default
    if not lowest <= value <= highest:
        raise errors.ValidationError(f"error for field '{name}'. expected {lowest} to {highest}, got {value}")
    return int(value)
