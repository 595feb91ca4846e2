"""Check a user's model file for registration and collect its facts. Never unpickles."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clearml_flows.backend.connection import Backend
from clearml_flows.errors import BadInput
from clearml_flows.experiments.api import DATASET_KEYS, described, find_experiment
from clearml_flows.models.loading import MAX_BYTES
from clearml_flows.tabular.artifacts import file_sha256

SKOPS, PICKLES = ".skops", (".pkl", ".pickle", ".joblib")
# Names of metadata that every model has.
RESERVED = {"sha256", "version", "format", "file", "bytes", "reason", "experiment", "experiment_name", "parameters"}
ROLES = {"production", "previous-production", "candidate"}
_COMPRESSED = (b"\x78", b"\x1f\x8b", b"BZ", b"\xfd7zXZ", b"\x5d\x00", b"\x04\x22\x4d\x18")


def check_model_path(path: Path) -> Any:
    """Return the object in a skops file with known types, or None for a pickle or joblib file.

    Raises:
        BadInput: the file is missing, empty or too large, or has another format than its suffix says.
    """
    if not path.is_file():
        raise BadInput(f"{path} is {'no file' if path.exists() else 'not there'}; give the path of a model file")
    size = path.stat().st_size
    if not size:
        raise BadInput(f"{path} is empty: was it written to its end?")
    if size > MAX_BYTES:
        raise BadInput(f"{path} has {size} bytes; a model file may have {MAX_BYTES}")
    suffix = path.suffix.lower()
    if suffix == SKOPS:
        return _read_skops(path)
    if suffix not in PICKLES:
        raise BadInput(f"{path} is no model file by its suffix: it may be {SKOPS}, {', '.join(PICKLES)}")
    if not _is_pickle(path):
        raise BadInput(f"{path} is not what its suffix says: it begins neither as a pickle nor as a joblib file")
    return None


def check_words(name: str, metadata: Mapping[str, Any], tags: list[str]) -> None:
    """Raise BadInput for an invalid name, metadata or tags."""
    if len(name.strip()) < 3 or "/" in name or not name.isprintable():
        raise BadInput(f"{name!r} cannot be a model's name; give 3 letters or more, without a slash")
    odd = next((one for one in metadata if one in RESERVED or not re.fullmatch(r"[\w-]+", one)), None)
    if odd or any(one.startswith("move-") for one in metadata):
        raise BadInput(f"{odd or 'move-…'!r} cannot be a name of metadata: it is kept anyway, or has other signs")
    role = next((tag for tag in tags if tag in ROLES or not tag.strip()), None)
    if role is not None:
        raise BadInput(f"{role!r} cannot be given as a tag; `flows models promote` gives and takes roles")


def file_facts(path: Path, pipeline: Any) -> dict[str, Any]:
    """Return the facts of the file: sha256, bytes, name, format, family and columns."""
    told = {"sha256": file_sha256(str(path)), "bytes": path.stat().st_size, "file": path.name}
    columns = [str(name) for name in getattr(pipeline, "feature_names_in_", ())]
    kind = "pickle" if pipeline is None else "skops"
    family = {} if pipeline is None else {"family": type(pipeline).__name__}
    return {**told, "format": kind, **family, **({"columns": columns} if columns else {})}


def experiment_facts(backend: Backend, typed: str) -> dict[str, Any]:
    """Return parameters, dataset and metrics of a model's experiment. Raises BadInput."""
    task = find_experiment(backend.api, typed)
    told = next(described(backend, [task]))
    data = {DATASET_KEYS[key]: value for key, value in told["dataset"].items() if value}
    known = {"experiment": task["id"], "experiment_name": task["name"], "parameters": told["parameters"]}
    return {**{name: value for name, value in told["metrics"].items() if name not in RESERVED}, **known, **data}


def _read_skops(path: Path) -> Any:
    from clearml_flows.tabular.training.model_file import load_model

    try:
        return load_model(str(path), 20 * MAX_BYTES)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} is not registered: {error}") from error


def _is_pickle(path: Path) -> bool:
    import pickletools

    with path.open("rb") as file:
        head = file.read(8)
        if head.startswith(_COMPRESSED):
            return True
        if head[:1] == b"\x80":
            return 2 <= head[1] <= 5
        file.seek(0)
        try:
            # Pickles of protocols 0 and 1 are text. genops reads their operations without running them.
            return any(operation.name == "STOP" for operation, _, _ in pickletools.genops(file))
        except Exception:  # genops raises various errors for other files
            return False
