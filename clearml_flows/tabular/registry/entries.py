"""Registry entries of models: one entry per file, found by the sha256 in its URL.

`client` is an `APIClient`; an entry is the client's model entity.
"""

import json
import re
from typing import Any

from clearml_flows.tabular.artifacts import upload_file
from clearml_flows.tabular.registry.promotion_lock import free_lock, hold_lock, take_lock


def project_of(client: Any, name: str) -> str:
    """Return the id of the project of this name; create the project if it does not exist."""
    pattern = f"^{re.escape(name)}$"
    found = client.projects.get_all(name=pattern, only_fields=["id"], search_hidden=True)
    project_id: str = found[0].id if len(found) else client.projects.create(name=name, description="").id
    return project_id


def get_model(client: Any, model_id: str, sha256: str) -> Any:
    """Return the entry of a registered model.

    Raises:
        ValueError: no model has this id, or it holds another file.
    """
    found = client.models.get_all(id=[model_id], only_fields=["id", "name", "project", "uri", "tags", "metadata"])
    if not len(found):
        raise ValueError(
            f"model {model_id} is not in the registry: was it deleted? Run the flow again without the cache"
        )
    if model_value(found[0], "sha256") != sha256:
        raise ValueError(f"model {model_id} is not the one with sha256 {sha256}: its metadata was changed")
    return found[0]


def find_models(client: Any, name: str, project_id: str, page_size: int = 500) -> list[Any]:
    """Return all models of this name in the project that are not archived, newest first."""
    found: list[Any] = []
    while True:
        page = client.models.get_all(
            name=f"^{re.escape(name)}$",
            project=[project_id],
            system_tags=["-archived"],
            order_by=["-created"],
            only_fields=["id", "name", "project", "uri", "tags", "metadata", "created"],
            page=len(found) // page_size,
            page_size=page_size,
        )
        found += page
        if len(page) < page_size:
            return found


def model_value(entry: Any, key: str) -> str:
    """Return a value of the model's metadata; empty if the key is missing."""
    item = (entry.data.metadata or {}).get(key) or {}
    value = item.get("value") if isinstance(item, dict) else item.value
    return str(value or "")


def store_model_file(client: Any, path: str, project_id: str, sha256: str, suffix: str = ".skops") -> str:
    """Upload a model file to the file server, named by its sha256 and suffix, and verify it.

    Returns:
        The file's URL, which is the same for equal files of a project.

    Raises:
        RuntimeError: after the last try the file server did not have an equal file.
    """
    url = f"{client.session.get_files_server_host().rstrip('/')}/models/{project_id}/{sha256}{suffix}"
    upload_file(path, url)
    return url


def register_model(
    client: Any,
    name: str,
    project_id: str,
    url: str,
    facts: dict[str, Any],
    tags: list[str],
    task_id: str,
    framework: str = "ScikitLearn",
) -> str:
    """Return the id of the model of this name with this file; register it if it is new.

    Its version is the highest version of this name, archived models included, plus 1. The lock of the name is held
    meanwhile, so that two parallel registrations get two numbers. The entry is created bare, then gets its facts, and
    last its tags: a model tagged `candidate` is complete. After a crash in between, the entry is found by its URL.
    An entry without a comment has no tags yet.
    """
    lock = take_lock(client, name, project_id)
    try:
        entry = find_file(client, name, project_id, url)
        known = entry is not None and model_value(entry, "sha256")
        if entry is not None and known and getattr(entry.data, "comment", None) is not None:
            return str(entry.id)
        version = last_version(client, name, project_id) + 1
        hold_lock(lock)
        if entry is None:
            entry = client.models.create(
                uri=url, name=name, project=project_id, framework=framework, ready=False, task=task_id
            )
        model_id: str = entry.id
        if not known:
            add_facts(client, model_id, {**facts, "version": version})
        client.models.edit(model=model_id, tags=tags, comment=facts["reason"])
        return model_id
    finally:
        free_lock(client, lock)


def find_file(client: Any, name: str, project_id: str, url: str) -> Any:
    """Return the entry of this name with this URL, unless it is archived; else None."""
    query = {"name": f"^{re.escape(name)}$", "project": [project_id], "uri": [url], "system_tags": ["-archived"]}
    found = client.models.get_all(**query, only_fields=["id", "uri", "metadata", "comment"], order_by=["created"])
    return found[0] if len(found) else None


def last_version(client: Any, name: str, project_id: str, page_size: int = 500) -> int:
    """Return the highest version of the models of this name, archived ones included; 0 if none."""
    highest, page = 0, 0
    query = {"name": f"^{re.escape(name)}$", "project": [project_id], "only_fields": ["id", "metadata.version"]}
    while True:
        found = client.models.get_all(**query, order_by=["created"], page=page, page_size=page_size)
        highest = max([highest, *(int(model_value(one, "version") or 0) for one in found)])
        if len(found) < page_size:
            return highest
        page += 1


def add_facts(client: Any, model_id: str, facts: dict[str, Any]) -> None:
    """Add facts to a model's metadata; facts of the same names are replaced."""
    client.models.add_or_update_metadata(model=model_id, metadata=metadata_items(facts))


def metadata_items(facts: dict[str, Any]) -> list[dict[str, str]]:
    """Convert facts to model metadata: text with its type's name; lists and dicts as JSON."""
    items = []
    for key, value in facts.items():
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        items.append({"key": key, "type": type(value).__name__, "value": text})
    return items
