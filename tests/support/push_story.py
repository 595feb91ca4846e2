"""`flows server push` from one embedded backend to another, as a child process of a test.

`python -m tests.support.push_story FOLDER` prints as JSON what came of it. The data directories `source` and `target`
of the folder have a running backend each. The SDK is bound to one backend for as long as a process lives: each command
runs in a fork of this process, which has imported everything and is bound to none.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import clearml
import requests
import skops.io  # noqa: F401  (once, for all forks)
from click.testing import CliRunner

from clearml_flows.cli.main import main
from clearml_flows.localserver import launcher
from clearml_flows.push import api  # noqa: F401  (once, for all forks)
from clearml_flows.push.target import Target
from clearml_flows.tabular.reporting import make_client
from tests.support import churn_models, push_seed
from tests.support.api import find_request_problems, sdk_classes

folder = Path(sys.argv[1])
SOURCE, TARGET = folder / "source", folder / "target"
told: dict[str, Any] = {}


def forked(work: Callable[[], Any]) -> Any:
    """What `work` returns in a process of its own; None if that is killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            with os.fdopen(writing, "w") as out:
                json.dump(work(), out, default=str)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    status = os.waitpid(child, 0)[1]
    assert status == 0 or os.WIFSIGNALED(status), f"exit status {status}"
    return json.loads(text) if status == 0 else None


def flows(data: Path, *arguments: str) -> dict[str, Any]:
    """Runs a command with the backend of a data directory as the embedded one."""

    def run() -> dict[str, Any]:
        os.environ["FLOWS__SERVER__DATA_DIR"] = str(data)
        os.environ["CLEARML_CONFIG_FILE"] = str(data / "clearml.conf")
        done = CliRunner().invoke(main, list(arguments))
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return {"exit_code": done.exit_code, "stdout": done.stdout, "stderr": done.stderr}

    return dict(forked(run) or {"exit_code": -9, "stdout": "", "stderr": ""})


def push(*options: str, config: Path = TARGET / "clearml.conf") -> dict[str, Any]:
    # In a process of its own, what the SDK says would not be printed.
    done = flows(SOURCE, "server", "push", "--config", str(config), "--json", *options)
    return {**done, "report": json.loads(done["stdout"].splitlines()[-1]) if done["stdout"] else None}


def note_problems() -> None:
    """Each request that is not as the SDK's own class for it has it goes into a file.

    But for the metadata of a model that is made: ClearML Server takes an object there, and refuses the SDK's list.
    """
    call = Target.call

    def noted(self: Target, endpoint: str, **body: Any) -> Any:
        with (folder / "problems").open("a") as file:
            asked = {name: value for name, value in body.items() if (endpoint, name) != ("models.create", "metadata")}
            file.writelines(f"{problem:.300}\n" for problem in find_request_problems(endpoint, asked))
        return call(self, endpoint, **body)

    Target.call = noted  # type: ignore[method-assign]  # for the rest of this process


def push_until(number: int, cut: bool = False) -> dict[str, Any]:
    """A push that is killed before its `number`-th request to the target; `cut`: that finds no server from then on."""
    status, send, left = launcher.status(TARGET), requests.Session.send, [number]
    hosts = (str(status.api_url), str(status.files_url))

    def counted(self: Any, request: Any, **options: Any) -> Any:
        if str(request.url).startswith(hosts):
            left[0] -= 1
            if not cut and not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            if cut and left[0] <= 0:
                request.url = "http://127.0.0.1:9/"
        return send(self, request, **options)

    requests.Session.send = counted  # type: ignore[method-assign]  # put back below
    try:
        return push()
    finally:
        requests.Session.send = send  # type: ignore[method-assign]  # as it was


def held(data: Path) -> dict[str, Any]:
    """All that a backend holds, as its API tells it."""

    def read() -> dict[str, Any]:
        os.environ["CLEARML_CONFIG_FILE"] = str(data / "clearml.conf")
        from clearml.backend_api.session.client import APIClient

        session = APIClient().session

        def call(endpoint: str, **body: Any) -> Any:
            return session.send_request(*endpoint.split("."), json=body).json()["data"]

        tasks = call("tasks.get_all", search_hidden=True, order_by=["created"])["tasks"]
        kinds = ("log", "training_stats_scalar", "plot", "training_debug_image")
        events = {
            task["id"]: [
                event
                for kind in kinds
                for event in call("events.get_task_events", task=task["id"], event_type=kind, order="asc")["events"]
            ]
            for task in tasks
        }
        projects = call("projects.get_all", search_hidden=True)["projects"]
        return {
            "tasks": tasks,
            "events": events,
            "models": call("models.get_all", order_by=["created"])["models"],
            "projects": {project["id"]: project["name"] for project in projects},
            "files_url": launcher.status(data).files_url,
            "web_url": launcher.status(data).web_url,
        }

    return dict(forked(read))


