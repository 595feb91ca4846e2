"""Tasks that differ in every field that can be asked for, and which of them each question finds."""

import hashlib
from typing import Any

from clearml import Task
from clearml.backend_api.session.client import APIClient

from tests.contract.child import Document, tell

# Where ClearML keeps the last value of the single value `auc`.
METRIC = ".".join(
    [
        "last_metrics",
        *(hashlib.md5(name.encode(), usedforsecurity=False).hexdigest() for name in ("Summary", "auc")),
        "value",
    ]
)
HIDDEN = {"search_hidden": True, "_allow_extra_fields_": True}


def ask(project: str) -> Document:
    client = APIClient()
    ids = prepare(client, project)
    dates = [client.tasks.get_by_id(task=ids[name]).data.status_changed for name in ("alpha", "beta")]
    assert dates[0] < dates[1]
    of_alpha = client.tasks.get_by_id(task=ids["alpha"]).data.project

    def found(tags: list[str] | None = None, **filters: Any) -> list[str]:
        asked = {**filters, "_allow_extra_fields_": True}
        return sorted(names(Task.get_tasks(project_name=project, tags=tags, task_filter=asked)))

    return {
        "tags": {" ".join(tags): found(tags=tags) for tags in TAGS},
        "names": {name: sorted(names(Task.get_tasks(project_name=project, task_name=name))) for name in NAMES},
        "fields": {label: found(**filters) for label, filters in fields(ids).items()},
        "dates": {
            "status changed from": found(status_changed=[f">={dates[1].isoformat()}"], name="^(alpha|beta)$"),
            "status changed before": found(status_changed=[f"<{dates[1].isoformat()}"], name="^(alpha|beta)$"),
            "updated from 2000": len(found(last_update=[">=2000-01-01T00:00:00"])),
            "updated before 2000": found(last_update=["<2000-01-01T00:00:00"]),
        },
        "order": {
            order: names(Task.get_tasks(project_name=project, task_filter={"order_by": [order]})) for order in ORDERS
        },
        "by a metric": {
            sign: names(client.tasks.get_all(project=[of_alpha], order_by=[f"{sign}{METRIC}", "name"], **HIDDEN))
            for sign in ("", "-")
        },
        "pages": pages(client, ids),
        "projects": by_project(client, project),
        "returned": returned(project),
        "get_task": get_task(project),
    }


def prepare(client: APIClient, project: str) -> dict[str, str]:
    above = client.projects.create(name=project).id
    below = client.projects.create(name=f"{project}/below").id
    hidden = client.projects.create(name=f"{project}/.hidden", system_tags=["hidden"]).id
    rate = {"General": {"rate.log": {"section": "General", "name": "rate.log", "value": "0.1", "type": "float"}}}
    rate["General"]["flow"] = {"section": "General", "name": "flow", "value": "churn", "type": "str"}
    repository = {"repository": "https://example.org/churn.git", "branch": "main", "entry_point": "train.py"}
    made: list[tuple[str, str, dict[str, Any]]] = [
        ("alpha", above, {"type": "training", "tags": ["best", "v1"], "comment": "Notes on it", "script": repository}),
        ("beta", above, {"type": "testing", "tags": ["best", "debug"], "hyperparams": rate}),
        ("gamma", above, {"type": "training", "tags": ["debug"]}),
        ("delta (x+y) [1]", above, {"type": "inference", "tags": []}),
        ("epsilon", above, {"type": "training", "tags": ["best", "v1", "v2"], "system_tags": ["archived"]}),
        ("zeta", below, {"type": "training", "tags": ["best"]}),
        ("eta", hidden, {"type": "training", "tags": ["best"]}),
    ]
    ids = {name: client.tasks.create(name=name, project=where, **more).id for name, where, more in made}
    client.tasks.edit(task=ids["gamma"], parent=ids["alpha"], runtime={"mark": "a-b.c"})
    for name in ("alpha", "beta", "delta (x+y) [1]"):
        client.tasks.started(task=ids[name])
    reported = {"type": "training_stats_scalar", "metric": "Summary", "variant": "auc", "iter": -(2**31)}
    values = {"alpha": 0.2, "gamma": -0.1, "beta": 10.0}
    client.events.add_batch(requests=[{**reported, "task": ids[name], "value": values[name]} for name in values])
    client.tasks.completed(task=ids["alpha"])
    client.tasks.stopped(task=ids["beta"])
    return ids


