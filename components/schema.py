"""What a data set's columns must be, as JSON text that travels with the steps.

```
{"name", "key" (a column's name or ""), "target", "min_rows", "min_class_rows", "unseen_share", "engineering",
 "columns": [{"name", "kind": "text|category|integer|number", "values" (of a category), "min", "max",
              "blank_where": {"column", "equals"}}]}
```

A category may hold values that `values` does not name, up to `unseen_share` of the rows; the target may not. A target
of kind integer or number makes the task a regression. `engineering` names the features to add: `telco` or none. The
function travels with a step: list it in its `helper_functions=[…]`.
"""

from typing import Any


def load_schema(text: str) -> dict[str, Any]:
    """Reads a schema and puts in the defaults.

    Raises:
        ValueError: it is no JSON object, or its columns, key and target do not go together.
    """
    import json

    try:
        schema = json.loads(text)
        columns = {column["name"]: column for column in schema["columns"]}
        kinds = {column["kind"] for column in columns.values()}
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(f"the schema is no JSON object with columns that have name and kind: {error!r}") from error
    if len(columns) != len(schema["columns"]) or kinds - {"text", "category", "integer", "number"}:
        raise ValueError("the schema names a column twice, or a kind other than text, category, integer and number")
    defaults = {"name": "data", "key": "", "min_rows": 100, "min_class_rows": 10, "unseen_share": 0.0}
    schema = {**defaults, "unique_key": True, "engineering": "", **schema}
    if columns.get(schema.get("target", ""), {}).get("kind") not in ("category", "integer", "number"):
        raise ValueError(f"the schema's target {schema.get('target')!r} is none of its category or number columns")
    if schema["key"] and columns.get(schema["key"], {}).get("kind") != "text":
        raise ValueError(f"the schema's key {schema['key']!r} is none of its text columns")
    return dict(schema)
