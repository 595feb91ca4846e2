"""Find a Task or model by its id or the beginning of it."""

import re
from typing import Any, Literal

from clearml_flows.backend.client import Api
from clearml_flows.errors import BadInput
from clearml_flows.plain_text import cell

_WHOLE = re.compile(r"[0-9a-f]{32}")
_CANDIDATES = 5


def find_by_id(
    api: Api,
    entity: Literal["tasks", "models"],
    typed: str,
    noun: str,
    fields: list[str],
    where: str = "",
    **filters: Any,
) -> dict[str, Any]:
    """Return the one Task or model whose id is `typed` or starts with it, in one request.

    Args:
        noun: the name for users: experiment, dataset, model. `flows <noun>s list` must list them.
        fields: fields to read besides id and name.
        where: the searched project, for the message: "in clearml-flows/models".
        filters: further filters of `get_all_ex`.

    Raises:
        BadInput: no id matches, or more than one. The message names some of them.
    """
    begin = typed.strip().lower()
    sought: dict[str, Any] = {"_any_": {"fields": ["id"], "pattern": f"^{re.escape(begin)}"}}
    if _WHOLE.fullmatch(begin):
        sought = {"id": [begin]}
    found: list[dict[str, Any]] = []
    if begin and len(begin) <= 32:
        hidden = {"search_hidden": True} if entity == "tasks" else {}
        query = {**sought, **hidden, **filters, "page": 0, "page_size": _CANDIDATES + 1}
        found = api.call(f"{entity}.get_all_ex", **query, only_fields=["id", "name", *fields])[entity]
    exact = [one for one in found if one["id"] == begin]
    if len(exact or found) == 1:
        return (exact or found)[0]
    if not found:
        place = f" {where}" if where else ""
        raise BadInput(f"there is no {noun} with the id {typed!r}{place}; `flows {noun}s list` lists them")
    named = [f"{one['id']} ({cell(one['name'])})" for one in found[:_CANDIDATES]]
    more = ", …" if len(found) > _CANDIDATES else ""
    raise BadInput(f"{noun} id {typed!r} is ambiguous: type more of {', '.join(named)}{more}")
