"""Read the stored files of a ClearML Dataset version and verify them.

The SDK's own copy compares only sizes, and it unpacks without a limit. This module checks the file list and each
archive against the sha256 of their artifacts, and each file against its own. It writes nothing outside the folder.
"""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from clearml_flows.backend.client import Api
from clearml_flows.errors import FlowsError
from clearml_flows.tabular.artifacts import fetch_file, stream_file

MAX_RECORD_BYTES = 500_000_000


@dataclass(frozen=True)
class StoredFile:
    """A file of a version. Its zip is the artifact `archive` of the version `holder`."""

    path: str
    bytes: int
    sha256: str
    holder: str
    archive: str


@dataclass(frozen=True)
class Stored:
    """Files of a version, its parents, and the number of links to external files."""

    files: list[StoredFile]
    parents: list[str]
    links: int


def read_stored(api: Api, dataset_id: str) -> Stored:
    """Return the file list of a version.

    Raises FlowsError if the list is missing or was altered, or if a path leaves the folder.
    """
    state = read_json_artifact(api, dataset_id, "state")
    try:
        files = [
            StoredFile(one["relative_path"], int(one["size"]), *(str(one[key]) for key in _PLACE))
            for one in state.get("dataset_file_entries", [])
        ]
    except (KeyError, TypeError, ValueError):
        raise FlowsError(f"dataset {dataset_id} has no sound record of its files: was it closed?") from None
    for file in files:
        check_path(file.path, dataset_id)
    parents = state.get("dependency_graph", {}).get(dataset_id, [])
    return Stored(sorted(files, key=lambda file: file.path), parents, len(state.get("dataset_link_entries", [])))


def read_json_artifact(api: Api, task_id: str, name: str) -> dict[str, Any]:
    """Return a JSON artifact, checked against its sha256; {} if there is none of this name.

    Raises FlowsError.
    """
    record = artifact_records(api, [task_id]).get((task_id, name))
    if record is None:
        return {}
    try:
        data = b"".join(stream_file(record["uri"], record.get("hash") or "", MAX_RECORD_BYTES))
        found = json.loads(data)
    except (OSError, ValueError) as error:
        raise FlowsError(f"artifact {name} of dataset {task_id} is not read: {error}") from error
    return found if isinstance(found, dict) else {}


def artifact_records(api: Api, task_ids: list[str]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the records of all artifacts of these Tasks, by (Task, name)."""
    query = {"id": task_ids, "search_hidden": True, "only_fields": ["id", "execution.artifacts"], "page_size": 500}
    tasks = api.call("tasks.get_all", **query)["tasks"] if task_ids else []
    return {
        (task["id"], record["key"]): record
        for task in tasks
        for record in (task.get("execution") or {}).get("artifacts") or []
    }


def fetch_files(api: Api, dataset_id: str, stored: Stored, folder: Path) -> list[str]:
    """Write all files of a version below the folder. Return the problems of files not written."""
    records = artifact_records(api, sorted({file.holder for file in stored.files}))
    problems = []
    for (holder, archive), files in _by_archive(stored.files):
        record = records.get((holder, archive))
        if record is None:
            problems.append(f"{_named(files)}: artifact {archive} of dataset {holder}, which holds it, is gone")
            continue
        packed = folder.with_name(f"{folder.name}.zip")
        try:
            size = int(record.get("content_size") or MAX_RECORD_BYTES)
            fetch_file(record["uri"], record.get("hash") or "", size, str(packed.parent), packed.name)
            with zipfile.ZipFile(packed) as unpacked:
                problems += [problem for file in files if (problem := extract_file(unpacked, file, folder))]
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            problems.append(f"{_named(files)}: {error}")
        finally:
            packed.unlink(missing_ok=True)
    if stored.links:
        problems.append(f"{stored.links} files are links to external files, of which no sha256 is kept")
    return [f"dataset {dataset_id}: {problem}" for problem in problems]


_PLACE = ("hash", "parent_dataset_id", "artifact_name")


def _by_archive(files: list[StoredFile]) -> Iterator[tuple[tuple[str, str], list[StoredFile]]]:
    archives: dict[tuple[str, str], list[StoredFile]] = {}
    for file in files:
        archives.setdefault((file.holder, file.archive), []).append(file)
    yield from archives.items()


def extract_file(archive: zipfile.ZipFile, file: StoredFile, folder: Path) -> str:
    """Write one file and return an empty text, or return the problem and leave no file."""
    target = folder / file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    try:
        with archive.open(file.path) as source, target.open("xb") as out:
            # Read at most one byte more than recorded: the size in an archive's header may be false.
            while size <= file.bytes and (chunk := source.read(min(1 << 20, file.bytes + 1 - size))):
                digest.update(chunk)
                size += len(chunk)
                out.write(chunk)
    except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        target.unlink(missing_ok=True)
        return f"{file.path} cannot be unpacked: {error}"
    if size == file.bytes and digest.hexdigest() == file.sha256:
        return ""
    target.unlink()
    return f"{file.path} is not the file that was stored: its sha256 is not {file.sha256}"


def check_path(path: str, dataset_id: str) -> None:
    parts = PurePosixPath(path.replace("\\", "/")).parts
    if not parts or ".." in parts or path.startswith(("/", "\\")) or ":" in parts[0] or not path.isprintable():
        raise FlowsError(f"dataset {dataset_id} names a file that leaves its folder, so it is not read: {path!r:.100}")


def _named(files: list[StoredFile]) -> str:
    return files[0].path + (f" and {len(files) - 1} more" if len(files) > 1 else "")
