"""A run that a schedule started fails while no monitor watches; the next one tells of it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from clearml_flows.schedule.store import Store
from tests.e2e.conftest import Finished, Place
from tests.schedule.conftest import WAYS
from tests.support.agents import wait_until
from tests.support.mail import mail_server
from tests.support.webhook import receiving

IMPOSSIBLE = json.dumps([{"name": "impossible", "family": "DecisionTree", "params": {"max_depth": "no number"}}])


@pytest.fixture
def store(small_place: Place) -> Iterator[Store]:
    store = Store(small_place.folder / ".flows")
    yield store
    store.close()


def look(place: Place, **environment: str) -> Finished:
    """A monitor is started, looks, and is gone again."""
    return place.flows("monitor", "watch", "--once", **environment)


def test_a_scheduled_run_that_fails_unwatched_is_one_mail_and_one_call(small_place: Place, store: Store) -> None:
    assert look(small_place).exit_code == 0
    ways = {**WAYS, "max_runs": 1, "options": ["--source", "synthetic", "--set", f"churn.experiments={IMPOSSIBLE}"]}
    due = store.add("nightly", datetime.now(UTC) - timedelta(minutes=90), **ways)
    assert small_place.flows("schedule", "tick").exit_code == 0
    wait_until(lambda: store.runs(due, 1)[0].ended is not None, "the run ends", seconds=300)
    [run] = store.runs(due, 10)
    assert (run.state, run.exit_code) == ("failed", 1)
    with mail_server() as mailbox, receiving() as receiver:
        channels = {
            "FLOWS_NOTIFY_MAIL": f"mailto://127.0.0.1:{mailbox.port}?from=flows@example.com&to=ops@example.com",
            "CLEARML_WEBHOOK_URL": receiver.url,
        }
        told = look(small_place, **channels)
        assert told.exit_code == 0, told
        again = look(small_place, **channels)
        assert (again.exit_code, again.stderr) == (0, "")
    [letter], [posted] = mailbox.letters, receiver.posted
    assert str(letter["subject"]).endswith("churn failed in train_sweep")
    said = posted.json
    assert (said["kind"], said["run_id"], said["failed_step"]) == ("failed", run.task, "train_sweep")
    assert (said["flow"], said["status"], said["promoted"]) == ("churn", "failed", None)
    words, cause = said["error"].splitlines()
    assert words == "all 1 experiments failed; the console of each says why"
    assert cause.startswith("impossible: ")
    assert "max_depth" in cause
    assert said["seconds"] > 0
    body = letter.get_content()
    for words in ("train_sweep", cause, str(run.task), f"flows runs resume {run.task}", said["url"]):
        assert words in body
    log = (small_place.folder / ".flows" / "logs" / "pipeline_monitor.log").read_text()
    assert f"] Pipeline {run.task}: failed\n" in log
    assert "\n  train_sweep: failed (" in log
