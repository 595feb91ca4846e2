"""Dataset versions: create, list, show, compare, fetch and verify."""

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from clearml_flows.datasets.content import read_content
from clearml_flows.datasets.creation import (
    RESERVED,
    check_key,
    check_number,
    check_words,
    copy_files,
    last_sound,
    sound_version,
    store_content,
)
from clearml_flows.datasets.description import (
    children_of,
    fetch_whole,
    fetched_content,
    find_problems,
    named_versions,
    told_tables,
    told_version,
    users_of,
)
from clearml_flows.datasets.diff import compare_content
from clearml_flows.datasets.stored_files import read_json_artifact, read_stored
from clearml_flows.datasets.versions import open_catalog, property_of
from clearml_flows.errors import BadInput
from clearml_flows.files import arriving
from clearml_flows.models.versions import told_by


def create_dataset_version(
    path: str | Path,
    version: str,
    name: str = "",
    parents: Iterable[str] = (),
    metadata: Mapping[str, str] | None = None,
    tags: Iterable[str] = (),
    key: str = "",
) -> dict[str, Any]:
    """Store a file or folder as a dataset version, unless the dataset has this content already.

    Content is compared by rows of tables and by bytes of other files, see `datasets/content.py`.

    Args:
        path: the file or folder.
        version: a semantic version, such as 1.2.0.
        name: the dataset's name. Empty: the name of the file or folder without its suffix.
        parents: ids of parent versions, or their beginnings. None: the last finished version, if any.
        metadata: names and values to store with the version.
        tags: tags to store with the version.
        key: the column whose values identify rows, if there is one.

    Returns:
        The row of `list_datasets`, and `reused`: whether the content was stored before.

    Raises:
        BadInput: the path or another argument is invalid, or the version number is taken.
        FlowsError: the stored version could not be read back. It was removed.
        Unreachable: no backend answers.
    """
    source = Path(path).expanduser()
    name = name or (source.stem if source.is_file() else source.resolve().name)
    facts, tags = dict(metadata or {}), list(dict.fromkeys(tags))
    check_words(source, version, name, facts, tags)
    with tempfile.TemporaryDirectory() as place:
        folder = copy_files(source, Path(place, "content"))
        content = read_content(folder)
        check_key(content, key)
        catalog = open_catalog()
        with told_by(catalog.backend):
            known = sound_version(catalog, name, content.sha256)
            if known:
                return {**told_version(catalog, known), "reused": True}
            check_number(catalog, name, version)
            made_from = [catalog.by_id(one) for one in parents] or last_sound(catalog, name)
            facts |= {"key": key or content.manifest.get("key", "")}
            known, created = store_content(catalog, name, version, made_from, folder, content, facts, tags)
            return {**told_version(catalog, known), "reused": not created}


def list_datasets(name: str = "", tag: str = "", top: int = 20) -> list[dict[str, Any]]:
    """Return the newest `top` finished versions.

    Each has id, name, version, rows, columns, files, bytes, sha256, tags, status and created.

    Raises:
        BadInput: there is no dataset of this name, or with this tag.
        Unreachable: no backend answers.
    """
    catalog = open_catalog()
    filters = {"tags": [tag]} if tag else {}
    found = catalog.versions(name, top, **filters)
    if not found and tag:
        catalog.refuse_tag(tag)
    return [told_version(catalog, task) for task in found]


def show_dataset(dataset_id: str) -> dict[str, Any]:
    """Return all facts of a version.

    The fields of `list_datasets`, and files, tables, parents, children, metadata, changes, description, web_url and the
    latest experiments and models that used it (`used_by`).

    Raises:
        BadInput: no version id starts like this, or more than one.
        FlowsError: the version's file list is missing or was altered.
        Unreachable: no backend answers.
    """
    catalog = open_catalog()
    with told_by(catalog.backend):
        task = catalog.by_id(dataset_id)
        stored = read_stored(catalog.api, task["id"])
        kept = read_json_artifact(catalog.api, task["id"], "metadata")
        project = task["project"]["id"] if isinstance(task["project"], dict) else task["project"]
        own = ((task.get("hyperparams") or {}).get("properties") or {}).items()
        return {
            **told_version(catalog, task),
            "files": [{"path": one.path, "bytes": one.bytes, "sha256": one.sha256} for one in stored.files],
            "tables": told_tables(kept),
            "parents": named_versions(catalog, list(catalog.by_ids(stored.parents).values())),
            "children": named_versions(catalog, children_of(catalog, task["id"])),
            "metadata": {name: item.get("value") for name, item in own if name not in RESERVED},
            "changes": kept.get("changes") or {},
            "description": task.get("comment") or "",
            "used_by": users_of(catalog, task["id"]),
            "web_url": f"{catalog.backend.web_url}/datasets/simple/{project}/experiments/{task['id']}",
        }


def diff_datasets(first_id: str, second_id: str, key: str = "") -> dict[str, Any]:
    """Return the differences from the first version to the second, see `datasets/diff.py`.

    Args:
        first_id: id of the first version, or its beginning.
        second_id: id of the second version, or its beginning.
        key: the column that identifies rows. Empty: the key of the versions, or the first column if it is unique.

    Raises:
        BadInput: there is no such version, both are the same, or `key` does not identify rows.
        FlowsError: a stored file is missing or was altered.
        Unreachable: no backend answers.
    """
    catalog = open_catalog()
    with told_by(catalog.backend):
        tasks = [catalog.by_id(one) for one in (first_id, second_id)]
        if tasks[0]["id"] == tasks[1]["id"]:
            raise BadInput(f"{first_id} and {second_id} are the same version: give two")
        before, after = (fetched_content(catalog, task["id"]) for task in tasks)
        known = key or next(filter(None, (property_of(task, "key") for task in reversed(tasks))), "")
        told = [told_version(catalog, task) for task in tasks]
        return {"before": told[0], "after": told[1], **compare_content(before, after, known)}


def fetch_dataset(dataset_id: str, folder: str | Path) -> dict[str, Any]:
    """Write all files of a version to a new or empty folder: all of them verified, or none.

    Returns:
        `{id, name, version, sha256, folder, files, bytes}`.

    Raises:
        BadInput: there is no such version, or the folder is not empty or not writable.
        FlowsError: a stored file is missing or was altered.
        Unreachable: no backend answers.
    """
    catalog = open_catalog()
    with told_by(catalog.backend):
        task = catalog.by_id(dataset_id)
        with arriving(Path(folder)) as made:
            stored = fetch_whole(catalog, task["id"], made)
        told = {name: told_version(catalog, task)[name] for name in ("id", "name", "version", "sha256")}
        sizes = [file.bytes for file in stored.files]
        return {**told, "folder": str(folder), "files": len(sizes), "bytes": sum(sizes)}


def verify_dataset(dataset_id: str) -> dict[str, Any]:
    """Read all stored files of a version and compare them with their recorded sha256.

    Returns:
        `{id, name, version, sha256, files, bytes, sound, problems}`, with a sentence for each problem.

    Raises:
        BadInput: there is no such version.
        Unreachable: no backend answers.
    """
    catalog = open_catalog()
    with told_by(catalog.backend):
        task = catalog.by_id(dataset_id)
        told, problems = told_version(catalog, task), find_problems(catalog, task)
        kept = {name: told[name] for name in ("id", "name", "version", "sha256", "files", "bytes")}
        return {**kept, "sound": not problems, "problems": problems}