TAGS = [
    ["best"],
    ["v1", "debug"],
    ["best", "-debug"],
    ["-debug"],
    ["-debug", "-v2"],
    ["__$all", "best", "v1"],
    ["__$all", "best", "__$not", "v2"],
    ["__$or", "v2", "debug"],
    ["__$all", "best", "__$or", "v2", "debug"],
    ["no such tag"],
]
NAMES = ["^alpha$", "eta", "^(alpha|gamma)$", r"delta \(x\+y\) \[1\]", "a$", "^no such name$"]
ORDERS = ["name", "-name", "created", "-created"]


def fields(ids: dict[str, str]) -> dict[str, dict[str, Any]]:
    return {
        "status": {"status": ["completed", "stopped"]},
        "status created": {"status": ["created"]},
        "type": {"type": ["testing", "inference"]},
        "archived": {"system_tags": ["archived"]},
        "not archived": {"system_tags": ["-archived"]},
        "all of archived": {"system_tags": ["__$all", "archived"]},
        "parent": {"parent": ids["alpha"]},
        "id": {"id": [ids["alpha"], ids["gamma"], "0" * 32]},
        "several": {"type": ["training"], "tags": ["best"], "system_tags": ["-archived"], "status": ["completed"]},
        "any": {"_any_": {"fields": ["name", "comment"], "pattern": "Notes|^gam"}},
        "all": {"_all_": {"fields": ["name", "comment"], "pattern": "a.*|Notes"}},
        "nested": {"_all_": {"fields": ["script.repository"], "pattern": r"example\.org/churn"}},
        "runtime": {"_all_": {"fields": ["runtime.mark"], "pattern": r"^a\-b\.c$"}},
        "text": {"search_text": "Notes"},
        "beginning of an id": {"_any_": {"fields": ["id"], "pattern": f"^{ids['alpha'][:12]}"}},
        "parameter": {"hyperparams.General.flow.value": ["churn"]},
        "created between": {"created": ["2000-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00"], "name": "^alpha$"},
        "created before": {"created": ["1970-01-01T00:00:00+00:00", "2000-01-01T00:00:00+00:00"]},
        "no experiment": {"system_tags": ["-archived", "-hidden", "-pipeline", "-dataset"]},
    }


def names(tasks: Any) -> list[str]:
    return [task.name for task in tasks]


def pages(client: APIClient, ids: dict[str, str]) -> list[list[str]]:
    asked = {"id": list(ids.values()), "order_by": ["name"], "page_size": 3, **HIDDEN}
    return [names(client.tasks.get_all(page=page, **asked)) for page in range(4)]


def by_project(client: APIClient, project: str) -> dict[str, Any]:
    every = client.projects.get_all(name=f"^{project}(/|$)", **HIDDEN)
    short = {found.id: found.name.removeprefix(project) for found in every}
    top = next(project_id for project_id, name in short.items() if not name)

    def shown(**filters: Any) -> list[str]:
        found = Task.get_projects(name=f"^{project}(/|$)", **filters)
        return sorted(one.name.removeprefix(project) for one in found)

    return {
        "all": sorted(short.values()),
        "not hidden": shown(),
        "hidden": shown(search_hidden=True),
        "below": sorted(names(client.projects.get_all(parent=[top], _allow_extra_fields_=True)))
        == [f"{project}/below"],
        "several": sorted(names(Task.get_tasks(project_name=[project, f"{project}/below"], tags=["best"]))),
        "hidden task": names(client.tasks.get_all(name="^eta$", project=list(short), **HIDDEN)),
        "unknown": Task.query_tasks(project_name=f"{project}/no such project"),
    }


def returned(project: str) -> list[dict[str, Any]]:
    asked = ["name", "type", "script.repository", "tags"]
    found = Task.query_tasks(project_name=project, task_name="^(alpha|beta)$", additional_return_fields=asked)
    return sorted(({name: one[name] for name in asked} for one in found), key=lambda one: str(one["name"]))


def get_task(project: str) -> dict[str, str | None]:
    def name(found: Task | None) -> str | None:
        return found.name if found else None

    return {
        "by name": name(Task.get_task(project_name=project, task_name="delta (x+y) [1]")),
        "by tags": name(Task.get_task(project_name=project, tags=["__$all", "best", "debug"])),
        "only archived": name(Task.get_task(project_name=project, tags=["v2"])),
        "not archived": name(Task.get_task(project_name=project, tags=["v2"], allow_archived=False)),
        "filtered": name(Task.get_task(project_name=project, task_filter={"status": ["stopped"]})),
    }


tell(ask)
