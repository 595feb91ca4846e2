"""Registered models: register, list, compare, fetch, load, promote, roll back, archive."""

import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clearml_flows.errors import BadInput, FlowsError, GateSaidNo
from clearml_flows.experiments.comparison import side_by_side_frame
from clearml_flows.files import arriving, check_free
from clearml_flows.models.description import compared_models, described_model, listed_model
from clearml_flows.models.loading import LoadedModel, check_model, fetch_model_file, read_model, suffix_of
from clearml_flows.models.model_metrics import best_models
from clearml_flows.models.registration import check_model_path, check_words, experiment_facts, file_facts
from clearml_flows.models.versions import FIELDS, Registry, exactly, facts_of, open_registry, told_by, version_number

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LoadedModel"]
BY_HAND = "by hand"
METRIC = "test_f1_score"


def register_model(
    path: str | Path,
    name: str,
    task: str = "",
    metadata: Mapping[str, Any] | None = None,
    tags: Iterable[str] = (),
) -> dict[str, Any]:
    """Register a model file as the next version of a name, unless it is registered already.

    Args:
        path: a skops file with known types, or a pickle or joblib file, which is not read.
        name: the model's name. Its versions are numbered 1, 2, ….
        task: id of the model's experiment, or its beginning. Its metrics, parameters and dataset are stored.
        metadata: names and values to store. Numbers count as metrics.
        tags: tags to store.

    Returns:
        `{id, name, version, sha256, format, tags, reused}`. `reused` is True if the file was registered before. Nothing
        is changed then.

    Raises:
        BadInput: the file or another argument is invalid.
        FlowsError: the file server did not take the file.
        Unreachable: no backend answers.
    """
    from clearml_flows.tabular.registry.entries import find_file, project_of, store_model_file
    from clearml_flows.tabular.registry.entries import register_model as register_file

    path, facts, words = Path(path).expanduser(), dict(metadata or {}), list(dict.fromkeys(tags))
    check_words(name, facts, words)
    told = file_facts(path, check_model_path(path))
    registry = open_registry()
    with told_by(registry.backend):
        known = experiment_facts(registry.backend, task) if task else {}
        project_id = project_of(registry.client, registry.project)
        url = store_model_file(registry.client, str(path), project_id, told["sha256"], path.suffix.lower())
        reused = find_file(registry.client, name, project_id, url) is not None
        kept = {**known, **facts, **told, "reason": f"{path.name} was registered {BY_HAND}"}
        framework = "ScikitLearn" if told["format"] == "skops" else "Custom"
        origin = known.get("experiment", "")
        model_id = register_file(registry.client, name, project_id, url, kept, words, origin, framework)
        entry = registry.entry(model_id)
        found = {"id": model_id, "name": name, "version": version_number(entry), "tags": list(entry.data.tags or [])}
        return {**found, "sha256": told["sha256"], "format": told["format"], "reused": reused}


def load_model(name: str, version: str | int = "production", allow_pickle: bool = False) -> LoadedModel:
    """Return a model after checking its file's size, sha256, format and types.

    Args:
        name: the model's name.
        version: `production`, `latest`, a version number, or a model id.
        allow_pickle: whether to read a pickle or joblib file, which can run any code, if its sha256 is right.

    Raises:
        BadInput: there is no such model or version.
        FlowsError: the file is missing, was changed, or has a format that is not read, such as pickle.
        Unreachable: no backend answers.
    """
    registry = open_registry()
    with told_by(registry.backend):
        return read_model(registry.version(name, version), allow_pickle)


def fetch_model(
    name: str, version: str | int = "latest", target: str | Path | None = None, replace: bool = False
) -> dict[str, Any]:
    """Write a model's file after verifying its sha256.

    Args:
        name: the model's name.
        version: `production`, `latest`, a version number, or a model id.
        target: a file, or a folder for `<name>-<version>.skops`. None: the current folder.
        replace: whether an existing file may be replaced.

    Returns:
        `{id, name, version, sha256, bytes, path}`.

    Raises:
        BadInput: there is no such model or version, or the file cannot be written.
        FlowsError: the model's file is missing or was changed.
        Unreachable: no backend answers.
    """
    registry = open_registry()
    with told_by(registry.backend):
        entry = registry.version(name, version)
        path = Path(target or ".").expanduser()
        if path.is_dir():
            path /= f"{name}-{version_number(entry)}{suffix_of(entry)}"
        check_free(path.absolute(), replace)
        with tempfile.TemporaryDirectory() as folder:
            fetched = fetch_model_file(entry, folder)
            with arriving(path, replace) as made:
                shutil.copyfile(fetched, made)
        row = {"id": entry.id, "name": name, "version": version_number(entry), "path": str(path)}
        return {**row, "sha256": facts_of(entry)["sha256"], "bytes": path.stat().st_size}


def list_models(name: str = "", tag: str = "", top: int = 20) -> list[dict[str, Any]]:
    """Return the newest `top` models that are not archived.

    Each has id, name, version, tags, created, experiment, format and metrics.

    Raises:
        BadInput: there is no model of this name, or with this tag.
        Unreachable: no backend answers.
    """
    registry = open_registry()
    filters: dict[str, Any] = {**(exactly(name) if name else {}), **({"tags": [tag]} if tag else {})}
    found = registry.query(FIELDS, top, **filters)
    if not found and name:
        registry.refuse_name(name)
    if not found and tag:
        registry.refuse_tag(tag)
    return [listed_model(model) for model in found]


