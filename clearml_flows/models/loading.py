"""Read model files after checking size, sha256, format and types, in this order."""

import json
import tempfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from clearml_flows.errors import FlowsError
from clearml_flows.models.versions import facts_of, version_number
from clearml_flows.tabular.artifacts import fetch_file
from clearml_flows.tabular.data.table_schema import load_schema

MAX_BYTES = 200_000_000
PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".dill", ".cloudpickle")
# The threshold of scikit-learn's predict.
EVEN_CHANCE = 0.5


@dataclass(frozen=True)
class LoadedModel:
    """A model that was read from its verified file.

    `pipeline` is scikit-learn's, and `facts` are the registry's metadata. `columns` are the input columns in order,
    empty if the pipeline does not name them. `threshold` is None for regression.
    """

    id: str
    name: str
    version: int
    sha256: str
    tags: tuple[str, ...]
    threshold: float | None
    target: str
    columns: tuple[str, ...]
    facts: dict[str, Any] = field(repr=False)
    pipeline: Any = field(repr=False)

    @cached_property
    def schema(self) -> dict[str, Any]:
        """Return the schema of raw columns. Raises FlowsError if the model has none."""
        if not self.facts.get("schema"):
            raise FlowsError(f"model {self.name} {self.id} was registered without a schema, so it scores no raw CSV")
        return load_schema(json.dumps(self.facts["schema"]))

    def score(self, rows: Any) -> Any:
        """Return the probability of the positive class, or the predicted number, for each row.

        `rows` need the columns in `columns`.
        """
        from clearml_flows.tabular.problem_type import predict_rows

        return predict_rows(self.pipeline, rows[list(self.columns)] if self.columns else rows)


def read_model(entry: Any, allow_pickle: bool = False) -> LoadedModel:
    """Return the model of a registry entry.

    Raises FlowsError if its file or facts differ from the registered ones, or if it is a pickle and `allow_pickle` is
    False.
    """
    from clearml_flows.tabular.training.model_file import load_model as read_model_file

    called, facts = f"model {entry.name} {entry.id}", facts_of(entry)
    if suffix_of(entry) in PICKLES and not allow_pickle:
        raise FlowsError(
            f"{called} is kept as {_file_name(entry)}, a pickle or joblib file: reading one can run any code, so it is "
            "not read; if you trust whoever made it, give --allow-pickle (allow_pickle=True)"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = fetch_model_file(entry, folder)
        try:
            pipeline = _unpickled(path) if suffix_of(entry) in PICKLES else read_model_file(path, 20 * MAX_BYTES)
        except (OSError, ValueError) as error:
            raise FlowsError(f"{called} is not read: {error}") from error
    return _loaded(entry, facts, pipeline, called)


def check_model(entry: Any) -> None:
    """Raise FlowsError if the model's file is not the registered one. Does not unpickle."""
    if suffix_of(entry) not in PICKLES:
        read_model(entry)
        return
    with tempfile.TemporaryDirectory() as folder:
        fetch_model_file(entry, folder)


def fetch_model_file(entry: Any, folder: str) -> str:
    """Copy the model's file to the folder and return its path.

    Raises FlowsError if it is not the registered file.
    """
    called, sha256 = f"model {entry.name} {entry.id}", facts_of(entry).get("sha256")
    if not sha256:
        raise FlowsError(f"{called} has no sha256 among its metadata: it was not registered by a flow or by `flows`")
    try:
        return fetch_file(str(entry.uri or ""), sha256, MAX_BYTES, folder, f"model{suffix_of(entry)}")
    except (OSError, ValueError) as error:
        raise FlowsError(f"{called} is not read: {error}") from error


def suffix_of(entry: Any) -> str:
    """Return the suffix of the model's file, such as .skops or .pkl."""
    return PurePosixPath(_file_name(entry)).suffix.lower()


def _file_name(entry: Any) -> str:
    return PurePosixPath(unquote(urlsplit(str(entry.uri or "")).path)).name


def _unpickled(path: str) -> Any:
    """Return the content of a pickle or joblib file.

    Reading it may run any code, so the user must have allowed it.
    """
    import joblib

    try:
        return joblib.load(path)
    except Exception as error:  # whatever the pickled objects raise
        raise ValueError(f"{Path(path).name} cannot be unpickled: {type(error).__name__}: {error}") from error


def _loaded(entry: Any, facts: dict[str, Any], pipeline: Any, called: str) -> LoadedModel:
    features = facts.get("features") or {}
    known = tuple(str(name) for name in getattr(pipeline, "feature_names_in_", ()))
    columns = (*features.get("numeric", ()), *features.get("categorical", ())) or known
    if sorted(columns) != sorted(known):
        raise FlowsError(f"{called} takes other columns than its metadata name: they were changed")
    return LoadedModel(
        id=entry.id,
        name=entry.name,
        version=version_number(entry),
        sha256=facts["sha256"],
        tags=tuple(entry.data.tags or ()),
        threshold=float(facts.get("threshold") or EVEN_CHANCE) if hasattr(pipeline, "classes_") else None,
        target=features.get("target") or "",
        columns=columns,
        facts=facts,
        pipeline=pipeline,
    )
