"""`flows server push`: push the embedded backend's content to a ClearML Server.

Every Task and model first gets an empty counterpart that names its source. All ids are then known when links are
rewritten. Datasets, Tasks and models are filled one by one, and only complete ones get the mark of their state. All
state is on the server, so that any machine can continue an interrupted push.
"""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from clearml_flows.errors import BadInput, FlowsError, Unreachable
from clearml_flows.push.moved_links import Moved
from clearml_flows.push.notes import PUSHED_FROM, is_retagged, mark_of, metadata_item, state_of_part
from clearml_flows.push.source import Source
from clearml_flows.push.target import Counterpart, Target
from clearml_flows.push.transfer import Carrier
from clearml_flows.spelling import did_you_mean

# Format of pushed items. A release that changes it pushes every item again.
_FORMAT = "1"
Document = dict[str, Any]


@dataclass
class Report:
    """Result of a push.

    `files` and `bytes` were stored by this push. `verified` counts files that were read back.
    """

    target: str
    projects: int = 0
    tasks: int = 0
    datasets: int = 0
    models: int = 0
    carried: int = 0
    reused: int = 0
    files: int = 0
    bytes: int = 0
    verified: int = 0
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def document(self) -> Document:
        return asdict(self)


@dataclass
class Push:
    """One push. `scratch` is an empty folder, and `say` gets progress messages."""

    source: Source
    target: Target
    project: str
    scratch: Path
    say: Callable[[str], None]

    def __post_init__(self) -> None:
        listed = self.source.listed
        self.names = {one["id"]: one["name"] for one in listed["projects"]}
        inside = [name for name in self.names.values() if f"{name}/".startswith(f"{self.project}/")]
        if self.project and not inside:
            known = did_you_mean(self.project, self.names.values())
            raise BadInput(f"the embedded backend has no project {self.project!r}{known}")
        self.projects = [one for one in listed["projects"] if not self.project or one["name"] in inside]
        within = {one["id"] for one in self.projects}
        scoped = [[one for one in listed[kind] if self._within(one, within)] for kind in ("tasks", "models")]
        self.tasks, self.models = sorted(scoped[0], key=_order), sorted(scoped[1], key=_production_last)
        known_ids = frozenset(one["id"] for kind in listed.values() for one in kind)
        web = {self.source.backend.web_url: self.target.backend.web_url} if self.target.backend.web_url else {}
        self.moved = Moved({self.source.files_url: self.target.files_url, **web}, known_ids)
        self.report = Report(
            self.target.backend.api.url,
            projects=len(self.projects),
            tasks=sum(not _is_dataset(one) for one in self.tasks),
            datasets=sum(_is_dataset(one) for one in self.tasks),
            models=len(self.models),
        )

    def plan(self) -> Report:
        """Return the report of a push without changing anything."""
        self._count(*self._found())
        return self.report

    def run(self) -> Report:
        self._make_projects()
        tasks, models = self._found()
        self._count(tasks, models)
        for one in self.tasks:
            if one["id"] not in tasks:
                tasks[one["id"]] = self._make_task(one)
            self.moved.ids[one["id"]] = tasks[one["id"]].id
        for one in self.models:
            if one["id"] not in models:
                models[one["id"]] = self._make_model(one)
            self.moved.ids[one["id"]] = models[one["id"]].id
        self._fill(tasks, models)
        self._check(*self._found())
        return self.report

    def _within(self, one: Document, within: set[str]) -> bool:
        return not self.project or one.get("project") in within

    def _found(self) -> tuple[dict[str, Counterpart], dict[str, Counterpart]]:
        ids = [[one["id"] for one in kind] for kind in (self.tasks, self.models)]
        return self.target.pushed("tasks", ids[0]), self.target.pushed("models", ids[1])

    def _count(self, tasks: dict[str, Counterpart], models: dict[str, Counterpart]) -> None:
        pairs = [(one, tasks) for one in self.tasks] + [(one, models) for one in self.models]
        self.report.reused = sum(self._is_whole(one, found.get(one["id"])) for one, found in pairs)
        self.report.carried = len(pairs) - self.report.reused

    def _is_whole(self, one: Document, found: Counterpart | None) -> bool:
        state = _state(one)
        return found is not None and found.state in (state, state_of_part(state, self.project))

    def _make_projects(self) -> None:
        names = {one["name"] for one in self.projects}
        there = self.target.projects(names)
        # Sorted by name: a project is created before its subprojects, with its own description.
        for one in sorted(self.projects, key=lambda one: one["name"]):
            if one["name"] not in there:
                told = {name: one[name] for name in ("tags", "system_tags") if one.get(name)}
                made = self.target.call(
                    "projects.create", name=one["name"], description=one.get("description") or "", **told
                )
                there[one["name"]] = made["id"]
            self.moved.ids[one["id"]] = there[one["name"]]

    def _home(self, one: Document) -> Document:
        return {"project": self.moved.ids[one["project"]]} if one.get("project") in self.moved.ids else {}

    def _make_task(self, one: Document) -> Counterpart:
        marked = mark_of(one["id"])
        made = self.target.call(
            "tasks.create", name=one["name"], type=one["type"], hyperparams=marked, **self._home(one)
        )
        return Counterpart(made["id"], status="created", fresh=True)

    def _make_model(self, one: Document) -> Counterpart:
        marked = {PUSHED_FROM: metadata_item(PUSHED_FROM, one["id"])}
        empty = {"uri": f"{self.target.files_url}/", "ready": False, "metadata": marked}
        made = self.target.call("models.create", name=one["name"], **empty, **self._home(one))
        return Counterpart(made["id"], fresh=True)

    def _fill(self, tasks: dict[str, Counterpart], models: dict[str, Counterpart]) -> None:
        carrier = Carrier(self.source, self.target, self.moved, self.project, self.scratch)
        todo = [("tasks", one, tasks[one["id"]]) for one in self.tasks]
        todo += [("models", one, models[one["id"]]) for one in self.models]
        todo = [part for part in todo if not self._is_whole(part[1], part[2])]
        for number, (kind, one, found) in enumerate(todo, start=1):
            self.say(f"{number} of {len(todo)}: {one['name']}")
            try:
                if kind == "tasks":
                    carrier.task(one["id"], found, _state(one))
                else:
                    theirs = is_retagged(found.metadata, found.tags)
                    carrier.model(one["id"], found, _state(one), not theirs and self._is_withheld(one))
            except Unreachable:
                raise
            except FlowsError as problem:
                carrier.missing.append(f"{kind[:-1]} {one['name']} {one['id']}: {problem}")
        self.report.files, self.report.bytes = carrier.stored, carrier.bytes
        self.report.verified, self.report.missing = len(carrier.files), carrier.missing
        self.report.notes += carrier.notes
        running = sum(one["status"] in ("in_progress", "queued") for one in self.tasks)
        if running:
            self.report.notes.append(f"Tasks that have not ended, so are drafts there until a later push: {running}")

    def _is_withheld(self, one: Document) -> bool:
        """Return whether a model must not be in production on the server.

        Reasons are synthetic training data, or another model in production there.
        """
        if "production" not in (one.get("tags") or []):
            return False
        why = "it was trained on made-up customers" if "synthetic" in one["tags"] else self._holder(one)
        if why:
            self.report.notes.append(
                f"model {one['name']} {self.moved.ids[one['id']]} is not in production there: {why}"
            )
        return bool(why)

    def _holder(self, one: Document) -> str:
        """Return the model in production under this name on the server, as the end of a sentence."""
        query: Document = {"name": f"^{re.escape(one['name'])}$", "tags": ["production"], "only_fields": ["id"]}
        home = {name: [value] for name, value in self._home(one).items()}
        there = self.target.call("models.get_all", **query, **home)["models"]
        others = [model["id"] for model in there if model["id"] != self.moved.ids[one["id"]]]
        return f"{others[0]} is; promote it there if it should be" if others else ""

    def _check(self, tasks: dict[str, Counterpart], models: dict[str, Counterpart]) -> None:
        """Count everything again from the server, and report incomplete items as missing."""
        before = self.report.reused
        self._count(tasks, models)
        self.report.carried, self.report.reused = self.report.reused - before, before
        told = " ".join(self.report.missing)
        for kind, listed, found in (("task", self.tasks, tasks), ("model", self.models, models)):
            for one in listed:
                if not self._is_whole(one, found.get(one["id"])) and one["id"] not in told:
                    self.report.missing.append(f"{kind} {one['name']} {one['id']} is not whole on the server")


def _state(one: Document) -> str:
    return f"{_FORMAT} {one.get('last_change') or one.get('created')}"


def _is_dataset(one: Document) -> bool:
    return "dataset" in (one.get("system_tags") or [])


def _order(one: Document) -> tuple[bool, str]:
    """Sort key: datasets first, then by time of completion. Parents complete before children."""
    return not _is_dataset(one), one.get("completed") or one.get("created") or ""


def _production_last(one: Document) -> bool:
    """Sort key: the model in production last, because another one may lose the tag."""
    return "production" in (one.get("tags") or [])
