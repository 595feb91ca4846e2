"""SQL expressions for the values of a field. Names and values are always bound."""

from dataclasses import dataclass, field
from typing import Any

from clearml_flows.localserver import errors
from clearml_flows.localserver.store.entities import LISTS, OBJECT_LISTS, Entity

Condition = tuple[str, list[Any]]
# Fields whose keys may contain dots: the number of names between the field and that key.
_KEYED = {"hyperparams": 1, "configuration": 0, "metadata": 0}
# Tables beside the documents (migrations m005 and m006): (rows, key columns, value columns) by field.
_BESIDE = {
    "last_metrics": ("last_values", ("metric", "variant"), ("value", "min_value", "max_value")),
    "hyperparams": ("parameters", ("section", "name"), ("value",)),
}


@dataclass(frozen=True)
class Values:
    """The value of a field. For a list field, `sql` selects its values, one in a row."""

    sql: str
    bound: list[Any] = field(default_factory=list)
    is_list: bool = False

    def where(self, condition: str, bound: list[Any]) -> Condition:
        """Return SQL that holds if a value meets a condition. `{}` in the condition is the value."""
        if not self.is_list:
            return condition.format(self.sql), [*self.bound, *bound]
        return f"EXISTS (SELECT 1 FROM ({self.sql}) WHERE {condition.format('value')})", [*self.bound, *bound]

    def among(self, values: str) -> Condition:
        """Return SQL that holds if a value is in a JSON list."""
        return self.where("{} IN (SELECT value FROM json_each(?))", [values])

    def empty(self) -> Condition:
        """Return SQL that holds if there is no value."""
        if self.is_list:
            return f"NOT EXISTS (SELECT 1 FROM ({self.sql}))", self.bound
        return f"{self.sql} IS NULL", self.bound


def values(entity: Entity, name: str) -> Values:
    """Return the values of a field. Raises errors.LookupFailed if there is no such field."""
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
    """Return SQL for the value of a field; dots in the name select nested fields.

    Raises errors.LookupFailed if there is no such field.
    """
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
    """Return the stored form of a key of parameters, configuration or metadata.

    The web application escapes dots and dollar signs in keys.
    """
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
