"""What bytes can be wrong with, and what of it is told."""

import bz2
import io
import lzma
import pickle
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearml_flows.tabular.data.csv_bytes import check_bytes

GOOD = "customer_id,tenure,churn\na,1,No\nb,2,Yes\n"


def rules(data: bytes) -> list[tuple[str, list[int], int]]:
    problems, _ = check_bytes(io.BytesIO(data))
    return [(item["rule"], item["rows"], item["count"]) for item in problems]


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \r\n", "is empty"),
        (b"PK\x03\x04rest", "is a zip file or an Excel workbook"),
        (b"PK\x05\x06" + bytes(18), "is an empty zip file"),
        (zlib.compress(b"x", wbits=31), "is a gzip file"),
        (bz2.compress(b"x"), "is a bzip2 file"),
        (lzma.compress(b"x"), "is an xz file"),
        (pickle.dumps({"a": 1}), "is a pickle"),
        (b"SQLite format 3\0", "is an SQLite database"),
        (b"PAR1", "is a parquet file"),
        (GOOD.encode("utf-16"), "is UTF-16"),
        (GOOD.encode("utf-16-be"), "is UTF-16"),
        (GOOD.encode("utf-16-le"), "is UTF-16"),
        (b" <!DOCTYPE html><p>Sign in", "is a web page"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>", "is a web page or XML"),
        (b'{"message": "forbidden"}', "is JSON"),
        (b"\n[1, 2]", "is JSON"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "is a pointer of Git LFS"),
        (GOOD.encode() + b"c,3,N\xc3", "is cut short"),
    ],
)
def test_what_is_no_csv_at_all(data: bytes, rule: str) -> None:
    (found,) = rules(data)
    assert found[0].startswith(rule)


def test_wrong_bytes_are_counted_with_their_rows() -> None:
    latin = "".join(f"{n},Jörg,Zoë\n" for n in range(7)).encode("latin-1")
    assert rules(GOOD.encode() + latin + b"8,\0,\0\n") == [
        ("is not UTF-8 (Latin-1, perhaps): save it as UTF-8", [4, 5, 6, 7, 8], 7),
        ("has NUL bytes: save it as UTF-8 text", [11], 1),
    ]


def test_a_byte_order_mark_and_line_ends_of_windows_are_tolerated_and_said() -> None:
    for mark in ("", "\ufeff"):
        for end in ("\n", "\r\n"):
            problems, notes = check_bytes(io.BytesIO((mark + GOOD.replace("\n", end)).encode()))
            assert (problems, len(notes)) == ([], (mark != "") + (end == "\r\n"))


def test_a_line_without_end_is_given_up() -> None:
    (found,) = check_bytes(io.BytesIO(GOOD.encode() + b"x" * 200), max_line=100)[0]
    assert (found["rule"], found["rows"]) == ("has a line of more than 100 bytes: is it text?", [4])


@given(st.binary(max_size=300))
def test_what_passes_is_utf_8(data: bytes) -> None:
    for content in (data, GOOD.encode() + data):
        if not check_bytes(io.BytesIO(content))[0]:
            assert content.decode("utf-8-sig")
            assert "\0" not in content.decode()
