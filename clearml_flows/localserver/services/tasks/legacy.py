"""Convert Task fields from and to the format of old API versions.

Old clients have parameters, models and the container inside `execution`.
"""

from typing import Any

from clearml_flows.localserver import errors
from clearml_flows.localserver.registry import Call
from clearml_flows.localserver.services.common import now
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.wire import Json

# First versions with `hyperparams` and `configuration`, and with `models` and `container`.
_PARAMETERS, _MODELS = (2, 9), (2, 13)
_TYPE = "legacy"
_SECTION, _TF_SECTION = "Args", "TF_DEFINE"


def upgraded(call: Call, task: Document) -> Json:
    """Return the request's fields in the current format.

    `task` is the Task that changes, or an empty document. Parameters are converted for all versions,
    because newer clients may send the old fields too.
    """
    data = call.data
    execution = dict(data.get("execution") or {})
    data = _with_parameters(data, execution.pop("parameters", None), task)
    data = _with_configuration(data, execution.pop("model_desc", None), task)
    if call.version < _MODELS:
        data = with_model(data, execution.pop("model", None))
        data = with_docker(data, execution.pop("docker_cmd", None))
    return {**data, "execution": execution} if data.get("execution") is not None else data


def _with_parameters(data: Json, given: dict[str, Any] | None, task: Document) -> Json:
    if given is None:
        return data
    known: dict[str, Any] = data.get("hyperparams") or task.get("hyperparams") or {}
    sections = {name: dict(items) for name, items in known.items()}
    if not data.get("hyperparams"):
        sections = {name: _without_legacy(items) for name, items in sections.items()}
        sections = {name: items for name, items in sections.items() if items}
    for full_name, value in given.items():
        section, name = _section(full_name)
        item = {"section": section, "name": name, "type": _TYPE, "value": str(value)}
        sections.setdefault(section, {})[name] = item
    return {**data, "hyperparams": sections} if given or sections != known else data


def _with_configuration(data: Json, given: dict[str, Any] | None, task: Document) -> Json:
    if given is None:
        return data
    known: dict[str, Any] = data.get("configuration") or task.get("configuration") or {}
    items = dict(known) if data.get("configuration") else _without_legacy(known)
    items |= {name: {"name": name, "type": _TYPE, "value": str(value)} for name, value in given.items()}
    return {**data, "configuration": items} if given or items != known else data


def _without_legacy(items: dict[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in items.items() if item.get("type") != _TYPE}


def _section(full_name: str) -> tuple[str, str]:
    section, _, name = full_name.partition("/")
    if section != _TF_SECTION:
        return _SECTION, full_name
    if not name:
        raise errors.ValidationError("Parameter name cannot be empty")
    return section, name


_MOVED = {
    "execution.parameters": f"hyperparams.{_SECTION}",
    "execution.model_desc": "configuration",
    "execution.docker_cmd": "container",
}


def path(name: str) -> str:
    """Return the current name of a field in a list of fields to show or sort by."""
    sign, bare = ("-", name[1:]) if name.startswith("-") else ("", name)
    for old, new in _MOVED.items():
        if bare == old or bare.startswith(f"{old}."):
            return sign + new + bare[len(old) :]
    return name


def with_model(data: Json, model: str | None) -> Json:
    """Return the request with `model` as the only input model.

    "" removes all input models, and None changes nothing.
    """
    if model is None:
        return data
    inputs = [{"name": "Input Model", "model": model, "updated": now()}] if model else []
    return {**data, "models": {**(data.get("models") or {}), "input": inputs}}


def with_docker(data: Json, command: str | None) -> Json:
    """Return the request with the Docker image and arguments of `command` as its container."""
    if command is None:
        return data
    image, _, arguments = command.partition(" ")
    return {**data, "container": {**(data.get("container") or {}), "image": image, "arguments": arguments}}


def downgraded(call: Call, document: Document) -> Document:
    """Return a Task in the format of the client's API version."""
    if call.version >= _MODELS:
        return document
    shown = dict(document)
    if call.version < _PARAMETERS:
        items = [item for section in (document.get("hyperparams") or {}).values() for item in section.values()]
        _put(shown, "execution", "parameters", {_full_name(item): item["value"] for item in _legacy(items)})
        items = list((document.get("configuration") or {}).values())
        _put(shown, "execution", "model_desc", {item["name"]: item["value"] for item in _legacy(items)})
    models = document.get("models") or {}
    for field, kind, at in (("execution", "input", 0), ("output", "output", -1)):
        if models.get(kind):
            _put(shown, field, "model", models[kind][at].get("model"))
    container = document.get("container") or {}
    if container.get("image"):
        _put(shown, "execution", "docker_cmd", " ".join(filter(None, map(container.get, ("image", "arguments")))))
    return shown


def _legacy(items: list[Any]) -> list[Document]:
    return [item for item in items if isinstance(item, dict) and item.get("type") == _TYPE and "value" in item]


def _full_name(item: Document) -> str:
    return f"{_TF_SECTION}/{item['name']}" if item.get("section") == _TF_SECTION else str(item["name"])


def _put(document: Document, field: str, name: str, value: Any) -> None:
    if value:
        document[field] = {**(document.get(field) or {}), name: value}