def interrupted() -> None:
    """Killed again and again, each time a little later, until it comes to its end."""
    told["killed"], number = [], 6
    told["dry run"] = push("--dry-run")
    told["part"], told["part again"] = (push("--project", "elsewhere") for _ in range(2))
    while (done := push_until(number))["exit_code"] == -9:
        told["killed"].append(number)
        number += max(10, number // 2)
    told["pushed"] = done
    told["source"], told["target"] = held(SOURCE), held(TARGET)
    told["again"] = push()
    told["target after again"] = held(TARGET)


def used() -> None:
    """The commands of the project on the target."""
    told["models"] = flows(TARGET, "models", "list", "--json")
    told["history"] = flows(TARGET, "models", "history", "churn", "--json")
    told["compare"] = flows(TARGET, "experiments", "compare", "--metric", "cv_roc_auc", "--top", "2", "--json")
    told["datasets"] = flows(TARGET, "datasets", "list", "--json")
    told["verify"] = [flows(TARGET, "datasets", "verify", one["id"]) for one in json.loads(told["datasets"]["stdout"])]
    customers = str(folder / "first.csv")
    told["local copy"] = forked(local_copy)
    told["predict"] = flows(TARGET, "models", "predict", "churn", customers, "-o", str(folder / "scored.csv"))


def local_copy() -> list[int]:
    """The rows of each version as the SDK itself fetches them."""
    os.environ["CLEARML_CONFIG_FILE"] = str(TARGET / "clearml.conf")
    versions = [one["id"] for one in json.loads(told["datasets"]["stdout"])]
    copies = [Path(clearml.Dataset.get(dataset_id=one).get_local_copy()) for one in versions]
    return [len(path.read_text().splitlines()) - 1 for copy in copies for path in copy.glob("*.csv")]


def changed(made: dict[str, Any]) -> None:
    first = made["models"][0]
    told["promote"] = flows(SOURCE, "models", "promote", first)
    told["changed"] = push()
    told["models after"] = flows(TARGET, "models", "list", "--json")
    # Somebody puts the other one into production on the server; then the first one changes here.
    other = next(one for one in json.loads(told["models after"]["stdout"]) if "previous-production" in one["tags"])
    told["promote there"] = flows(TARGET, "models", "promote", other["id"])
    forked(partial(comment, first))
    told["diverged"] = push()
    told["models diverged"] = flows(TARGET, "models", "list", "--json")


def comment(model: str) -> None:
    os.environ["CLEARML_CONFIG_FILE"] = str(SOURCE / "clearml.conf")
    make_client().models.edit(model=model, comment="looked at again")


def broken(made: dict[str, Any]) -> None:
    """The target goes away in the middle, and a file of the source is gone."""

    def change(tag: str) -> None:
        os.environ["CLEARML_CONFIG_FILE"] = str(SOURCE / "clearml.conf")
        for task in made["experiments"]:
            clearml.Task.get_task(task_id=task).add_tags([tag])

    forked(partial(change, "changed"))
    told["gone away"] = push_until(14, cut=True)
    gone = next(path for path in (SOURCE / "files").rglob("notes.txt") if made["experiments"][0] in str(path))
    gone.rename(folder / "kept")
    forked(partial(change, "again"))
    told["missing"] = push()
    (folder / "kept").rename(gone)
    told["mended"] = push()


def refused() -> None:
    other = (TARGET / "clearml.conf").read_text()
    (folder / "wrong.conf").write_text(other.replace('secret_key: "', 'secret_key: "wrong'))
    (folder / "down.conf").write_text(other.replace(str(launcher.status(TARGET).api_url), "http://127.0.0.1:9"))
    (folder / "bad.conf").write_text("api { server")
    (folder / "empty.conf").write_text("api {}\n")
    copied = folder / "copy.conf"
    copied.write_text((SOURCE / "clearml.conf").read_text())
    told["refused"] = {
        name: push(config=folder / f"{name}.conf") for name in ("wrong", "down", "bad", "empty", "copy", "none")
    }
    told["refused"]["itself"] = push(config=SOURCE / "clearml.conf")
    told["refused"]["unconfigured"] = flows(SOURCE, "server", "push")
    told["refused"]["project"] = push("--project", "clearml-flow")


def story() -> None:
    note_problems()
    told["made"] = made = forked(seeded)
    refused()
    interrupted()
    used()
    changed(made)
    broken(made)
    told["problems"] = sorted(set((folder / "problems").read_text().splitlines()))


def seeded() -> dict[str, Any]:
    os.environ["CLEARML_CONFIG_FILE"] = str(SOURCE / "clearml.conf")
    os.environ["FLOWS__SERVER__DATA_DIR"] = str(SOURCE)
    sys.stdout = sys.stderr
    return push_seed.seed(folder)


if __name__ == "__main__":
    # Once, before the forks: what is slow to import and to fit.
    sdk_classes("Request")
    for strength in (1.0, 0.1):
        churn_models.fitted(strength)
    story()
    sys.stdout.write(f"\n{json.dumps(told, default=str)}\n")
