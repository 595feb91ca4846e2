"""Read projects."""

from collections.abc import Mapping
from typing import Any

from clearml_flows.localserver import errors
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services import listing, scope
from clearml_flows.localserver.services.common import project
from clearml_flows.localserver.services.projects import stats
from clearml_flows.localserver.services.projects.children import KINDS, REPORT, TYPES, selected
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.store.query import Selection, select
from clearml_flows.localserver.wire import Json

_HIDDEN = "hidden"


@endpoint("projects.get_by_id")
def get_by_id(call: Call) -> Json:
    return {"project": project(call)}


@endpoint("projects.get_all")
def get_all(call: Call) -> Json:
    return listing.answer("projects", call.db.projects, call.data, _selected(call, call.data))


@endpoint("projects.get_all_ex")
def get_all_ex(call: Call) -> Json:
    """Like `get_all`, with statistics and contents of the projects on request.

    The options are `include_stats`, `include_dataset_stats` and `check_own_contents`. With `active_users` or
    `children_type`, only matching projects and their parents are returned.
    """
    kind = call.data.get("children_type")
    if kind not in (None, *TYPES):
        raise errors.ValidationError(f"error for field 'children_type'. value must be one of {', '.join(TYPES)}")
    data, allowed = dict(call.data), None
    if kind or data.get("active_users"):
        ids, every = selected(call, listing.names(data.get("id") or []))
        if not ids:
            return {"projects": []}
        data["id"], allowed = ids, list(every)
    selection = scope.visible(data, _selected(call, data, is_hidden_asked=bool(call.data.get("id"))))
    found, scroll_id = _found(call, data, selection)
    if found:
        _extend(call, found, allowed)
    return listing.enveloped("projects", found, scroll_id)


def _found(call: Call, data: Json, selection: Selection) -> tuple[list[Document], str | None]:
    """Return the page of projects. With `search_hidden`, hidden projects have `hidden: true`."""
    only = data.get("only_fields")
    is_added = bool(data.get("search_hidden") and isinstance(only, list) and only and "system_tags" not in only)
    if is_added:
        data = {**data, "only_fields": [*listing.names(only), "system_tags"]}
    found, scroll_id = listing.get_all_joined(call, call.db.projects, data, selection)
    for shown in found if data.get("search_hidden") else ():
        tags = shown.pop("system_tags", []) if is_added else shown.get("system_tags", [])
        if _HIDDEN in tags:
            shown["hidden"] = True
    return found, scroll_id


def _selected(call: Call, data: Mapping[str, Any], is_hidden_asked: bool | None = None) -> Selection:
    """Select the requested projects at any depth below `parent`.

    `shallow_search` selects only direct children.
    """
    asked = {name: value for name, value in data.items() if name != "path"}
    if data.get("shallow_search"):
        asked.setdefault("parent", [None])
    elif "parent" in asked:
        asked["path"] = asked.pop("parent")
    selection = select(call.db.projects.entity, asked)
    names_some = bool(data.get("id")) if is_hidden_asked is None else is_hidden_asked
    if not data.get("search_hidden") and not names_some:
        selection.tagged("system_tags", _HIDDEN, is_not=True)
    return selection


def _extend(call: Call, found: list[Document], allowed: list[str] | None) -> None:
    """Add the requested statistics to the documents."""
    data, ids = call.data, [document["id"] for document in found]
    is_dataset = data.get("children_type") == "dataset"
    asked, search_hidden = _stats_filter(data)
    added: list[Mapping[str, Json]] = []
    if data.get("check_own_contents"):
        added.append((stats.own_datasets if is_dataset else stats.own_contents)(call, ids, asked))
    if data.get("include_stats"):
        hidden = search_hidden or is_dataset
        with_children = data.get("stats_with_children") is not False
        children = stats.below(call, ids, hidden, allowed) if with_children else {}
        counted = (stats.of_datasets if is_dataset else stats.of_tasks)(call, ids, children, asked)
        added.append({id: {"stats": counted[id], "sub_projects": children.get(id, [])} for id in ids})
    if data.get("include_dataset_stats"):
        versions = stats.of_dataset_versions(call, ids)
        added.append({id: {"dataset_stats": versions.get(id)} for id in ids})
    for document in found:
        for values in added:
            document.update(values[document["id"]])


def _stats_filter(data: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """Return the filter of the Tasks that count, and True if hidden projects count too."""
    kind, search_hidden = data.get("children_type"), bool(data.get("search_hidden"))
    if data.get("include_stats_filter") or not kind:
        return data.get("include_stats_filter") or {}, search_hidden
    tags = data.get("children_tags_filter") or data.get("children_tags")
    asked = {"tags": tags} if tags else {}
    if kind == "pipeline":
        return {**asked, "system_tags": [KINDS[kind].tag], "type": ["controller"]}, True
    if kind == "report":
        return {**asked, "system_tags": [REPORT], "type": ["report"]}, True
    return asked, search_hidden
