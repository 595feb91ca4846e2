"""A notifier in a folder of its own, on loopback; time is the test's."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clearml_flows.events import Event
from clearml_flows.notify.notifier import Notifier
from clearml_flows.settings import Notify, load

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FACTS: dict[str, Any] = {
    "flow": "churn",
    "run_id": "3f9a81c2d4e5f60718293a4b5c6d7e8f",
    "status": "failed",
    "seconds": 733.3,
    "failed_step": "train_sweep",
    "error": "Traceback (most recent call last):\n  fit(rows)\nValueError: the target has one class",
    "metrics": {"cv_roc_auc": 0.84321},
    "promoted": False,
    "reason": "the run failed",
    "fix": "flows runs resume 3f9a81c2",
    "url": "http://127.0.0.1:8900/projects/*/pipelines/3f9a81c2d4e5f60718293a4b5c6d7e8f",
}
Made = Callable[..., Notifier]


def after(**time: float) -> datetime:
    return NOON + timedelta(**time)


def failed(key: str = "run 3f9a failed", kind: str = "failed", **facts: Any) -> Event:
    return Event(key, kind, NOON, "churn failed in train_sweep", {**FACTS, **facts})


@pytest.fixture
def notifier(tmp_path: Path) -> Iterator[Made]:
    """Makes tellers: its arguments are the environment, besides `given`, the table [notify]."""
    made: list[Notifier] = []

    def make(given: dict[str, Any] | None = None, **environment: str) -> Notifier:
        settings = load().model_copy(update={"notify": Notify(**(given or {}))})
        made.append(Notifier(settings, tmp_path, {**os.environ, **environment}))
        return made[-1]

    yield make
    for one in made:
        one.close()


def state(notifier: Notifier, channel: str = "webhook") -> tuple[int, int, int]:
    """How many messages of the channel wait, were sent, were given up."""
    told = notifier.outbox.told()[channel]
    return told["pending"], told["sent"], told["given_up"]
