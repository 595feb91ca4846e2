"""Rows and stored content of dataset versions."""

import tempfile
from pathlib import Path
from typing import Any

from clearml_flows.datasets.content import Content, read_content
from clearml_flows.datasets.stored_files import Stored, fetch_files, read_stored
from clearml_flows.datasets.versions import Catalog, property_of, sha256_of, version_of
from clearml_flows.errors import FlowsError

SHOWN_USERS = 20


def told_version(catalog: Catalog, task: dict[str, Any]) -> dict[str, Any]:
    """Return the row of a version in lists.

    Its fields are id, name, version, rows, columns, files, bytes, sha256, tags, status and created.
    """
    runtime = task.get("runtime") or {}
    rows, columns = property_of(task, "rows"), property_of(task, "columns")
    return {
        "id": task["id"],
        "name": catalog.name_of(task),
        "version": version_of(task),
        "rows": int(rows) if rows.isdecimal() else None,
        "columns": int(columns) if columns.isdecimal() else None,
        "files": runtime.get("ds_file_count"),
        "bytes": runtime.get("ds_total_size"),
        "sha256": sha256_of(task),
        "tags": [tag for tag in task.get("tags") or [] if not tag.startswith("sha256:")],
        "status": task.get("status"),
        "created": task.get("created"),
    }


def named_versions(catalog: Catalog, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"id": task["id"], "name": catalog.name_of(task), "version": version_of(task)} for task in tasks]


def children_of(catalog: Catalog, dataset_id: str) -> list[dict[str, Any]]:
    """Return the newest finished versions that have this version as parent."""
    made_from = {"fields": ["hyperparams.properties.parents.value"], "pattern": dataset_id}
    return catalog.versions(top=SHOWN_USERS, _any_=made_from)


def told_tables(metadata: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return `{table: {rows, columns: [{name, type}]}}` from a version's metadata.

    For versions of version_dataset the types are the roles of the columns.
    """
    if "numeric" not in metadata:
        return metadata.get("tables") or {}
    roles = {name: kind for kind in ("numeric", "categorical") for name in metadata[kind]}
    roles = {metadata["key"]: "key", **roles, metadata["target"]: "target"}
    columns = [{"name": name, "type": role} for name, role in roles.items() if name]
    return {f"{part}.parquet": {"rows": metadata[f"{part}_rows"], "columns": columns} for part in ("train", "test")}


def find_problems(catalog: Catalog, task: dict[str, Any]) -> list[str]:
    """Return the problems of a version's stored files, or of the sha256 that addresses them."""
    try:
        content = fetched_content(catalog, task["id"])
    except FlowsError as error:
        return [str(error)]
    recorded = sha256_of(task)
    if recorded and recorded != content.sha256:
        return [f"dataset {task['id']} holds content {content.sha256}, not {recorded}, which it was stored as"]
    return []


def fetched_content(catalog: Catalog, dataset_id: str) -> Content:
    """Return the content of a version. Raises FlowsError if a file is missing or was altered."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "content")
        fetch_whole(catalog, dataset_id, folder)
        return read_content(folder)


def users_of(catalog: Catalog, dataset_id: str) -> dict[str, list[dict[str, Any]]]:
    """Return the latest experiments and models that were trained on a version."""
    latest = {"order_by": ["-created"], "page": 0, "page_size": SHOWN_USERS}
    trained = {"hyperparams.General.dataset_id.value": [dataset_id], "only_fields": ["id", "name", "status"]}
    experiments = catalog.api.call("tasks.get_all", **trained, **latest, search_hidden=True)["tasks"]
    fields = ["id", "name", "metadata.version.value", "tags"]
    query = {"metadata.dataset_id.value": [dataset_id], "only_fields": fields, **latest}
    models = catalog.api.call("models.get_all", **query)["models"]
    return {
        "experiments": [{name: one.get(name) for name in ("id", "name", "status")} for one in experiments],
        "models": [
            {
                "id": one["id"],
                "name": one["name"],
                "version": (one.get("metadata") or {}).get("version", {}).get("value"),
                "tags": one.get("tags") or [],
            }
            for one in models
        ],
    }


def fetch_whole(catalog: Catalog, dataset_id: str, folder: Path) -> Stored:
    """Write all files of a version to a new folder.

    Raises FlowsError if a file is missing or was altered.
    """
    stored = read_stored(catalog.api, dataset_id)
    folder.mkdir()
    problems = fetch_files(catalog.api, dataset_id, stored, folder)
    if problems:
        more = f"; and {len(problems) - 1} more, see `flows datasets verify`" if len(problems) > 1 else ""
        raise FlowsError(f"{problems[0]}{more}")
    return stored
