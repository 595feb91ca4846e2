"""The sha256 of what a dataset says."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from clearml_flows.tabular.datasets.dataset_files import content_sha256, dataset_columns, rows_sha256
from clearml_flows.tabular.parquet import read_parquet, write_parquet

MANIFEST = {
    "target": "churn",
    "key": "id",
    "numeric": ["paid"],
    "categorical": [],
    "synthetic": False,
    "train_sha256": "a" * 64,
    "test_sha256": "b" * 64,
}


def rows(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"id": ["a", "é"], "paid": [0.1, 2.0], "churn": ["No", "Yes"]} | columns)


def test_columns_stand_in_the_order_of_their_roles() -> None:
    assert dataset_columns(MANIFEST) == ["id", "paid", "churn"]
    assert dataset_columns({**MANIFEST, "key": ""}) == ["paid", "churn"]


def test_the_sha256_are_known() -> None:
    """They address datasets that users have: if one changes, all of them are stored again."""
    assert rows_sha256(rows(paid=[np.nan, 3.0])) == "e880a30ab4b28c4cc6ddbaadd67997adf8695ebf0a87b4bb6d78497ee7c7c679"
    assert content_sha256(MANIFEST) == "2c1e01c546c2610d122998ce5f10f8b6b8fb6170c70f37bd1611e38f4dffbda0"


def test_the_sha256_of_rows_is_that_of_the_values_not_of_the_bytes_or_the_index(tmp_path: Path) -> None:
    path = str(tmp_path / "a.parquet")
    rows().set_axis([7, 9]).to_parquet(path, compression="gzip", index=False, row_group_size=1)
    again = read_parquet(path, list(rows().columns), 10_000)
    write_parquet(again, path)
    assert rows_sha256(read_parquet(path, list(rows().columns), 10_000)) == rows_sha256(rows())


@pytest.mark.parametrize(
    "other",
    [
        rows(paid=[0.1, 2.0000000000000004]),
        rows(paid=[0.1, np.nan]),
        rows(paid=["0.1", "2.0"]),
        rows(id=["a", "e"]),
        rows().iloc[::-1],
        rows().iloc[:1],
        rows().rename(columns={"paid": "price"}),
        rows()[["paid", "id", "churn"]],
    ],
    ids=["value", "missing", "type", "text", "order", "fewer", "name", "column-order"],
)
def test_other_rows_have_another_sha256(other: pd.DataFrame) -> None:
    assert rows_sha256(other) != rows_sha256(rows())


def test_parts_roles_and_origin_count_and_nothing_else() -> None:
    known = content_sha256(MANIFEST)
    changes: list[dict[str, Any]] = [{"target": "id"}, {"synthetic": True}, {"numeric": []}, {"test_sha256": "a" * 64}]
    for change in changes:
        assert content_sha256({**MANIFEST, **change}) != known
    assert content_sha256({**MANIFEST, "raw_sha256": "ab", "id": "x"}) == known
