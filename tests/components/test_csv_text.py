"""What bytes and shape can be wrong with, and what of it is told."""

import csv
import io
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.csv_text import decode_csv, describe_problems, problem, read_columns

NAMES = ["customer_id", "tenure", "churn"]
QUOTE = "has a quote that is not closed or not doubled"
GOOD = "customer_id,tenure,churn\na,1,No\nb,2,Yes\n"


def rules(data: bytes | str) -> list[tuple[str, str, list[int]]]:
    """Column, rule and rows of each problem."""
    text, problems, _ = decode_csv(data.encode() if isinstance(data, str) else data)
    if not problems:
        problems = read_columns(text, NAMES)[2]
    return [(item["column"], item["rule"], item["rows"]) for item in problems]


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \r\n", "is empty"),
        (b"PK\x03\x04rest", "is a zip file"),
        (zlib.compress(b"x", wbits=31), "is a gzip file"),
        (GOOD.encode("utf-16"), "is UTF-16"),
        (GOOD.encode("utf-16-be"), "has NUL bytes"),
        (GOOD.replace("b,", "b\0,").encode(), "has NUL bytes"),
        (GOOD.replace("No", "Né").encode("latin-1"), "is not UTF-8"),
        (b" <!DOCTYPE html><p>Sign in", "is a web page"),
        (b'{"message": "forbidden"}', "is JSON"),
    ],
)
def test_what_is_no_csv_at_all(data: bytes, rule: str) -> None:
    found = rules(data)
    assert [item[0] for item in found] == [""]
    assert found[0][1].startswith(rule)


def test_where_the_wrong_byte_is() -> None:
    assert rules(GOOD.replace("Yes", "Jä").encode("latin-1"))[0][2] == [3]
    assert rules(GOOD.replace("2", "\0").encode())[0][2] == [3]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_marks_and_line_ends_are_tolerated(end: str, mark: str) -> None:
    text, problems, notes = decode_csv((mark + GOOD.replace("\n", end)).encode())
    assert problems == []
    assert len(notes) == (mark != "") + (end == "\r\n")
    columns, lines, problems, _ = read_columns(text, NAMES)
    assert (columns, lines, problems) == (
        {"customer_id": ["a", "b"], "tenure": ["1", "2"], "churn": ["No", "Yes"]},
        [2, 3],
        [],
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (GOOD.replace(",", ";"), [("", "is divided by semicolons: save it with commas", [1])]),
        (GOOD.replace(",", "\t"), [("", "is divided by tabs: save it with commas", [1])]),
        (GOOD.split("\n", 1)[1], [("", "has none of the expected columns in its first row", [1])]),
        (GOOD.replace(",tenure", "").replace(",1", "").replace(",2", ""), [("tenure", "is missing", [1])]),
        (GOOD.replace("customer_id", "Customer ID"), [("customer_id", "is missing: did you mean 'Customer ID'?", [1])]),
        (
            GOOD.replace("tenure", "churn"),
            [("churn", "stands 2 times in the header", [1]), ("tenure", "is missing", [1])],
        ),
        (GOOD + "c,3\n", [("", "has rows with too few fields", [4])]),
        (GOOD + "c,3,No,\n" + "d,4,No\n", [("", "has rows with too many fields", [4])]),
        (GOOD + "c,3", [("", "is cut short: the last row is not whole", [4])]),
        (
            GOOD + 'c,"3,No\nd,4,No\n',
            [("", f"{QUOTE} (unexpected end of data)", [4])],
        ),
        (GOOD + 'c,"3"4,No\n', [("", f"{QUOTE} (',' expected after '\"')", [4])]),
    ],
    ids=[
        "semicolon",
        "tab",
        "no-header",
        "missing",
        "renamed",
        "duplicate",
        "short",
        "long",
        "cut",
        "open-quote",
        "stray-quote",
    ],
)
def test_shape(text: str, found: list[Any]) -> None:
    assert rules(text) == found


def test_extra_columns_are_dropped_and_said() -> None:
    columns, _, problems, notes = read_columns("x,churn,customer_id,tenure\n9,No,a,1\n", NAMES)
    assert columns == {"customer_id": ["a"], "tenure": ["1"], "churn": ["No"]}
    assert (problems, notes) == ([], ["columns that are not used: 'x'"])


def test_line_numbers_survive_blank_lines_and_quoted_line_breaks() -> None:
    _, lines, problems, _ = read_columns('customer_id,tenure,churn\n\n"a\nb",1,No\n\nc,2,Yes\nd,3\n', NAMES)
    assert lines == [3, 6]
    assert problems[0]["rows"] == [7]


def test_every_problem_is_told_with_the_first_five_rows() -> None:
    bad = "".join(f"{n}\n" for n in range(7)) + "1,2,3,4\n"
    found = rules(GOOD.replace("tenure", "Tenure") + bad)
    assert found == [
        ("tenure", "is missing: did you mean 'Tenure'?", [1]),
        ("", "has rows with too few fields", [4, 5, 6, 7, 8]),
        ("", "has rows with too many fields", [11]),
    ]


def test_describe_problems_is_one_line() -> None:
    problems = [problem("tenure", "is blank", [2, 3], sample="' '"), problem("", "is\nempty")]
    told = describe_problems("a.csv", problems + [problem(f"c{n}", "is missing", [1]) for n in range(6)])
    assert told.startswith(
        "bad data: a.csv: column tenure is blank, 2 times (row 2, 3), such as ' '; the file is empty; "
    )
    assert told.endswith("; and 2 more, see the report")


@given(st.binary(max_size=300))
def test_any_bytes_get_an_answer(data: bytes) -> None:
    for content in (data, GOOD.encode() + data, data + GOOD.encode()):
        text, problems, _ = decode_csv(content)
        columns, lines, more, _ = read_columns(text, NAMES) if not problems else ({}, [], problems, [])
        assert all(len(values) == len(lines) for values in columns.values())
        assert columns.keys() == set(NAMES) or more


@given(
    st.lists(st.tuples(*[st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)] * 3), max_size=6)
)
def test_what_was_written_as_csv_is_read_back(rows: list[tuple[str, ...]]) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerows([NAMES, *rows])
    text, problems, _ = decode_csv(file.getvalue().encode())
    assert problems == []
    columns, _, problems, _ = read_columns(text, NAMES)
    assert problems == []
    assert list(zip(*columns.values(), strict=True)) == rows
