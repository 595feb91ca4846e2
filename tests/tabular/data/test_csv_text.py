"""What shape can be wrong with, and what of it is told."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearml_flows.tabular.data.csv_text import csv_chunks

NAMES = ["customer_id", "tenure", "churn"]
QUOTE = "has a quote that is not closed or not doubled"
GOOD = "customer_id,tenure,churn\na,1,No\nb,2,Yes\n"


def read(text: str, most_rows: int = 0) -> list[Any]:
    return list(csv_chunks(io.StringIO(text, newline=""), NAMES, most_rows))


def rules(text: str) -> list[tuple[str, str, list[int]]]:
    """Column, rule and rows of each problem."""
    ((_, _, problems, _),) = read(text)
    return [(item["column"], item["rule"], item["rows"]) for item in problems]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_all_kinds(end: str) -> None:
    assert read(GOOD.replace("\n", end)) == [
        ({"customer_id": ["a", "b"], "tenure": ["1", "2"], "churn": ["No", "Yes"]}, [2, 3], [], [])
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (GOOD.replace(",", ";"), [("", "is divided by semicolons: save it with commas", [1])]),
        (
            '"' + GOOD.replace(",", '";"').replace("\n", '"\n"'),
            [("", "is divided by semicolons: save it with commas", [1])],
        ),
        (GOOD.replace(",", "|"), [("", "is divided by bars: save it with commas", [1])]),
        (GOOD.replace(",", "\t"), [("", "is divided by tabs: save it with commas", [1])]),
        (GOOD.split("\n", 1)[1], [("", "has none of the expected columns in its first row", [1])]),
        (GOOD.replace(",tenure", "").replace(",1", "").replace(",2", ""), [("tenure", "is missing", [1])]),
        (GOOD.replace("customer_id", "Customer ID"), [("customer_id", "is missing: did you mean 'Customer ID'?", [1])]),
        (GOOD.replace("churn", "churn_label"), [("churn", "is missing: did you mean 'churn_label'?", [1])]),
        (GOOD.replace("tenure", " tenure"), [("tenure", "is missing: did you mean ' tenure'?", [1])]),
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
        ("\n" + GOOD + "c,3\n\nd,4,No", [("", "has rows with too few fields", [5])]),
        (GOOD + GOOD, [("", "has its header a second time: are these two files?", [4])]),
        (GOOD + f'c,"{"3" * 140_000},No\n', [("", "has a field that is too long: is a quote not closed?", [4])]),
        ("", [("", "has none of the expected columns in its first row", [1])]),
        (GOOD + 'c,"3"4,No\n', [("", f"{QUOTE} (',' expected after '\"')", [4])]),
    ],
    ids=[
        "semicolon",
        "quoted-semicolon",
        "bar",
        "tab",
        "no-header",
        "missing",
        "renamed",
        "renamed-longer",
        "renamed-by-a-blank",
        "duplicate",
        "short",
        "long",
        "cut",
        "open-quote",
        "short-before-a-last-row-without-end",
        "header-again",
        "long-field",
        "nothing",
        "stray-quote",
    ],
)
def test_shape(text: str, found: list[Any]) -> None:
    assert rules(text) == found


def test_columns_that_are_not_used_are_dropped_and_said() -> None:
    ((columns, _, problems, notes),) = read("x,churn,customer_id,tenure\n9,No,a,1\n")
    assert columns == {"customer_id": ["a"], "tenure": ["1"], "churn": ["No"]}
    assert problems == []
    assert [(item["level"], item["rule"], item["sample"]) for item in notes] == [
        ("tolerated", "has columns that are not used", "'x'")
    ]


def test_line_numbers_survive_blank_lines_and_quoted_line_breaks() -> None:
    ((_, lines, problems, notes),) = read('customer_id,tenure,churn\n\n"a\nb",1,No\n,,\nc,2,Yes\nd,3\n')
    assert lines == [3, 6]
    assert problems[0]["rows"] == [7]
    assert [(item["rule"], item["rows"]) for item in notes] == [
        ("has rows without any value, which are left out", [2, 5])
    ]


def test_every_problem_is_told_with_the_first_five_rows() -> None:
    bad = "".join(f"{n}\n" for n in range(7)) + "1,2,3,4\n"
    assert rules(GOOD.replace("tenure", "Tenure") + bad) == [
        ("tenure", "is missing: did you mean 'Tenure'?", [1]),
        ("", "has rows with too few fields", [4, 5, 6, 7, 8]),
        ("", "has rows with too many fields", [11]),
    ]


def test_chunks_are_the_whole_in_pieces() -> None:
    text = GOOD + "c,3\nd,4,No\ne,5,No\n\n"
    ((whole, lines, _, _),) = read(text)
    for most in (1, 2, 3, 4):
        chunks = read(text, most)
        assert [number for _, numbers, _, _ in chunks for number in numbers] == lines
        assert [value for columns, *_ in chunks for value in columns["tenure"]] == whole["tenure"]
        assert [item["rows"] for _, _, problems, _ in chunks for item in problems] == [[4]]
        assert all(len(numbers) == most for _, numbers, _, _ in chunks[:-2])


def test_a_long_file_is_read_piece_by_piece() -> None:
    def endless() -> Any:
        yield "customer_id,tenure,churn\n"
        while True:
            yield "a,1,No\n"

    chunks = csv_chunks(endless(), NAMES, 1000)
    assert [len(next(chunks)[1]) for _ in range(3)] == [1000] * 3


@given(st.text(max_size=200))
def test_any_text_gets_an_answer(text: str) -> None:
    for content in (text, GOOD + text, text + GOOD):
        for columns, lines, problems, _ in read(content, 2):
            assert all(len(values) == len(lines) for values in columns.values())
            assert columns.keys() == set(NAMES) or problems


@given(st.lists(st.tuples(*[st.text(st.characters(codec="utf-8"), max_size=8)] * 3), max_size=6))
def test_what_was_written_as_csv_is_read_back(rows: list[tuple[str, ...]]) -> None:
    rows = [row for row in rows if any(row) and list(row) != NAMES]
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows([NAMES, *rows])
    ((columns, _, problems, _),) = read(file.getvalue())
    assert problems == []
    assert list(zip(*columns.values(), strict=True)) == rows
