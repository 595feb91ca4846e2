"""The schema of a dataset's columns: JSON text that is passed between steps.

```
{"name", "key" (a column's name or ""), "target", "min_rows", "min_class_rows", "unseen_share", "unique_key",
 "engineering", "synthetic", "plausible", "segments",
 "columns": [{"name", "kind": "text|category|integer|number", "values" (of a category), "min", "max",
              "blank_where": {"column", "equals"}}]}
```

A category may hold values that `values` does not name, up to `unseen_share` of the rows; the target may not.
A target of kind integer or number makes the problem a regression. `engineering` names the features to add.
`synthetic` names the generator of synthetic rows: `telco`, `wine` or empty for none.
`plausible` lists rules; rows that break a rule get a warning:
```
{"check": "together", "column", "value", "other", "other_value"}: either both or neither
{"check": "product", "column", "factors": […], "low", "high", "slack"}: low * product - slack to high * product + slack
{"check": "some", "columns": {name: value, …}}: not all at once
```
`segments` lists the groups of rows that an evaluation reports separately. `{"column"}` makes a group for each
value. `{"column", "edges": […]}` makes a group for each band of numbers between increasing edges.
"""

import json
from typing import Any

from clearml_flows.tabular.data.engineering import feature_makers


def load_schema(text: str) -> dict[str, Any]:
    """Parse a schema and fill in the defaults.

    Raises:
        ValueError: the text is no JSON object, or its columns, key and target do not fit together.
    """
    try:
        schema = json.loads(text)
        columns = {column["name"]: column for column in schema["columns"]}
        kinds = {column["kind"] for column in columns.values()}
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(f"the schema is no JSON object with columns that have name and kind: {error!r}") from error
    if len(columns) != len(schema["columns"]) or kinds - {"text", "category", "integer", "number"}:
        raise ValueError("the schema names a column twice, or a kind other than text, category, integer and number")
    defaults = {"name": "data", "key": "", "min_rows": 100, "min_class_rows": 10, "unseen_share": 0.0}
    schema = {
        **defaults,
        "unique_key": True,
        "engineering": "",
        "synthetic": "",
        "plausible": [],
        "segments": [],
        **schema,
    }
    if columns.get(schema.get("target", ""), {}).get("kind") not in ("category", "integer", "number"):
        raise ValueError(f"the schema's target {schema.get('target')!r} is none of its category or number columns")
    if schema["key"] and columns.get(schema["key"], {}).get("kind") != "text":
        raise ValueError(f"the schema's key {schema['key']!r} is none of its text columns")
    if schema["engineering"] not in ("", *feature_makers()):
        known = ", ".join(feature_makers())
        raise ValueError(f"the schema's engineering {schema['engineering']!r} is none of those there are: {known}")
    check_plausible(schema["plausible"], columns)
    check_segments(schema["segments"], {name: one["kind"] for name, one in columns.items() if name != schema["target"]})
    return schema


def check_plausible(rules: list[dict[str, Any]], columns: dict[str, Any]) -> None:
    """Raise ValueError if a `plausible` rule is incomplete or names an unknown column."""
    needed = {
        "together": {"column", "value", "other", "other_value"},
        "product": {"column", "factors", "low", "high", "slack"},
        "some": {"columns"},
    }
    for rule in rules:
        keys = needed.get(rule.get("check", ""))
        if keys is None or keys | {"check"} != set(rule):
            raise ValueError(f"the schema's rule {rule!r:.200} is not complete, or of no kind that there is")
        named = {rule.get("column"), rule.get("other"), *rule.get("factors", []), *rule.get("columns", {})} - {None}
        missing = sorted(named - set(columns))
        if missing:
            raise ValueError(f"the schema's rule {rule!r:.200} names {missing}, which are no columns")


def check_segments(segments: list[dict[str, Any]], kinds: dict[str, str]) -> None:
    """Raise ValueError if an entry of `segments` does not fit the columns in `kinds`."""
    for segment in segments:
        column, edges = segment.get("column"), segment.get("edges")
        if kinds.get(column or "") not in ("category", "integer", "number") or set(segment) - {"column", "edges"}:
            raise ValueError(
                f"the schema's segment {segment!r:.200} is no `column` of categories or numbers with `edges`"
            )
        if edges is None:
            continue
        numbers = bool(edges) and all(isinstance(edge, int | float) for edge in edges)
        if kinds[str(column)] == "category" or not numbers or edges != sorted(set(edges)):
            raise ValueError(
                f"the schema's segment {segment!r:.200} needs increasing numbers as edges of a number column"
            )


def problem_type_of(schema: dict[str, Any]) -> str:
    """Return `classification` if the schema's target is a category, `regression` if a number."""
    kind = next(column["kind"] for column in schema["columns"] if column["name"] == schema["target"])
    return "classification" if kind == "category" else "regression"
