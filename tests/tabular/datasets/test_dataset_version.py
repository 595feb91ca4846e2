"""What changed between two versions."""

import numpy as np
import pandas as pd

from clearml_flows.tabular.datasets.dataset_version import row_changes


def test_rows_are_told_apart_by_their_key() -> None:
    before = pd.DataFrame({"id": ["a", "b", "c", "d"], "paid": [1.0, 2.0, np.nan, 4.0], "old": 0})
    after = pd.DataFrame({"id": ["e", "d", "c", "b"], "paid": [9.0, 4.5, np.nan, 2.0], "new": 1})
    assert row_changes(before, after, "id") == {
        "rows_added": 1,
        "rows_removed": 1,
        "rows_changed": 1,
        "columns_added": ["new"],
        "columns_removed": ["old"],
    }


def test_without_a_key_rows_are_their_values() -> None:
    before = pd.DataFrame({"pH": [3.1, 3.1, 3.2]})
    after = pd.DataFrame({"pH": [3.1, 3.2, 3.3, 3.3]})
    changes = row_changes(before, after, "")
    assert (changes["rows_added"], changes["rows_removed"], changes["rows_changed"]) == (2, 1, 0)
    assert row_changes(after, after, "") == row_changes(after, after, "id")


def test_equal_frames_differ_in_nothing() -> None:
    frame = pd.DataFrame({"id": ["a", "b"], "paid": [np.nan, 1.0]})
    assert set(map(str, row_changes(frame, frame.iloc[::-1], "id").values())) == {"0", "[]"}
