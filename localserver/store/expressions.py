"""SQL for the values that a field of a document has; names and values are always bound."""

from dataclasses import dataclass, field
from typing import Any

from localserver import errors
from localserver.store.entities import LISTS, OBJECT_LISTS, Entity

Condition = tuple[str, list[Any]]
# Keys of these may hold dots themselves: how many names stand between the field and the attribute at the end.
_KEYED = {"hyperparams": 1, "configuration": 0, "metadata": 0}
# What stands in a table beside the documents (see the migrations m005 and m006): its keys, and the values it holds.
_BESIDE = {
    "last_metrics": ("last_values", ("metric", "variant"), ("value", "min_value", "max_value")),
    "hyperparams": ("parameters", ("section", "name"), ("value",)),
}


@dataclass(frozen=True)
class Values:
    """The value of a field, or the values of a field that is a list: then `sql` selects them, one in a row."""

    sql: str
    bound: list[Any] = field(default_factory=list)
    is_list: bool = False

    def where(self, condition: str, bound: list[Any]) -> Condition:
        """SQL that holds if a value meets a condition; `{}` in it stands for the value."""
        if not self.is_list:
            return condition.format(self.sql), [*self.bound, *bound]
        return f"EXISTS (SELECT 1 FROM ({self.sql}) WHERE {condition.format('value')})", [*self.bound, *bound]

    def among(self, values: str) -> Condition:
        """SQL that holds if a value is one of a JSON list."""
        return self.where("{} IN (SELECT value FROM json_each(?))", [values])

    def empty(self) -> Condition:
        """SQL that holds if there is no value."""
        if self.is_list:
            return f"NOT EXISTS (SELECT 1 FROM ({self.sql}))", self.bound
        return f"{self.sql} IS NULL", self.bound


def values(entity: Entity, name: str) -> Values:
    """The values of a field; raises errors.LookupFailed when there is no such field."""
    if name in LISTS and name in entity.columns:
        return Values(f"SELECT value FROM json_each({name})", is_list=True)
    if name in entity.lists:
        return Values("SELECT value FROM json_each(doc, ?)", [f"$.{name}"], is_list=True)
    above, _, attribute = name.rpartition(".")
    if above in OBJECT_LISTS and attribute.isidentifier() and above.partition(".")[0] in entity.fields:
        selected = "SELECT json_extract(value, ?) AS value FROM json_each(doc, ?)"
        return Values(selected, [f"$.{attribute}", f"$.{above}"], is_list=True)
    return Values(*expression(entity, name))


def expression(entity: Entity, name: str) -> Condition:
    """SQL for the value of a field, nested ones with dots; raises errors.LookupFailed when there is no such field."""
    segments = _segments(name)
    root = segments[0]
    if root not in entity.fields:
        raise errors.LookupFailed(err=f'Cannot resolve field "{root[:100]}"')
    if len(segments) == 1 and (root in entity.columns or root == "id"):
        return root, []
    rows, keys, held = _BESIDE.get(root, ("", (), ()))
    if len(segments) == 4 and segments[3] in held:
        of_this = " AND ".join([f"owner = {entity.table}.id", *(f"{key} = ?" for key in keys)])
        return f"(SELECT {segments[3]} FROM {entity.table}_{rows} WHERE {of_this})", segments[1:3]
    if any(not segment or '"' in segment or "\\" in segment or not segment.isprintable() for segment in segments):
        raise errors.LookupFailed(err=f'Cannot resolve field "{name[:100]}"')
    return "json_extract(doc, ?)", ["$" + "".join(f'."{segment}"' for segment in segments)]


def unescaped(key: str) -> str:
    """A key of parameters, configuration or metadata as it is stored: the web application escapes dots and dollars."""
    return "%".join(part.replace("%2E", ".").replace("%24", "$") for part in key.split("%%"))


def _segments(name: str) -> list[str]:
    segments = name.split(".")
    if segments[0] in _KEYED:
        segments = [unescaped(segment) for segment in segments]
    between = _KEYED.get(segments[0])
    if between is None or len(segments) < between + 4:
        return segments
    first = 1 + between
    return [*segments[:first], ".".join(segments[first:-1]), segments[-1]]
