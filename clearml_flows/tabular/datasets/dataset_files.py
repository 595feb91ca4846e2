"""Read a ClearML Dataset version: `train.parquet`, `test.parquet`, `manifest.json`.

The SDK's own download checks no hash and unpacks archives without a limit. Here every byte is checked before use.
"""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

from clearml import Dataset, Task

from clearml_flows.tabular.artifacts import fetch_file, load_ref
from clearml_flows.tabular.parquet import read_parquet


def rows_sha256(frame: Any) -> str:
    """Hash a DataFrame's column names and values in order, independent of file bytes and index.

    Values are hashed as JSON: integers, the shortest text of a float, texts. So the hash does not depend on pyarrow.
    """
    digest = hashlib.sha256(json.dumps(list(frame.columns)).encode())
    columns = [frame[name].astype(object).where(frame[name].notna(), None).tolist() for name in frame.columns]
    for row in zip(*columns, strict=True):
        digest.update(json.dumps(row, allow_nan=False, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def content_sha256(manifest: dict[str, Any]) -> str:
    """Hash a dataset's content: the roles of its columns and the `rows_sha256` of its parts."""
    names = ("target", "key", "numeric", "categorical", "synthetic", "train_sha256", "test_sha256")
    return hashlib.sha256(json.dumps({name: manifest[name] for name in names}, sort_keys=True).encode()).hexdigest()


def dataset_columns(manifest: dict[str, Any]) -> list[str]:
    """Return the columns of train.parquet and test.parquet, in order."""
    key = [manifest["key"]] if manifest["key"] else []
    return [*key, *manifest["numeric"], *manifest["categorical"], manifest["target"]]


def fetch_dataset_file(dataset_id: str, name: str, folder: str, max_bytes: int) -> str:
    """Download one file of a Dataset version to `folder/name`.

    Returns:
        The file's path.

    Raises:
        ValueError: the file is missing, too large, or differs from the stored one.
    """
    entry = Dataset.get(dataset_id=dataset_id, silence_alias_warnings=True).file_entries_dict.get(name)
    holder = Task.get_task(task_id=entry.parent_dataset_id) if entry else None
    record = holder.artifacts.get(entry.artifact_name) if holder else None
    if record is None:
        raise ValueError(f"dataset {dataset_id} has no file {name}: was it deleted, or made by another program?")
    archive = Path(fetch_file(record.url, record.hash, max_bytes, folder, f"{name}.zip"))
    target = Path(folder, name)
    try:
        with zipfile.ZipFile(archive) as packed, packed.open(name) as source, target.open("wb") as file:
            for chunk in iter(lambda: source.read(1 << 16), b""):
                file.write(chunk)
                if file.tell() > max_bytes:
                    raise ValueError(f"file {name} of dataset {dataset_id} has more than {max_bytes} bytes")
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(f"file {name} of dataset {dataset_id} cannot be unpacked: {error}") from error
    archive.unlink()
    return str(target)


def read_manifest(dataset_id: str, folder: str) -> dict[str, Any]:
    """Download and parse the manifest of a Dataset version; raise ValueError if it has none."""
    return load_ref(Path(fetch_dataset_file(dataset_id, "manifest.json", folder, 10_000_000)).read_text("utf-8"))


def read_dataset_part(dataset: dict[str, Any], part: str, folder: str, max_bytes: int) -> Any:
    """Read the `train` or `test` rows of a Dataset version.

    Args:
        dataset: the reference that `version_dataset` returns, or a manifest with the dataset's `id`.
        part: `train` or `test`; the other part is not downloaded.
        folder: the folder for the file.
        max_bytes: the maximum size of the file, packed and unpacked.

    Raises:
        ValueError: the file differs from the stored one, or the rows differ from the reference.
    """
    path = fetch_dataset_file(dataset["id"], f"{part}.parquet", folder, max_bytes)
    rows = read_parquet(path, dataset_columns(dataset), max_bytes)
    found, expected = rows_sha256(rows), dataset[f"{part}_sha256"]
    if found != expected:
        raise ValueError(f"the {part} rows of dataset {dataset['id']} have sha256 {found}, not {expected}: changed?")
    return rows
