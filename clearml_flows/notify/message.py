"""Content of a notification: subject and text for people, a JSON document for programs.

docs/operations.md has the schema of the document.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clearml_flows.events import Event
from clearml_flows.notify.masking import MASK, Masker, is_secret_name
from clearml_flows.notify.safe_text import Style, beginning, chat, clean, ending, one_line, separated
from clearml_flows.schedule.records import text as instant

VERSION = 1
SUBJECT_BYTES = 200
LARGEST = 2**63  # a larger number is an error, and many JSON parsers cannot read it
LONGEST_INPUT = 20_000  # only the last characters of a fact are used
ERROR_LINES = 40
METRICS = 8
OTHERS = 12
# Facts in the order of the text: label, and size limit in bytes.
FACTS = {
    "flow": ("flow", 100),
    "run_id": ("run", 100),
    "status": ("status", 100),
    "seconds": ("took", 40),
    "failed_step": ("failed step", 100),
    "metrics": ("best metrics", 400),
    "promoted": ("promoted", 10),
    "reason": ("why", 600),
    "fix": ("fix", 400),
    "url": ("url", 600),
}
TOLD_APART = (*FACTS, "error")


@dataclass(frozen=True)
class Message:
    subject: str
    body: str


def safe(event: Event, masker: Masker) -> Event:
    """Return the event without control characters, secrets and values that JSON lacks."""
    key, subject = (one_line(_text(text, masker)) for text in (event.key, event.subject))
    return Event(key, event.kind, event.at, subject, _safe(event.facts, masker))


def compose(event: Event, style: Style, limit: int) -> Message:
    """Return subject and body of a safe event, together at most `limit` bytes.

    Only the end of a long error is included.
    """
    subject = beginning(style(one_line(event.subject)), min(SUBJECT_BYTES, limit // 2))
    left = limit - len(subject.encode())
    lines = [style(beginning(line, most)) for line, most in _lines(event)]
    head = beginning("\n".join(lines), left)
    error = str(event.facts.get("error") or "").strip("\n")
    room = left - len(head.encode()) - 60
    if error and room > 80:
        head += "\n\n" + _error(error, room, style)
    return Message(subject, head)


def document(event: Event, limit: int) -> dict[str, Any]:
    """Return the event's JSON document. `text` is the chat message of at most `limit` bytes."""
    facts = event.facts
    shown = compose(event, chat, limit)
    error, cut = ending(str(facts.get("error") or ""), limit)
    known = {name: _known(name, facts.get(name), limit) for name in FACTS}
    others = {name: value for name, value in facts.items() if name not in TOLD_APART}
    return {
        "version": VERSION,
        "key": beginning(event.key, SUBJECT_BYTES),
        "kind": event.kind,
        "at": instant(event.at),
        "subject": beginning(one_line(event.subject), SUBJECT_BYTES),
        "text": f"{shown.subject}\n{shown.body}",
        **known,
        "error": error or None,
        "error_cut_bytes": cut,
        "more": others if _size(others) <= limit else {},
    }


def duration(seconds: float) -> str:
    """Format seconds as 2 h 5 min, 3 min 20 s or 12 s."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _safe(value: Any, masker: Masker, depth: int = 0) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < LARGEST else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth < 4 and isinstance(value, Mapping):
        pairs = list(value.items())[:100]
        return {
            one_line(_text(str(key), masker)): _safe(MASK if _is_secret(key, item) else item, masker, depth + 1)
            for key, item in pairs
        }
    if depth < 4 and isinstance(value, list | tuple):
        return [_safe(item, masker, depth + 1) for item in value[:100]]
    return _text(str(value), masker)


def _is_secret(key: Any, value: Any) -> bool:
    """Return whether the key names a secret.

    Numbers are not secrets: tokens_per_second is a metric.
    """
    return is_secret_name(str(key)) and not (value is None or isinstance(value, bool) or _is_number(value))


def _text(text: str, masker: Masker) -> str:
    """Mask, clean and mask again: an escape sequence may stand next to a secret or inside it."""
    return masker(clean(masker(separated(_last_part(text)))))


def _last_part(text: str) -> str:
    """Return the last characters from a word boundary on: half of a secret is not recognised."""
    if len(text) <= LONGEST_INPUT:
        return text
    words = text[-LONGEST_INPUT:].split(maxsplit=1)
    return words[1] if len(words) > 1 else ""


def _lines(event: Event) -> list[tuple[str, int]]:
    """Return the lines before the error, with their size limits in bytes."""
    facts = event.facts
    told = []
    for name, (label, most) in FACTS.items():
        shown = _shown(name, facts.get(name))
        if shown:
            told.append((shown if name == "url" else f"{label}: {shown}", most + 20))
    others = [(name, value) for name, value in facts.items() if name not in TOLD_APART and _is_plain(value)]
    told += [(f"{one_line(name)}: {one_line(str(value))}", 200) for name, value in others[:OTHERS]]
    return [*told, (f"at: {event.at:%Y-%m-%d %H:%M:%S} UTC", 40)]


def _shown(name: str, value: Any) -> str:
    if value is None or value == "":
        return ""
    if name == "seconds" and _is_number(value):
        return duration(value)
    if name == "metrics" and isinstance(value, Mapping):
        return _metrics(value)
    if name == "promoted":
        return "yes" if value else "no"
    return one_line(str(value))


def _metrics(metrics: Mapping[str, Any]) -> str:
    numbers = sorted(_numbers(metrics).items(), key=lambda metric: _rank(metric[0]))
    shown = [f"{name} {value:.4g}" for name, value in numbers[:METRICS]]
    more = len(numbers) - METRICS
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _rank(metric: str) -> int:
    """Sort key of a metric: test metrics first, then cross-validation, then the rest."""
    if metric.startswith("test_"):
        return 0
    return 1 if metric.startswith("cv_") and not metric.endswith("_std") else 2


def _known(name: str, value: Any, limit: int) -> Any:
    """Return the fact with the type that the schema requires, or None."""
    if name == "metrics":
        numbers = _numbers(value) if isinstance(value, Mapping) else {}
        return numbers if numbers and _size(numbers) <= limit else None
    if name == "seconds":
        return value if _is_number(value) else None
    if name == "promoted":
        return value if isinstance(value, bool) else None
    return None if value is None else beginning(str(value), FACTS[name][1])


def _size(value: Any) -> int:
    return len(json.dumps(value))


def _error(error: str, room: int, style: Style) -> str:
    lines = error.split("\n")
    last = "\n".join(lines[-ERROR_LINES:])
    told, cut = ending(last, room, style)
    cut += len(error.encode()) - len(last.encode())
    said = f" (the first {cut} bytes are left out)" if cut else ""
    return f"error{said}:\n{told}"


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if _is_number(value)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_plain(value: Any) -> bool:
    return _is_number(value) or (isinstance(value, str) and value != "")
