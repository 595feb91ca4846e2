"""Registered models: loaded only when they are what was registered, put into production, taken out of it again."""

import json
import tempfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from components.artifacts import fetch_file
from components.model_file import load_model as read_model_file
from components.moves import find_production, moves_in_effect, promote_model, read_moves, roll_back, who_asks
from components.promotion import data_refusal
from components.registry import model_value
from components.schema import load_schema
from flows.errors import BadInput, FlowsError, GateSaidNo
from ops.registry import Registry, facts_of, open_registry, told_by, version_number

MAX_BYTES = 200_000_000
PICKLES = {".pkl", ".pickle", ".joblib", ".pt", ".pth", ".dill", ".cloudpickle"}
BY_HAND = "by hand"


@dataclass(frozen=True)
class LoadedModel:
    """A model whose file is the registered one; `pipeline` is scikit-learn's, `facts` is what the registry tells."""

    id: str
    name: str
    version: int
    sha256: str
    tags: tuple[str, ...]
    threshold: float
    target: str
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    facts: dict[str, Any] = field(repr=False)
    pipeline: Any = field(repr=False)

    @property
    def columns(self) -> list[str]:
        """What `pipeline` takes, in this order."""
        return [*self.numeric, *self.categorical]

    @cached_property
    def schema(self) -> dict[str, Any]:
        """What the raw columns must be. Raises FlowsError if the model was registered without it."""
        if not self.facts.get("schema"):
            raise FlowsError(f"model {self.name} {self.id} was registered without a schema, so it scores no raw CSV")
        return load_schema(json.dumps(self.facts["schema"]))

    def score(self, rows: Any) -> Any:
        """The probability of the positive class for rows with `columns`."""
        return self.pipeline.predict_proba(rows[self.columns])[:, 1]


def load_model(name: str, version: str | int = "production") -> LoadedModel:
    """The model of this name, read from its file once size, sha256, format and types have been checked, in this order.

    Args:
        name: of the model.
        version: `production`, `latest`, a version's number, or a model's id.

    Raises:
        BadInput: there is no such model or version.
        FlowsError: its file is gone, was changed, or is of a kind that is not read, such as a pickle.
        Unreachable: no backend answers.
    """
    registry = open_registry()
    with told_by(registry.backend):
        return read_model(registry.version(name, version))


def read_model(entry: Any) -> LoadedModel:
    """The model of a registry entry. Raises FlowsError if its file or its facts are not what was registered."""
    called, uri = f"model {entry.name} {entry.id}", str(entry.uri or "")
    if PurePosixPath(urlsplit(uri).path).suffix.lower() in PICKLES:
        raise FlowsError(f"{called} is kept as {PurePosixPath(uri).name}, a pickle or joblib file: it is not read")
    facts = facts_of(entry)
    lacking = [name for name in ("sha256", "features", "threshold") if not facts.get(name)]
    if lacking:
        raise FlowsError(f"{called} was not registered by a flow: its metadata lack {', '.join(lacking)}")
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = fetch_file(uri, facts["sha256"], MAX_BYTES, folder, f"{entry.name}.skops")
            pipeline = read_model_file(path, 20 * MAX_BYTES)
        except (OSError, ValueError) as error:
            raise FlowsError(f"{called} is not read: {error}") from error
    return _loaded(entry, facts, pipeline, called)


def list_models() -> list[dict[str, Any]]:
    """All models that are not archived, the newest first: id, name, version, tags, created, experiment, metrics."""
    registry = open_registry()
    with told_by(registry.backend):
        return [_row(entry) for entry in registry.models()]


def show_model(model_id: str) -> dict[str, Any]:
    """All that the registry knows of a model: the row of `list_models`, uri, web_url, facts."""
    registry = open_registry()
    with told_by(registry.backend):
        entry = registry.by_id(model_id)
        page = f"{registry.backend.web_url}/projects/{entry.project}/models/{entry.id}"
        return {**_row(entry), "uri": entry.uri, "web_url": page, "facts": facts_of(entry)}


