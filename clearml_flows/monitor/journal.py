"""Log of changes: pipeline_monitor.log for people, pipeline_monitor.jsonl for programs."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path

from clearml_flows.events import Event
from clearml_flows.monitor.records import MonitoredRun, document, line_date, word
from clearml_flows.plain_text import cell
from clearml_flows.run.snapshot import Step

BYTES = 5_000_000
KEPT = 3  # rotated files besides the current one


class Journal:
    """Writer of private log files. A full disk is reported once and does not stop the monitor."""

    def __init__(self, folder: Path, say: Callable[[str], None], size: int = BYTES) -> None:
        self._folder, self._say, self._bytes = folder, say, size
        self._broken = False

    def run(self, now: datetime, seen: MonitoredRun) -> None:
        """Log a run whose status or steps changed."""
        self._write(lines(now, seen.id, seen.run.status, seen.run.steps), {"at": line_date(now), **document(seen)})

    def event(self, now: datetime, event: Event) -> None:
        """Log an event."""
        # Errors may contain secrets, which only the notification masks.
        facts = {name: value for name, value in event.facts.items() if name != "error"}
        told = {"at": line_date(now), "event": event.kind, "subject": event.subject, "facts": facts}
        self._write([f"[{line_date(now)}] {event.kind}: {cell(event.subject)}"], told)

    def _write(self, text: list[str], told: Mapping[str, object]) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._append("pipeline_monitor.log", "\n".join(text))
            self._append("pipeline_monitor.jsonl", json.dumps(told, default=str))
            self._broken = False
        except OSError as wrong:
            if not self._broken:
                self._say(f"{self._folder} cannot be written, so the log has gaps: {wrong.strerror}")
            self._broken = True

    def _append(self, name: str, text: str) -> None:
        path = self._folder / name
        if path.exists() and path.stat().st_size > self._bytes:
            for number in range(KEPT, 0, -1):
                older = path if number == 1 else path.with_name(f"{name}.{number - 1}")
                if older.exists():
                    older.replace(path.with_name(f"{name}.{number}"))
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(text + "\n")


def lines(now: datetime, run_id: str, status: str, steps: Iterable[Step]) -> list[str]:
    """`[2025-01-11T12:00:00] Pipeline abc123: running`, and an indented line for each step."""
    return [f"[{line_date(now)}] Pipeline {run_id}: {word(status)}", *(f"  {_step(step)}" for step in steps)]


def _step(step: Step) -> str:
    took = f" ({step.seconds:.1f} s)" if step.seconds else ""
    return f"{cell(step.name)}: {word(step.status)}{took}"
