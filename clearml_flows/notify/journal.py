"""pipeline_notifications.log: a line per delivery that was sent, failed or given up.

The lines have no URLs.
"""

import os
from datetime import datetime
from pathlib import Path

from clearml_flows.notify.safe_text import one_line
from clearml_flows.schedule.records import text

FILE = "pipeline_notifications.log"
MOST_BYTES = 5_000_000  # a larger log is renamed, which replaces the older one


class Journal:
    """Writer of the log."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "logs" / FILE

    def write(self, now: datetime, line: str) -> None:
        """Append a line. A failure is ignored, so that the delivery continues."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.path.exists() and self.path.stat().st_size > MOST_BYTES:
                self.path.replace(self.path.with_suffix(".old.log"))
            number = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with open(number, "a", encoding="utf-8") as file:  # noqa: PTH123 - it is a descriptor, not a path
                file.write(f"[{text(now)}] {one_line(line)}\n")
        except OSError:
            return
