"""What a launcher that stops marks, whatever the controller did meanwhile."""

from types import SimpleNamespace
from typing import Any

import pytest

from clearml_flows.errors import Unreachable
from clearml_flows.run import launch, snapshot


@pytest.mark.parametrize("late_answers", [0, 1])
def test_what_began_while_the_processes_were_ended_is_marked(
    monkeypatch: pytest.MonkeyPatch, late_answers: int
) -> None:
    seen = [["run", "features"], *[["run"]] * late_answers, ["run", "evaluate"]]
    marked: list[Any] = []
    failures = iter([True] * late_answers)

    def mark(_api: object, ids: list[str], status: str, message: str) -> None:
        if next(failures, False):
            raise Unreachable("no answer in time")
        marked.append((ids, status, message))

    monkeypatch.setattr(launch, "unfinished", lambda _api, _run: seen.pop(0))
    monkeypatch.setattr(snapshot, "not_completed", lambda _api, ids: ids)
    monkeypatch.setattr(launch, "mark", mark)
    monkeypatch.setattr(launch._Controller, "run_id", "run")
    controller = object.__new__(launch._Controller)
    controller.remote, controller.backend = True, SimpleNamespace(api=None)  # type: ignore[assignment]
    controller.stop("stopped", "words")
    assert marked == [(["run", "features", "evaluate"], "stopped", "words")]