def promote(model_id: str, why: str = BY_HAND) -> dict[str, Any]:
    """Puts a model into production in place of the one that is, and returns `{name, from, to, why, changed}`.

    Raises:
        BadInput: there is no such model.
        GateSaidNo: it was trained on synthetic customers and may not.
        FlowsError: its file cannot be read, or another model went into production meanwhile.
    """
    registry = open_registry()
    with told_by(registry.backend):
        entry = registry.by_id(model_id)
        incumbent = find_production(registry.named(entry.name))
        read_model(entry)
        _refuse_data(registry, entry, incumbent)
        before = incumbent.id if incumbent else ""
        told = {"who": who_asks(registry.client), "via": "command line", "why": why}
        problem = promote_model(registry.client, entry, before, told)
        if problem:
            raise FlowsError(f"model {entry.name} {entry.id} was not promoted: {problem}")
        return {"name": entry.name, "from": before, "to": entry.id, "why": why, "changed": before != entry.id}


def rollback(name: str | None = None, why: str = BY_HAND) -> dict[str, Any]:
    """Takes the last promotion back, so that all models have the roles they had before it; returns its record.

    Args:
        name: of the models; needed only where there are models of several names.
        why: for the record.

    Raises:
        BadInput: no promotion is in effect.
        FlowsError: the model to go back to cannot be read, or its role was changed by hand since.
    """
    registry = open_registry()
    with told_by(registry.backend):
        name = name or registry.only_name()
        entries = registry.named(name)
        moves = moves_in_effect(read_moves(entries))
        if not moves:
            raise BadInput(f"no promotion of {name} is in effect, so there is nothing to take back")
        _check_target(registry, name, entries, moves[-1]["from"])
        told = {"who": who_asks(registry.client), "via": "command line", "why": why}
        return roll_back(registry.client, name, entries[0].project, moves[-1]["number"], told)


def history(name: str | None = None) -> list[dict[str, Any]]:
    """The records of all promotions and rollbacks of models of this name, the first ones first.

    What they hold tells `components/moves.py`; `from_version` and `to_version` are added, None where no model is.
    """
    registry = open_registry()
    with told_by(registry.backend):
        entries = registry.named(name or registry.only_name())
        versions = {entry.id: version_number(entry) for entry in entries}
        return [
            {**move, "from_version": versions.get(move["from"]), "to_version": versions.get(move["to"])}
            for move in read_moves(entries)
        ]


def _loaded(entry: Any, facts: dict[str, Any], pipeline: Any, called: str) -> LoadedModel:
    features = facts["features"]
    numeric, categorical = tuple(features["numeric"]), tuple(features["categorical"])
    if sorted(pipeline.feature_names_in_) != sorted((*numeric, *categorical)):
        raise FlowsError(f"{called} takes other columns than its metadata tell: they were changed")
    return LoadedModel(
        id=entry.id,
        name=entry.name,
        version=version_number(entry),
        sha256=facts["sha256"],
        tags=tuple(entry.data.tags or ()),
        threshold=float(facts["threshold"]),
        target=features["target"],
        numeric=numeric,
        categorical=categorical,
        facts=facts,
        pipeline=pipeline,
    )


def _row(entry: Any) -> dict[str, Any]:
    metrics = {key: value for key, value in facts_of(entry).items() if key.startswith("test_")}
    return {
        "id": entry.id,
        "name": entry.name,
        "version": version_number(entry),
        "tags": list(entry.data.tags or []),
        "created": entry.data.created.isoformat(timespec="seconds"),
        "experiment": model_value(entry, "experiment_name"),
        "metrics": {key: value for key, value in metrics.items() if not key.endswith(("_low", "_high"))},
    }


def _refuse_data(registry: Registry, entry: Any, incumbent: Any) -> None:
    refusal = data_refusal(entry, incumbent, registry.embedded)
    if refusal:
        raise GateSaidNo(f"model {entry.name} {entry.id} does not go into production: {refusal}")


def _check_target(registry: Registry, name: str, entries: list[Any], model_id: str) -> None:
    if not model_id:
        return
    target = next((entry for entry in entries if entry.id == model_id), None)
    if target is None:
        raise FlowsError(
            f"model {model_id}, which {name} would go back to, is archived or deleted: promote another one"
        )
    read_model(target)
    _refuse_data(registry, target, None)
