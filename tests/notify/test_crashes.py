"""Real processes that tell, killed: nothing is lost, and nothing is told twice but what was on its way."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.notify.conftest import NOON, Made, after, failed, state
from tests.support.webhook import Reply, receiving

ROOT = Path(__file__).parents[2]


@contextmanager
def telling(folder: Path, url: str, verb: str, *keys: str) -> Iterator[subprocess.Popen[str]]:
    own = {"CLEARML_WEBHOOK_URL": url, "PYTHONPATH": str(ROOT), "FLOWS__NOTIFY__TIMEOUT": "5"}
    command = [sys.executable, "-m", "tests.support.telling", str(folder), verb, *keys]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **own}, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_what_was_put_is_sent_once_although_the_process_was_killed(notifier: Made, tmp_path: Path) -> None:
    with receiving() as receiver:
        with telling(tmp_path, receiver.url, "put", "a") as process:
            assert said(process) == "done\n"
        assert (process.returncode, receiver.posted) == (-9, [])
        told = notifier(CLEARML_WEBHOOK_URL=receiver.url)
        told.put(failed("a"))
        told.deliver(NOON)
        told.deliver(after(days=1))
        assert [posted.json["key"] for posted in receiver.posted] == ["a"]


def test_two_processes_that_see_the_same_events_tell_them_once(notifier: Made, tmp_path: Path) -> None:
    keys = [f"event {number}" for number in range(20)]
    with receiving() as receiver:
        with (
            telling(tmp_path, receiver.url, "deliver", *keys) as one,
            telling(tmp_path, receiver.url, "deliver", *keys) as two,
        ):
            assert (said(one), said(two)) == ("done\n", "done\n")
        told = notifier(CLEARML_WEBHOOK_URL=receiver.url)
        told.deliver(after(hours=1))
        assert sorted(posted.json["key"] for posted in receiver.posted) == sorted(keys)
        assert state(told) == (0, 20, 0)


def test_what_was_on_its_way_when_the_process_was_killed_is_sent_again(notifier: Made, tmp_path: Path) -> None:
    with receiving(Reply(trouble="dribble"), Reply()) as receiver:
        with telling(tmp_path, receiver.url, "deliver", "a") as process:
            until(lambda: len(receiver.posted) == 1)
            (sender,) = psutil.Process(process.pid).children()
        told = notifier(CLEARML_WEBHOOK_URL=receiver.url)
        told.deliver(NOON)
        assert len(receiver.posted) == 1  # it may be under way still
        told.deliver(after(minutes=1))
        assert [posted.json["key"] for posted in receiver.posted] == ["a", "a"]
        assert state(told) == (0, 1, 0)
        until(lambda: not sender.is_running() or sender.status() == psutil.STATUS_ZOMBIE)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
