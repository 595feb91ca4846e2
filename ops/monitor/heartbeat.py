"""A sign of life for a dead-man switch: a file, and a URL that is asked now and then, for as long as looks succeed."""

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

from flows.errors import BadInput, FlowsError
from localserver.credentials import write_private
from localserver.state import find_process, read_json
from ops.schedule.records import text

FILE = "monitor.heartbeat"
URL = "FLOWS_HEARTBEAT_URL"
TIMEOUT = 5.0


@dataclass
class Heartbeat:
    """`every`: between two requests to the URL, of which nothing but its host is ever said."""

    folder: Path
    url: str
    every: timedelta
    say: Callable[[str], None]
    _asked: datetime | None = None

    def __post_init__(self) -> None:
        if self.url and (urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).hostname):
            raise BadInput(f"{URL} is no http or https URL")

    def beat(self, now: datetime, looked: str) -> None:
        """After a look that succeeded; `looked` says what at."""
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
            # Not followed, since a redirect could lead anywhere; and not read, since nothing of it is needed.
            with requests.get(self.url, timeout=TIMEOUT, allow_redirects=False, stream=True) as answer:
                problem = "" if 200 <= answer.status_code < 300 else f"HTTP {answer.status_code}"
        except (requests.RequestException, ValueError) as failure:
            problem = type(failure).__name__
        if problem:
            self.say(f"the dead-man switch at {urlsplit(self.url).hostname} does not take the heartbeat: {problem}")


def watcher(folder: Path) -> dict[str, Any]:
    """Whether a monitor watches: `{alive, pid, at, looked}`; `at` is its last good look."""
    told = read_json(folder / FILE)
    try:
        alive = find_process(int(told["pid"]), float(told["born"])) is not None and told["pid"] != os.getpid()
    except (KeyError, TypeError, ValueError, psutil.Error):
        return {"alive": False, "pid": None, "at": None, "looked": None}
    return {"alive": alive, "pid": told["pid"], "at": told.get("at"), "looked": told.get("looked")}
