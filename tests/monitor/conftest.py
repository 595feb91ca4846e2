"""A monitor with a clock and a notifier of the test's own, on a real backend over HTTP, with its files in a folder."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clearml_flows.backend.client import Api
from clearml_flows.events import Event
from clearml_flows.monitor.decisions import Limits
from clearml_flows.monitor.engine import Monitor
from clearml_flows.monitor.journal import Journal
from clearml_flows.monitor.schedules import ClusterSchedules, Schedules
from clearml_flows.monitor.store import Store
from clearml_flows.monitor.watched_backend import Watched
from clearml_flows.settings import load
from tests.e2e.conftest import make_place
from tests.support.agents import backend_api
from tests.support.backend import running_backend
from tests.support.pipeline_runs import Runs

NEVER = Limits(stuck_after=timedelta(days=1), waiting_after=timedelta(days=1))
SOON = Limits(stuck_after=timedelta(minutes=1), waiting_after=timedelta(minutes=1))
LOOK_BACK = 3600.0


@dataclass
class Told:
    """A notifier that keeps what it is given, and gives up once when it is told to."""

    events: list[Event] = field(default_factory=list)
    puts: int = 0
    broken: bool = False

    def put(self, event: Event) -> None:
        if self.broken:
            raise KeyboardInterrupt
        self.puts += 1
        if event.key not in [known.key for known in self.events]:
            self.events.append(event)

    def deliver(self, now: datetime) -> None:
        """Nothing is sent."""

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Watcher:
    """A monitor that can be ended and started again on the same files."""

    folder: Path
    limits: Limits = NEVER
    others: bool = True
    told: Told = field(default_factory=Told)
    said: list[str] = field(default_factory=list)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.store, self.backend = Store(self.folder), Watched(load())
        self.schedules = (Schedules(self.folder), ClusterSchedules(load(), self.backend))
        journal = Journal(self.folder / "logs", self.said.append)
        self.monitor = Monitor(
            self.store,
            self.told,
            self.backend,
            self.schedules,
            journal,
            self.limits,
            LOOK_BACK,
            "services",
            self.others,
            self.said.append,
        )

    def end(self) -> None:
        for part in (*self.schedules, self.store, self.backend):
            part.close()

    def restart(self) -> None:
        self.end()
        self._begin()

    def look(self, seconds: float = 1) -> list[tuple[str, str]]:
        """Kinds and subjects of the events that a look tells, so many seconds after the last."""
        self.now += timedelta(seconds=seconds)
        before = len(self.told.events)
        self.looked = self.monitor.look(self.now)
        return [(event.kind, event.subject) for event in self.told.events[before:]]

    def lines(self, name: str = "pipeline_monitor.log") -> list[str]:
        path = self.folder / "logs" / name
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    place = make_place(tmp_path_factory.mktemp("monitor") / "project")
    with running_backend(place.folder / ".flows") as backend, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOWS_SETTINGS", str(place.folder / "settings.toml"))
        patch.setenv("FLOWS__MONITOR__LOOK_BACK", str(LOOK_BACK))
        api = backend_api(backend)
        yield api
        api.close()


def runs_of(api: Api, name: str) -> Iterator[Runs]:
    project = str(api.call("projects.create", name=name, system_tags=["hidden", "pipeline"])["id"])
    yield Runs(api, project)
    api.call("projects.delete", project=project, force=True, delete_contents=True)


@pytest.fixture
def made(api: Api) -> Iterator[Runs]:
    """Runs of this package's pipeline churn; none yet."""
    yield from runs_of(api, "clearml-flows/.pipelines/churn")


@pytest.fixture
def foreign(api: Api) -> Iterator[Runs]:
    """Runs of somebody else's pipeline."""
    yield from runs_of(api, "their own/.pipelines/nightly")


@pytest.fixture
def watcher(api: Api, tmp_path: Path) -> Iterator[Watcher]:
    watcher = Watcher(tmp_path / "data")
    yield watcher
    watcher.end()
