"""A person's model file on its way into the registry: what it is, and what is known of it. It is never unpickled."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.artifacts import file_sha256
from components.model_file import load_model
from flows.backend import Backend
from flows.errors import BadInput
from ops.experiments import DATASET_KEYS, described, find_experiment
from ops.model_loading import MAX_BYTES

SKOPS, PICKLES = ".skops", (".pkl", ".pickle", ".joblib")
# What is kept of a model in any case.
RESERVED = {"sha256", "version", "format", "file", "bytes", "reason", "experiment", "experiment_name", "parameters"}
ROLES = {"production", "previous-production", "candidate"}
_COMPRESSED = (b"\x78", b"\x1f\x8b", b"BZ", b"\xfd7zXZ", b"\x5d\x00", b"\x04\x22\x4d\x18")


def check_model_path(path: Path) -> Any:
    """What a file holds if it is a skops file whose types are known, None if it is a pickle or joblib file.

    Raises:
        BadInput: it is not there, is empty or too large, or is not what its suffix says.
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
    """Raises BadInput for a name, metadata or tags that cannot be."""
    if len(name.strip()) < 3 or "/" in name or not name.isprintable():
        raise BadInput(f"{name!r} cannot be a model's name; give 3 letters or more, without a slash")
    odd = next((one for one in metadata if one in RESERVED or not re.fullmatch(r"[\w-]+", one)), None)
    if odd or any(one.startswith("move-") for one in metadata):
        raise BadInput(f"{odd or 'move-…'!r} cannot be a name of metadata: it is kept anyway, or has other signs")
    role = next((tag for tag in tags if tag in ROLES or not tag.strip()), None)
    if role is not None:
        raise BadInput(f"{role!r} cannot be given as a tag; `flows models promote` gives and takes roles")


def file_facts(path: Path, pipeline: Any) -> dict[str, Any]:
    """What the file itself tells."""
    told = {"sha256": file_sha256(str(path)), "bytes": path.stat().st_size, "file": path.name}
    columns = [str(name) for name in getattr(pipeline, "feature_names_in_", ())]
    kind = "pickle" if pipeline is None else "skops"
    family = {} if pipeline is None else {"family": type(pipeline).__name__}
    return {**told, "format": kind, **family, **({"columns": columns} if columns else {})}


def experiment_facts(backend: Backend, typed: str) -> dict[str, Any]:
    """What the experiment that a model comes from tells: its parameters, dataset and metrics. Raises BadInput."""
    task = find_experiment(backend.api, typed)
    told = next(described(backend, [task]))
    data = {DATASET_KEYS[key]: value for key, value in told["dataset"].items() if value}
    known = {"experiment": task["id"], "experiment_name": task["name"], "parameters": told["parameters"]}
    return {**{name: value for name, value in told["metrics"].items() if name not in RESERVED}, **known, **data}


def _read_skops(path: Path) -> Any:
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
            # Pickles of the first protocols are text; this reads their operations and runs none.
            return any(operation.name == "STOP" for operation, _, _ in pickletools.genops(file))
        except Exception:  # whatever a file that is none makes it raise
            return False
