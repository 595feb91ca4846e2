"""What files hold, and the sha256 that addresses it."""

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from clearml_flows.datasets.content import read_content, read_table
from clearml_flows.errors import BadInput
from clearml_flows.tabular.datasets.dataset_files import content_sha256, rows_sha256

ROWS = "id,paid\na,1.5\nb,\n"


def folder_of(folder: Path, **files: str | bytes) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


@pytest.mark.parametrize(
    "same",
    [
        b"\xef\xbb\xbfid,paid\na,1.5\nb,\n",
        b"id,paid\r\na,1.5\r\nb,\r\n",
        b'"id";"paid"\n"a";"1.5"\n"b";""\n',
        b"id\tpaid\na\t1.5\nb\t",
    ],
    ids=["byte-order-mark", "line-ends", "semicolons-and-quotes", "tabs"],
)
def test_a_table_is_addressed_by_its_rows(tmp_path: Path, same: bytes) -> None:
    one = read_content(folder_of(tmp_path / "one", a__csv=ROWS))
    other = read_content(folder_of(tmp_path / "other", b__csv=same))
    assert one.sha256 == other.sha256 == rows_sha256(pd.DataFrame({"id": ["a", "b"], "paid": ["1.5", ""]}))
    assert one.files["a.csv"]["sha256"] == hashlib.sha256(ROWS.encode()).hexdigest()
    columns = [{"name": "id", "type": "text"}, {"name": "paid", "type": "number"}]
    assert one.schema == {"a.csv": {"rows": 2, "columns": columns}}


@pytest.mark.parametrize("changed", ["id,paid\na,1.50\nb,\n", "id,paid\nb,\na,1.5\n", "id,sum\na,1.5\nb,\n"])
def test_other_rows_are_other_content(tmp_path: Path, changed: str) -> None:
    one, other = folder_of(tmp_path / "one", a__csv=ROWS), folder_of(tmp_path / "other", a__csv=changed)
    assert read_content(one).sha256 != read_content(other).sha256


def test_any_other_file_is_addressed_by_its_bytes_and_several_by_their_places_too(tmp_path: Path) -> None:
    alone = read_content(folder_of(tmp_path / "alone", a__bin=b"\x00"))
    assert alone.sha256 == hashlib.sha256(b"\x00").hexdigest()
    two = read_content(folder_of(tmp_path / "two", a__bin=b"\x00", b__bin=b"\x01"))
    swapped = read_content(folder_of(tmp_path / "swapped", b__bin=b"\x00", a__bin=b"\x01"))
    assert len({alone.sha256, two.sha256, swapped.sha256}) == 3


def test_what_the_flow_stored_keeps_its_address(tmp_path: Path) -> None:
    parts = {
        "train": pd.DataFrame({"id": ["a", "b"], "paid": [1.0, 2.0], "churn": ["No", "Yes"]}),
        "test": pd.DataFrame({"id": ["c"], "paid": [3.0], "churn": ["No"]}),
    }
    roles = {"target": "churn", "key": "id", "numeric": ["paid"], "categorical": [], "synthetic": False}
    manifest: dict[str, Any] = {**roles, **{f"{part}_sha256": rows_sha256(rows) for part, rows in parts.items()}}
    folder = folder_of(tmp_path / "split", manifest__json=json.dumps(manifest))
    for part, rows in parts.items():
        rows.to_parquet(folder / f"{part}.parquet", index=False)
    content = read_content(folder)
    assert content.sha256 == content_sha256(manifest)
    assert list(content.tables["rows"]["id"]) == ["a", "b", "c"]
    parts["test"].assign(paid=9.0).to_parquet(folder / "test.parquet", index=False)
    assert read_content(folder).sha256 != content.sha256


def test_dates_and_infinite_numbers_of_a_parquet_file_count_too(tmp_path: Path) -> None:
    frame = pd.DataFrame({"day": [date(2026, 11, 23), None], "value": [float("inf"), float("-inf")]})
    addresses = set()
    for number, values in enumerate(([1.0, float("inf")], [float("inf"), float("-inf")], [float("-inf"), 1.0])):
        folder = folder_of(tmp_path / str(number))
        frame.assign(value=values).to_parquet(folder / "a.parquet", index=False)
        addresses.add(read_content(folder).sha256)
    assert len(addresses) == 3


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"id,id\n1,2\n", "stands 2 times in the header"),
        ("a.csv", b"id,paid\n1,2,3\n", "too many fields"),
        ("a.csv", b'id,paid\n"1,2\n', "quote"),
        ("a.csv", "id,paid\né,1\n".encode("latin-1"), "is not UTF-8"),
        ("a.csv", b"id,paid\n1", "cut short"),
        ("a.parquet", b"PAR1 and no more", "a.parquet"),
    ],
)
def test_a_table_that_is_none_is_told_and_not_guessed(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=words):
        read_table(tmp_path / name)
