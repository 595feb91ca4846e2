"""Read and write fitted models as skops files, which run no code when read."""

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import skops.io


def save_model(model: Any, path: str) -> None:
    """Write a fitted model as a skops file; equal models give equal bytes and sha256.

    skops names objects by their memory addresses, and zip files contain the time. Both are replaced by constants.
    """
    numbers: dict[str, str] = {}

    def renumber(match: re.Match[str]) -> str:
        return match[1] + numbers.setdefault(match[2], str(len(numbers)))

    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(model))) as raw, zipfile.ZipFile(path, "w") as plain:
        schema = re.sub(r'("__id__": |"file": ")([^.,"\s]+)', renumber, raw.read("schema.json").decode())
        stems = {name: name.split(".") for name in raw.namelist() if name != "schema.json"}
        contents = {f"{numbers[stem]}.{suffix}": raw.read(name) for name, (stem, suffix) in stems.items()}
        for name, data in [*sorted(contents.items()), ("schema.json", schema.encode())]:
            plain.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)


def load_model(path: str, max_bytes: int) -> Any:
    """Read a model written by `save_model`. The caller has checked the file's size and sha256.

    Raises:
        ValueError: it is no skops file, unpacks to more than `max_bytes`, or has a type that our models lack.
    """
    check_model_file(path, max_bytes)
    trusted = model_types()
    unknown = sorted(set(skops.io.get_untrusted_types(file=path)) - set(trusted))
    if unknown:
        types = ", ".join(unknown)
        raise ValueError(f"{Path(path).name} holds types that no model of ours has, so it is not read: {types}")
    return skops.io.load(path, trusted=trusted)


def check_model_file(path: str, max_bytes: int) -> None:
    """Raise ValueError unless the file is a skops zip of at most `max_bytes` when unpacked."""
    name = Path(path).name
    with Path(path).open("rb") as file:
        magic = file.read(4)
    # The first byte of a pickle, or of joblib's compressed files: gzip, zlib, bzip2, xz, lzma, lz4.
    if magic[:1] in {b"\x80", b"\x78"} or magic[:2] in {b"\x1f\x8b", b"BZ", b"\xfd7", b"\x5d\x00", b"\x04\x22"}:
        raise ValueError(f"{name} is a pickle or joblib file: reading one can run any code, so it is not read")
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
    except zipfile.BadZipFile:
        sizes = {}
    if magic != b"PK\x03\x04" or "schema.json" not in sizes:
        raise ValueError(f"{name} is no skops file: it is not a zip archive with a schema.json in it")
    if sum(sizes.values()) > max_bytes:
        raise ValueError(f"{name} unpacks to {sum(sizes.values())} bytes, more than the {max_bytes} allowed")


def model_types() -> list[str]:
    """Return the types in our models that skops does not trust by default: arrays and numbers."""
    return [
        "numpy.dtype",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.tree._tree.Tree",
        "sklearn.utils._bunch.Bunch",
    ]
