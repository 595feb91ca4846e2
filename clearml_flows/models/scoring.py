"""Score raw rows with a registered model, in chunks, into a complete file."""

import csv
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from clearml_flows.errors import BadInput, FlowsError
from clearml_flows.files import check_target, whole_file
from clearml_flows.models.api import load_model
from clearml_flows.models.loading import LoadedModel
from clearml_flows.tabular.data.problems import describe_problems, escape_cell, tell_problem

ROWS_AT_ONCE = 20_000
STDOUT = "-"


@dataclass
class Tally:
    """Counts of a scored file, and its report items (see `tabular/data/problems.py`).

    Equal items are merged.
    """

    rows: int = 0
    positive: int = 0
    unknown: dict[str, int] = field(default_factory=dict)
    repeated: int = 0
    escaped: int = 0
    items: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)

    def add(self, items: list[dict[str, Any]]) -> None:
        for item in items:
            key = (item["level"], item["column"], item["rule"].split(":")[0])
            known = self.items.setdefault(key, {**item, "count": 0, "rows": []})
            known["count"] += item["count"]
            known["rows"] = [*known["rows"], *item["rows"]][:5]

    def of_level(self, *levels: str) -> list[dict[str, Any]]:
        return [item for item in self.items.values() if item["level"] in levels]


def predict(
    name: str, source: Path, target: Path | None, version: str | int = "production", allow_pickle: bool = False
) -> dict[str, Any]:
    """Score the rows of a raw CSV, in their order.

    Writes key, probability and decision of each row, or key and prediction for regression. Rows are checked as for
    training, but they need no target and may have new categories. The file is read in chunks, so it may be of any size.
    Nothing is written unless the whole file is valid.

    Args:
        name: the model's name.
        source: the CSV.
        target: the CSV to write. An existing file is replaced. None: stdout.
        version: `production`, `latest`, a version number, or a model id.
        allow_pickle: see `models.api.load_model`.

    Returns:
        `{model: {id, name, version, sha256}, input, output, rows, positive, threshold, unknown, repeated, escaped,
        notes}`. `unknown` counts categories that are not in the schema, by column. `positive` and `threshold` are None
        for regression.

    Raises:
        BadInput: the CSV has problems, and the message lists them; or a path or model does not exist.
        FlowsError: the model's file is not the registered one, or needs columns that this code does not make.
        Unreachable: no backend answers.
    """
    _check_paths(source, target)
    model = load_model(name, version, allow_pickle)
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder, whole_file(target) as out, source.open("rb") as file:
        score_file(model, file, source.name, out, tally, Path(folder))
    kept = {"id": model.id, "name": model.name, "version": model.version, "sha256": model.sha256}
    return {
        "model": kept,
        "input": str(source),
        "output": str(target) if target else STDOUT,
        "rows": tally.rows,
        "positive": None if model.threshold is None else tally.positive,
        "threshold": model.threshold,
        "unknown": tally.unknown,
        "repeated": tally.repeated,
        "escaped": tally.escaped,
        "notes": [tell_problem(item) for item in tally.of_level("warning", "tolerated")],
    }


def score_file(model: LoadedModel, file: Any, called: str, out: TextIO, tally: Tally, folder: Path) -> None:
    """Score an open CSV in chunks and count. Raises BadInput after the last row for a bad file."""
    # Without a key, chunks are not checked for repeated keys. They are counted here over the whole file.
    from clearml_flows.tabular.data.rows import prediction_schema, read_rows

    schema = {**prediction_schema(model.schema), "key": ""}
    writer = csv.writer(out, lineterminator="\n")
    told = ["prediction"] if model.threshold is None else ["probability", "decision"]
    writer.writerow([model.schema["key"] or "row", *told])
    with closing(sqlite3.connect(folder / "keys.sqlite")) as keys:
        keys.executescript("pragma synchronous = off; create table seen (key text primary key) without rowid")
        for frame, problems, notes in read_rows(file, schema, ROWS_AT_ONCE):
            tally.add([*problems, *notes])
            if len(frame) and not tally.of_level("problem"):
                writer.writerows(_scored(model, frame, tally, keys))
    found = tally.of_level("problem")
    if found:
        raise BadInput(describe_problems(called, found, len(found)))


def _check_paths(source: Path, target: Path | None) -> None:
    if not source.is_file():
        raise BadInput(f"{source} is {'no file' if source.exists() else 'not there'}; give the path of a CSV file")
    if target is None:
        return
    check_target(target)
    if target.exists() and target.samefile(source):
        raise BadInput(f"{target} is the file that is read; give another one to write")


def _scored(model: LoadedModel, frame: Any, tally: Tally, keys: sqlite3.Connection) -> Iterator[list[str]]:
    from clearml_flows.tabular.data.model_columns import prediction_rows

    rows = prediction_rows(frame, {**model.schema, "target": ""})
    missing = [column for column in model.columns if column not in rows.columns]
    if missing:
        raise FlowsError(
            f"model {model.name} {model.id} needs the column {missing[0]}, which this version of the code does not make"
        )
    p = model.score(rows)
    names = _keys(model, frame, tally.rows)
    _count(model, frame, names, tally, keys)
    for name, value in zip(names, p.tolist(), strict=True):
        tally.escaped += escape_cell(name) != name
        yield [escape_cell(name), repr(value), *_decided(model, value, tally)]


def _decided(model: LoadedModel, probability: float, tally: Tally) -> list[str]:
    """Return the class for a probability. Empty for regression."""
    if model.threshold is None:
        return []
    called = probability >= model.threshold
    tally.positive += called
    return [escape_cell(str(model.pipeline.classes_[int(called)]))]


def _keys(model: LoadedModel, frame: Any, before: int) -> list[str]:
    """Return the rows' keys, or row numbers from 1 if the schema has no key."""
    key = model.schema["key"]
    return frame[key].astype(str).tolist() if key else [str(before + number + 1) for number in range(len(frame))]


def _count(model: LoadedModel, frame: Any, names: list[str], tally: Tally, keys: sqlite3.Connection) -> None:
    before = keys.total_changes
    keys.executemany("insert or ignore into seen values (?)", ((name,) for name in names))
    tally.repeated += len(names) - (keys.total_changes - before)
    tally.rows += len(names)
    for column in model.schema["columns"]:
        if column["kind"] == "category" and column["name"] in frame:
            unknown = int((~frame[column["name"]].isin(column["values"])).sum())
            if unknown:
                tally.unknown[column["name"]] = tally.unknown.get(column["name"], 0) + unknown
