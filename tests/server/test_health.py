"""Waiting for health, by a clock of our own."""

from collections.abc import Callable, Iterator

import pytest

from clearml_flows.errors import FlowsError
from clearml_flows.server import health
from clearml_flows.server.stack import Service

WELL = Service("mongo", "running", "healthy")
STARTING = Service("elasticsearch", "running", "starting")
ENDED = Service("apiserver", "exited", "")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def wait(clock: Clock, looks: Iterator[list[Service]], say: Callable[[str], None] = lambda _: None) -> None:
    health.wait(lambda: next(looks), 600.0, say, lambda: clock.now, clock.sleep)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def forever(*services: Service) -> Iterator[list[Service]]:
    while True:
        yield [*services]


def test_it_returns_when_all_is_well_and_says_what_it_waits_for_once(clock: Clock) -> None:
    said: list[str] = []
    looks = iter([[WELL, STARTING]] * 7 + [[WELL, Service("elasticsearch", "running", "healthy")]])
    wait(clock, looks, said.append)
    assert clock.now == 14
    assert said == ["waiting for elasticsearch"]


def test_it_ends_after_the_time_that_was_given(clock: Clock) -> None:
    with pytest.raises(FlowsError, match=r"within 600 seconds \(docker.wait\): elasticsearch \(starting\)"):
        wait(clock, forever(WELL, STARTING))
    assert clock.now == 600


def test_what_has_ended_for_good_is_not_waited_for(clock: Clock) -> None:
    with pytest.raises(FlowsError, match=r"not healthy: apiserver \(exited\); flows server logs apiserver --docker"):
        wait(clock, forever(WELL, STARTING, ENDED))
    assert clock.now < 30


def test_what_is_started_again_is_waited_for(clock: Clock) -> None:
    back = Service("apiserver", "running", "healthy")
    wait(clock, iter([[ENDED]] * 4 + [[Service("apiserver", "running", "starting")]] + [[ENDED]] * 4 + [[back]]))
    assert clock.now == 18


def test_no_containers_at_all(clock: Clock) -> None:
    with pytest.raises(FlowsError, match="has no containers; `flows server up --docker`"):
        wait(clock, forever())
