"""What the steps take as a schema."""

import json
from pathlib import Path

import pytest

from clearml_flows.tabular.data.table_schema import load_schema

TELCO = Path(__file__).parents[3] / "flows" / "schemas" / "churn.json"
KINDS = {"a": "category", "c": "category", "n": "number", "t": "text"}


def test_the_telco_schema_holds() -> None:
    schema = load_schema(TELCO.read_text("utf-8"))
    assert (schema["key"], schema["target"], len(schema["columns"])) == ("customerID", "Churn", 21)


def test_defaults() -> None:
    schema = load_schema('{"target": "quality", "columns": [{"name": "quality", "kind": "integer"}]}')
    assert (schema["key"], schema["min_rows"], schema["unseen_share"]) == ("", 100, 0.0)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("", "no JSON object"),
        ("[]", "no JSON object"),
        ({"columns": [{"name": "a"}]}, "no JSON object"),
        ({"target": "a", "columns": [{"name": "a", "kind": "colour"}]}, "a kind other than"),
        ({"target": "a", "columns": [{"name": "a", "kind": "number"}] * 2}, "names a column twice"),
        ({"target": "b", "columns": [{"name": "a", "kind": "number"}]}, "target 'b' is none"),
        ({"target": "a", "columns": [{"name": "a", "kind": "text"}]}, "target 'a' is none"),
        ({"target": "a", "engineering": "x", "columns": [{"name": "a", "kind": "number"}]}, "engineering 'x' is none"),
        (
            {"target": "a", "plausible": [{"check": "x"}], "columns": [{"name": "a", "kind": "number"}]},
            "not complete, or of no kind",
        ),
        (
            {
                "target": "a",
                "plausible": [{"check": "some", "columns": {"b": "No"}}],
                "columns": [{"name": "a", "kind": "number"}],
            },
            r"names \['b'\], which are no columns",
        ),
        ({"target": "a", "key": "a", "columns": [{"name": "a", "kind": "number"}]}, "key 'a' is none"),
        *(
            (
                {
                    "target": "a",
                    "segments": [segment],
                    "columns": [{"name": name, "kind": kind} for name, kind in KINDS.items()],
                },
                f"segment .* {said}",
            )
            for segment, said in [
                ({"column": "d"}, "is no `column`"),
                ({"column": "a"}, "is no `column`"),
                ({"column": "t"}, "is no `column`"),
                ({"edges": [1]}, "is no `column`"),
                ({"column": "n", "edge": [1]}, "is no `column`"),
                ({"column": "n", "edges": []}, "needs increasing numbers"),
                ({"column": "n", "edges": [2, 1]}, "needs increasing numbers"),
                ({"column": "n", "edges": [1, 1]}, "needs increasing numbers"),
                ({"column": "n", "edges": ["1"]}, "needs increasing numbers"),
                ({"column": "c", "edges": [1]}, "needs increasing numbers"),
            ]
        ),
    ],
)
def test_refused(schema: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        load_schema(schema if isinstance(schema, str) else json.dumps(schema))
