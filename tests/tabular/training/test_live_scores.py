"""Progress is passed on line by line: each once, whole, and in order."""

from pathlib import Path
from typing import Any

import pytest

from clearml_flows.tabular.training import live_scores
from clearml_flows.tabular.training.live_scores import send_live, write_live


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []
    monkeypatch.setattr(live_scores, "send_report", lambda _client, task, events: found.append((task, events)))
    return found


def test_each_event_is_sent_once(tmp_path: Path, sent: list[Any]) -> None:
    path = str(tmp_path / "live")
    assert send_live(None, "t1", path, 0) == 0
    write_live(path, [{"iter": 1}, {"iter": 2}])
    end = send_live(None, "t1", path, 0)
    assert send_live(None, "t1", path, end) == end
    write_live(path, [{"iter": 3}])
    send_live(None, "t1", path, end)
    assert sent == [("t1", [{"iter": 1}, {"iter": 2}]), ("t1", [{"iter": 3}])]


def test_a_line_that_is_not_whole_waits(tmp_path: Path, sent: list[Any]) -> None:
    path = tmp_path / "live"
    path.write_text('{"iter": 1}\n{"it')
    end = send_live(None, "t1", str(path), 0)
    with path.open("a") as file:
        file.write('er": 2}\n')
    send_live(None, "t1", str(path), end)
    assert [events for _, events in sent] == [[{"iter": 1}], [{"iter": 2}]]
