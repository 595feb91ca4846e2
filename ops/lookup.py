"""Things found by what a person types: an id or the beginning of one, in a bounded number of requests."""

import re
from typing import Any, Literal

from flows.api import Api
from flows.errors import BadInput
from ops.tables import cell

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
    """The one Task or model whose id is `typed` or begins with it, as the API tells it, in one request.

    Args:
        noun: what it is to the person: experiment, dataset, model. `flows <noun>s list` must list them.
        fields: what to ask for besides id and name.
        where: where was looked, for the sentence: "in clearml-flows/models".
        filters: of `get_all_ex`, for what else must hold.

    Raises:
        BadInput: none does, or more than one; the sentence names some of them.
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
