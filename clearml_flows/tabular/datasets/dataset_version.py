"""Find, compare and create versions of a ClearML Dataset by content."""

import glob
import re
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from clearml import Dataset, Task

from clearml_flows.tabular.datasets.dataset_files import (
    content_sha256,
    dataset_columns,
    read_dataset_part,
    read_manifest,
    rows_sha256,
)


def finished_versions(project: str, name: str, tags: list[str]) -> list[str]:
    """Return ids of the Dataset's finished versions with these tags, oldest first."""
    listed = Dataset.list_datasets(
        dataset_project=project,
        partial_name=f"^{re.escape(name)}$",
        tags=tags,
        recursive_project_search=False,
        include_archived=False,
    )
    finished = [item["id"] for item in listed if str(item["status"]) in ("completed", "published")]
    tasks = sorted((Task.get_task(task_id=task_id) for task_id in finished), key=lambda t: (t.data.completed, t.id))
    return [task.id for task in tasks]


def read_version(dataset_id: str, folder: str, max_bytes: int) -> tuple[dict[str, Any], Any, Any]:
    """Return the manifest, train rows and test rows of a version.

    Raises:
        ValueError: the manifest or the rows do not match their sha256.
    """
    manifest = read_manifest(dataset_id, folder)
    if content_sha256(manifest) != manifest["sha256"]:
        raise ValueError(f"the manifest of dataset {dataset_id} does not belong to its sha256")
    parts = (read_dataset_part({**manifest, "id": dataset_id}, part, folder, max_bytes) for part in ("train", "test"))
    return manifest, *parts


def sound_version(project: str, name: str, sha256: str, max_bytes: int) -> str:
    """Return the id of the oldest intact version with this content; empty if there is none."""
    for dataset_id in finished_versions(project, name, [f"sha256:{sha256}"]):
        with tempfile.TemporaryDirectory() as folder:
            try:
                if read_version(dataset_id, folder, max_bytes)[0]["sha256"] == sha256:
                    return dataset_id
            except (OSError, ValueError) as error:
                print(f"dataset {dataset_id} should hold this content, but is not usable: {error}")
    return ""


def row_changes(before: Any, after: Any, key: str) -> dict[str, Any]:
    """Count rows added, removed and changed between two DataFrames, and list changed columns.

    Rows are matched by key; without a key, by all values. A row is changed if a shared column differs.
    """
    columns = {
        "columns_added": [name for name in after.columns if name not in before.columns],
        "columns_removed": [name for name in before.columns if name not in after.columns],
    }
    shared = [name for name in after.columns if name in before.columns]
    if key not in shared:
        old, new = (frame[shared].astype(str).agg("\x1f".join, axis=1).value_counts() for frame in (before, after))
        change = new.sub(old, fill_value=0)
        added, removed = int(change.clip(lower=0).sum()), int(-change.clip(upper=0).sum())
        return {"rows_added": added, "rows_removed": removed, "rows_changed": 0, **columns}
    old, new = (frame.drop_duplicates(key).set_index(key)[[c for c in shared if c != key]] for frame in (before, after))
    common = new.index.intersection(old.index)
    one, other = old.loc[common], new.loc[common]
    differs = (one != other) & ~(one.isna() & other.isna())
    return {
        "rows_added": len(new.index.difference(old.index)),
        "rows_removed": len(old.index.difference(new.index)),
        "rows_changed": int(differs.any(axis=1).sum()),
        **columns,
    }


def latest_version(project: str, name: str, max_bytes: int) -> tuple[str, dict[str, Any], Any]:
    """Return the parent for a new version: id, manifest, and train and test rows together.

    The parent is the version that was finished last. Returns ("", {}, None) without a version or if its files are
    damaged: a child keeps unchanged files in its parent's archive.
    """
    parent = (finished_versions(project, name, []) or [""])[-1]
    if not parent:
        return "", {}, None
    with tempfile.TemporaryDirectory() as folder:
        try:
            manifest, *parts = read_version(parent, folder, max_bytes)
        except (OSError, ValueError) as error:
            print(f"dataset {parent} is not taken as the parent: {error}")
            return "", {}, None
    return parent, manifest, pd.concat(parts)


def make_manifest(split: dict[str, Any], parts: dict[str, Any]) -> dict[str, Any]:
    """Build a version's manifest: origin, column roles, rows and sha256 per part and in total."""
    kept = (
        "target",
        "problem_type",
        "key",
        "numeric",
        "categorical",
        "synthetic",
        "raw_sha256",
        "test_size",
        "split_seed",
    )
    manifest = {name: split[name] for name in kept}
    for part, rows in parts.items():
        manifest |= {f"{part}_rows": len(rows), f"{part}_sha256": rows_sha256(rows)}
    manifest["rows"] = sum(map(len, parts.values()))
    return {**manifest, "sha256": content_sha256(manifest)}


def tell_changes(parent: str, before: Any, after: Any, manifest: dict[str, Any]) -> dict[str, Any]:
    """Print and return the `row_changes` since the parent; {} without a parent."""
    changes = row_changes(before, after, manifest["key"]) if parent else {}
    print(f"changes since dataset {parent}: {changes}" if parent else "a first version, without a parent")
    return changes


def store_split(
    project: str, name: str, parent: str, folder: str, manifest: dict[str, Any], changes: dict[str, Any]
) -> str:
    """Store the folder's train rows, test rows and manifest as a new version; return its id."""
    tags = [f"sha256:{manifest['sha256']}"] + (["synthetic"] if manifest["synthetic"] else [])
    facts = {fact: manifest[fact] for fact in ("sha256", "rows", "key")} | {"columns": len(dataset_columns(manifest))}
    text = f"{manifest['train_rows']} train and {manifest['test_rows']} test rows; {changes}"
    parents = [parent] if parent else []
    return store_version(project, name, "", parents, folder, tags, facts, {**manifest, "changes": changes}, text)


def store_version(
    project: str,
    name: str,
    version: str,
    parents: list[str],
    folder: str,
    tags: list[str],
    facts: dict[str, Any],
    metadata: dict[str, Any],
    description: str,
) -> str:
    """Store the folder's files as a new, finished Dataset version; delete it again on failure.

    Args:
        project: the ClearML project.
        name: the name of the Dataset.
        version: the version number; empty: the next number.
        parents: ids of the parent versions.
        folder: a folder that holds the version's files and nothing else.
        tags: the tags of the version.
        facts: user properties of the version's Task, for lists and searches.
        metadata: a dict with all details of the version, stored as JSON.
        description: a line of text for people.

    Returns:
        The version's id.
    """
    dataset = Dataset.create(
        dataset_name=name,
        dataset_project=project,
        dataset_version=version or None,
        dataset_tags=tags,
        parent_datasets=parents or None,
        description=description,
    )
    try:
        # `sync_folder` expects a renamed file in the parent's archive, which has it under its old name only.
        for gone in dataset.list_files():
            if not Path(folder, gone).exists():
                dataset.remove_files(glob.escape(gone), recursive=False)
        dataset.add_files(folder)
        dataset.upload(show_progress=False)
        # A dict is stored as JSON; set_metadata would pickle most other things.
        dataset.set_metadata(metadata, ui_visible=False)
        known = {"parents": " ".join(parents), **facts}
        Task.get_task(task_id=dataset.id).set_user_properties(
            *[{"name": key, "value": str(value)} for key, value in known.items() if str(value)]
        )
        dataset.finalize()
    except BaseException:
        Dataset.delete(dataset_id=dataset.id, force=True)
        raise
    return str(dataset.id)
