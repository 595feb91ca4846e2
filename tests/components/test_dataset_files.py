"""The sha256 of what a dataset says."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from components.artifacts import read_parquet, write_parquet
from components.dataset_files import content_sha256, dataset_columns

MANIFEST = {"target": "churn", "key": "id", "numeric": ["paid"], "categorical": [], "synthetic": False}


def rows(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"id": ["a", "é"], "paid": [0.1, 2.0], "churn": ["No", "Yes"]} | columns)


def test_columns_stand_in_the_order_of_their_roles() -> None:
    assert dataset_columns(MANIFEST) == ["id", "paid", "churn"]
    assert dataset_columns({**MANIFEST, "key": ""}) == ["paid", "churn"]


def test_the_sha256_is_known() -> None:
    """It addresses datasets that users have: if this changes, all of them are stored again."""
    known = "68c483b2e212db197e92a392d9158d5965a12d25a015a83732da2b9f7c2c979e"
    assert content_sha256(MANIFEST, rows(), rows(paid=[np.nan, 3.0])) == known


def test_the_sha256_is_that_of_the_values_not_of_the_bytes_or_the_index(tmp_path: Path) -> None:
    path = str(tmp_path / "a.parquet")
    train, test = rows(), rows(id=["c", "d"])
    train.set_axis([7, 9]).to_parquet(path, compression="gzip", index=False, row_group_size=1)
    again = read_parquet(path, list(train.columns), 10_000)
    write_parquet(again, path)
    assert content_sha256(MANIFEST, read_parquet(path, list(train.columns), 10_000), test) == content_sha256(
        MANIFEST, train, test
    )


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
)
def test_other_content_has_another_sha256(other: pd.DataFrame) -> None:
    assert content_sha256(MANIFEST, other, rows()) != content_sha256(MANIFEST, rows(), rows())
    assert content_sha256(MANIFEST, rows(), other) != content_sha256(MANIFEST, rows(), rows())


def test_roles_and_origin_count() -> None:
    known = content_sha256(MANIFEST, rows(), rows())
    changes: list[dict[str, Any]] = [{"target": "id"}, {"synthetic": True}, {"numeric": []}]
    for change in changes:
        assert content_sha256({**MANIFEST, **change}, rows(), rows()) != known
    assert content_sha256({**MANIFEST, "raw_sha256": "ab"}, rows(), rows()) == known
    assert content_sha256(MANIFEST, rows(), rows(id=["c", "d"])) != content_sha256(
        MANIFEST, rows(id=["c", "d"]), rows()
    )
