"""Heartbeat for a dead-man switch: a file, and requests to a URL while snapshots succeed."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import requests

from clearml_flows.errors import BadInput, FlowsError
from clearml_flows.localserver.credentials import write_private
from clearml_flows.localserver.state import find_process, read_json
from clearml_flows.schedule.records import text

FILE = "monitor.heartbeat"
URL = "FLOWS_HEARTBEAT_URL"
TIMEOUT = 5.0


@dataclass
class Heartbeat:
    """Writes the file and requests the URL every `every`. Messages contain only the URL's host."""

    folder: Path
    url: str
    every: timedelta
    say: Callable[[str], None]
    _asked: datetime | None = None

    def __post_init__(self) -> None:
        if self.url and (urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).hostname):
            raise BadInput(f"{URL} is not an http or https URL")

    def beat(self, now: datetime, looked: str) -> None:
        """Record a successful check. `looked` says what was checked."""
        process = psutil.Process()
        told = {"at": text(now), "pid": process.pid, "born": process.create_time(), "looked": looked}
        try:
            write_private(self.folder / FILE, json.dumps(told) + "\n")
        except OSError as wrong:
            raise FlowsError(f"{self.folder / FILE} cannot be written: {wrong.strerror}") from None
        if self.url and (self._asked is None or not timedelta() <= now - self._asked < self.every):
            self._asked = now
            self._ask()

    def _ask(self) -> None:
        try:
            # Redirects could lead anywhere, and the body is not needed.
            with requests.get(self.url, timeout=TIMEOUT, allow_redirects=False, stream=True) as answer:
                problem = "" if 200 <= answer.status_code < 300 else f"HTTP {answer.status_code}"
        except (requests.RequestException, ValueError) as failure:
            problem = type(failure).__name__
        if problem:
            self.say(f"the dead-man switch at {urlsplit(self.url).hostname} does not accept the heartbeat: {problem}")


def watcher(folder: Path) -> dict[str, Any]:
    """Return the monitor's state: `{alive, pid, at, looked}`; `at` is its last good check."""
    told = read_json(folder / FILE)
    try:
        alive = find_process(int(told["pid"]), float(told["born"])) is not None and told["pid"] != os.getpid()
    except (KeyError, TypeError, ValueError, psutil.Error):
        return {"alive": False, "pid": None, "at": None, "looked": None}
    return {"alive": alive, "pid": told["pid"], "at": told.get("at"), "looked": told.get("looked")}
