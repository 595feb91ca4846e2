"""What differs between two tables."""

import pandas as pd
import pytest

from clearml_flows.datasets.diff import compare_tables, describe_column
from clearml_flows.errors import BadInput

BEFORE = pd.DataFrame({"id": ["1", "2", "3"], "paid": ["1", "2", ""], "old": "x"})
AFTER = pd.DataFrame({"id": ["3", "2", "4"], "paid": ["3", "2", "4"], "new": "y"})


def test_rows_are_told_apart_by_the_key_whatever_their_order() -> None:
    found = compare_tables(BEFORE, AFTER, "id")
    assert found["rows"] == {"before": 3, "after": 3, "added": 1, "removed": 1, "changed": 1}
    assert found["columns"] == {"added": ["new"], "removed": ["old"]}
    assert {one["column"]: one["changed"] for one in found["summary"]} == {"id": 0, "paid": 1}


def test_a_first_column_that_names_each_row_is_the_key_if_none_is_given() -> None:
    assert compare_tables(BEFORE, AFTER, "")["key"] == "id"
    repeated = BEFORE.assign(id="1")
    found = compare_tables(repeated, AFTER, "")
    assert (found["key"], found["rows"]["changed"]) == ("", 0)
    assert found["summary"][0]["changed"] is None


def test_a_key_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match="no column 'payd' to identify rows; did you mean 'paid'"):
        compare_tables(BEFORE, AFTER, "payd")
    with pytest.raises(BadInput, match="column id does not identify rows: 2 rows repeat"):
        compare_tables(BEFORE.assign(id="1"), AFTER, "id")


def test_text_and_numbers_of_the_same_column_are_compared_as_text() -> None:
    numbers = pd.DataFrame({"id": ["1", "2"], "paid": [1, 3]})
    assert compare_tables(BEFORE.iloc[:2], numbers, "id")["rows"]["changed"] == 1


def test_columns_are_described_by_what_their_values_are() -> None:
    assert describe_column(pd.Series(["1", " ", "2.5"])) == {
        "missing": 1,
        "distinct": 2,
        "min": 1.0,
        "mean": 1.75,
        "max": 2.5,
    }
    assert describe_column(pd.Series(["a", "b", "a", None])) == {
        "missing": 1,
        "distinct": 2,
        "most": "a",
        "share": pytest.approx(2 / 3),
    }
    assert describe_column(pd.Series(["", ""])) == {"missing": 2, "distinct": 0}