def show_model(model_id: str) -> dict[str, Any]:
    """Return all facts of a model, by its id or the beginning of it.

    The fields of `list_models`, and facts, parameters, dataset, experiment, run, file, uri, web_url.

    Raises:
        BadInput: there is no such model, or more than one.
        Unreachable: no backend answers.
    """
    registry = open_registry()
    with told_by(registry.backend):
        return described_model(registry, registry.find(model_id))


def compare_models(ids: Sequence[str] = (), metric: str = METRIC, top: int = 5, name: str = "") -> "pd.DataFrame":
    """Return models side by side as a DataFrame, as `experiments.api.compare_experiments` does.

    Args:
        ids: ids of models, or their beginnings. Without ids, the best models by the metric.
        metric: exact name of a metric of the models' metadata or of their experiments.
        top: number of best models.
        name: only models of this name.

    Returns:
        Indexed by `part` (model, metric, parameter, dataset, file) and `name`. It has a column for each model's id,
        best first. `differs` is true if values differ. `delta <id>` is the difference of a metric to the first model.

    Raises:
        BadInput: only one id is given, an id is given twice, or there is no such model or metric.
        Unreachable: no backend answers.
    """
    found = models_meant(ids, metric, top, name)
    return side_by_side_frame([one["id"] for one in found], compared_models(found))


def models_meant(ids: Sequence[str] = (), metric: str = METRIC, top: int = 5, name: str = "") -> list[dict[str, Any]]:
    """Return the models of these ids, or the best by a metric, as `show_model` does.

    See `compare_models` for the arguments.
    """
    registry = open_registry()
    with told_by(registry.backend):
        if not ids:
            if name:
                registry.refuse_name(name)
            best = [(value, described_model(registry, one)) for value, one in best_models(registry, metric, top, name)]
            return [{**told, "metrics": {**told["metrics"], metric: value}} for value, told in best]
        if len(ids) == 1:
            raise BadInput("comparing takes two models or more: give another id, or none and a metric")
        found = [registry.find(one) for one in ids]
        known = [model["id"] for model in found]
        twice = next((one for one in known if known.count(one) > 1), None)
        if twice:
            raise BadInput(f"model {twice} is named twice: comparing takes two different models or more")
        return [described_model(registry, model) for model in found]


def promote(model_id: str, why: str = BY_HAND) -> dict[str, Any]:
    """Put a model into production instead of the present one.

    Returns:
        `{name, from, to, why, changed}`.

    Raises:
        BadInput: there is no such model.
        GateSaidNo: it was trained on synthetic data and must not be promoted.
        FlowsError: its file is not the registered one, or another model was promoted meanwhile.
    """
    from clearml_flows.tabular.registry.moves import find_production, promote_model, who_asks

    registry = open_registry()
    with told_by(registry.backend):
        entry = registry.by_id(model_id)
        incumbent = find_production(registry.named(entry.name))
        check_model(entry)
        _refuse_data(registry, entry, incumbent)
        before = incumbent.id if incumbent else ""
        told = {"who": who_asks(registry.client), "via": "command line", "why": why}
        problem = promote_model(registry.client, entry, before, told)
        if problem:
            raise FlowsError(f"model {entry.name} {entry.id} was not promoted: {problem}")
        return {"name": entry.name, "from": before, "to": entry.id, "why": why, "changed": before != entry.id}


def rollback(name: str | None = None, why: str = BY_HAND) -> dict[str, Any]:
    """Undo the last promotion and return its record. All models get their earlier roles.

    Args:
        name: the models' name. Needed only if there are models of several names.
        why: the reason, for the record.

    Raises:
        BadInput: no promotion is in effect.
        FlowsError: the earlier model cannot be read, or its role was changed by hand.
    """
    from clearml_flows.tabular.registry.moves import moves_in_effect, read_moves, roll_back, who_asks

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
    """Return the records of all promotions and rollbacks of a model name, earliest first.

    The fields are those of `tabular/registry/moves.py`, with `from_version` and `to_version` (None without a model).
    """
    from clearml_flows.tabular.registry.moves import read_moves

    registry = open_registry()
    with told_by(registry.backend):
        entries = registry.named(name or registry.only_name())
        versions = {entry.id: version_number(entry) for entry in entries}
        return [
            {**move, "from_version": versions.get(move["from"]), "to_version": versions.get(move["to"])}
            for move in read_moves(entries)
        ]


def archive(model_id: str) -> dict[str, Any]:
    """Archive a model: it disappears from lists, and ClearML keeps it.

    Returns:
        `{id, name, version}`.

    Raises:
        BadInput: there is no such model, or it is in production.
        Unreachable: no backend answers.
    """
    from clearml_flows.tabular.registry.moves import find_production
    from clearml_flows.tabular.registry.promotion_lock import free_lock, take_lock

    registry = open_registry()
    with told_by(registry.backend):
        entry = registry.by_id(model_id)
        called = f"model {entry.name} {entry.id}"
        lock = take_lock(registry.client, entry.name, entry.project)
        try:
            found = find_production(registry.named(entry.name))
            if found is not None and found.id == entry.id:
                raise BadInput(f"{called} is in production: promote another one, or roll back, before it is archived")
            registry.client.models.archive_many(ids=[entry.id])
        finally:
            free_lock(registry.client, lock)
        return {"id": entry.id, "name": entry.name, "version": version_number(entry)}


def _refuse_data(registry: Registry, entry: Any, incumbent: Any) -> None:
    from clearml_flows.tabular.judging.synthetic_rule import data_refusal

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
    check_model(target)
    _refuse_data(registry, target, None)
