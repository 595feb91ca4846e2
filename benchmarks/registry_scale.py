"""Measure the commands on a small and on a large registry.

`python benchmarks/registry_scale.py [rounds]` prints a line for each command. It has the best time with 100 entries of
each kind, the best time with 10,000 experiments, 2,000 models and 500 dataset versions, and their ratio. The last
column is the ratio of the CPU time of command and backend. It depends less on other programs on the machine.

One entry of each kind is made through the API and `flows datasets create`. The others are copies of its document with
other ids, dates and values. They are written into the store of the embedded backend while it is down.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from hashlib import md5, sha256
from pathlib import Path
from typing import Any

import psutil

from clearml_flows.localserver import launcher
from clearml_flows.localserver.state import DATABASE, PORTS
from clearml_flows.localserver.store.database import open_store
from clearml_flows.localserver.store.documents import Documents

ROOT = Path(__file__).parents[1]
FEW = {"experiments": 100, "models": 100, "datasets": 100}
MANY = {"experiments": 10_000, "models": 2_000, "datasets": 500}
LIMIT = 1.5
COMMANDS = (
    "experiments list",
    "experiments list --metric cv_roc_auc",
    "experiments compare --metric cv_roc_auc --top 5",
    "experiments leaderboard",
    "models list",
    "models compare --top 5",
    "datasets list",
)
TEMPLATES = Path(__file__).with_name("registry_templates.py")
Document = dict[str, Any]


def main(rounds: int) -> None:
    """Print a line for each command. Exit with code 1 if a ratio exceeds LIMIT."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as ended:
        for name in ("few", "many"):
            ended.callback(launcher.down, Path(folder, name, ".flows"))
        places = [_place(Path(folder, "few"), FEW), _place(Path(folder, "many"), MANY)]
        worst = max(_measure(command.split(), places, rounds) for command in COMMANDS)
    print(f"worst ratio: {worst:.2f} (limit {LIMIT})")
    raise SystemExit(int(worst > LIMIT))


def _measure(command: list[str], places: list[dict[str, str]], rounds: int) -> float:
    """Return the ratio of the best times.

    Both backends are measured in turn, so that other load on the machine affects both.
    """
    times: list[list[float]] = [[], []]
    worked: list[list[float]] = [[], []]
    for _ in range(rounds):
        for number, place in enumerate(places):
            before = _worked(place)
            times[number].append(_run([sys.executable, "-m", "clearml_flows", *command], place))
            worked[number].append(_worked(place) - before)
    few, many = map(min, times)
    ratio = min(worked[1]) / min(worked[0])
    print(f"flows {' '.join(command):50} {few:6.2f} s {many:6.2f} s {many / few:6.2f} {ratio:6.2f}", flush=True)
    return many / few


def _worked(place: dict[str, str]) -> float:
    """Return the CPU seconds of all commands so far and of this project's backend."""
    backend = psutil.Process(launcher.status(_data(place)).pid).cpu_times()
    ours = os.times()
    return ours.children_user + ours.children_system + backend.user + backend.system


def _data(place: dict[str, str]) -> Path:
    return Path(place["FLOWS_SETTINGS"]).parent / ".flows"


def _place(folder: Path, counts: dict[str, int]) -> dict[str, str]:
    """Make a project folder with these numbers of entries and start its backend.

    Returns the environment of the project's commands.
    """
    folder.mkdir()
    shutil.copyfile(ROOT / "settings.toml", folder / "settings.toml")
    foreign = ("CLEARML_", "TRAINS_", "FLOWS_")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(foreign)}
    place = {
        **kept,
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "FLOWS_SETTINGS": str(folder / "settings.toml"),
    }
    (folder / "rows.csv").write_text("id,value\n" + "".join(f"{row},{row % 7}\n" for row in range(100)))
    _run([sys.executable, str(TEMPLATES), str(folder / "rows.csv"), str(folder / "made.json")], place)
    launcher.down(folder / ".flows")
    _fill(folder / ".flows" / DATABASE, json.loads((folder / "made.json").read_text("utf-8")), counts)
    # Another program may have taken the port. No stored link is followed here, so any port will do.
    (folder / ".flows" / PORTS).unlink()
    launcher.up(folder / ".flows")
    return place


def _fill(database: Path, made: dict[str, str], counts: dict[str, int]) -> None:
    store = open_store(database)
    try:
        with store.write() as session:
            _copy(session.tasks, made["experiment"], counts["experiments"], _experiment)
            _copy(session.models, made["model"], counts["models"], _model)
            _copy(session.tasks, made["dataset"], counts["datasets"], _dataset)
    finally:
        store.close()


def _copy(documents: Documents, template: str, count: int, change: Callable[[Document, int], None]) -> None:
    text = json.dumps(documents.get(template))
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(1, count):
        copy = json.loads(text)
        copy["id"] = md5(f"{template} {number}".encode(), usedforsecurity=False).hexdigest()
        copy["created"] = (begin + timedelta(minutes=number)).isoformat(timespec="microseconds")
        change(copy, number)
        documents.insert(copy)


def _experiment(task: Document, number: int) -> None:
    task["name"] = f"experiment {number}"
    for variants in task["last_metrics"].values():
        for item in variants.values():
            item["value"] = item["min_value"] = item["max_value"] = _spread(number)


def _model(model: Document, number: int) -> None:
    model["metadata"]["version"]["value"] = str(number + 1)
    for key, item in model["metadata"].items():
        if key.startswith("test_"):
            item["value"] = str(_spread(number))


def _dataset(task: Document, number: int) -> None:
    task["runtime"]["version"] = f"1.0.{number}"
    task["tags"] = [f"sha256:{sha256(str(number).encode()).hexdigest()}"]


def _spread(number: int) -> float:
    """Return a different value from 0 to 1 for each number, in no order."""
    return number * 7919 % 10_007 / 10_007


def _run(command: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command} ended with exit code {done.returncode}: {done.stderr.strip()[-500:]}")
    return time.perf_counter() - began


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
