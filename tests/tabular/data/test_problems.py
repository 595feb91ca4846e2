"""How problems are told."""

import pytest

from clearml_flows.tabular.data.problems import describe_problems, escape_cell, problem, report_cells


def test_describe_problems_is_one_line() -> None:
    problems = [problem("tenure", "is blank", [2, 3], sample="' '"), problem("", "is\nempty")]
    told = describe_problems("a.csv", problems + [problem(f"c{n}", "is missing", [1]) for n in range(6)])
    assert told.startswith(
        "bad data: a.csv: column tenure is blank, 2 times (row 2, 3), such as ' '; the file is empty; "
    )
    assert told.endswith("; and 2 more, see the report")


def test_the_first_five_rows_are_kept_and_all_are_counted() -> None:
    item = problem("tenure", "is blank", range(2, 12))
    assert (item["rows"], item["count"]) == ([2, 3, 4, 5, 6], 10)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "=cmd|' /C calc'!A0"])
def test_what_a_spreadsheet_would_run_is_escaped(text: str) -> None:
    assert escape_cell(text) == f"'{text}"
    (row,) = report_cells([problem(text, "is odd", [2, 3], sample=text)])
    assert (row["column"], row["sample"], row["rows"]) == (f"'{text}", f"'{text}", "2, 3")


@pytest.mark.parametrize("text", ["", "tenure", "'=1'", "3 - 1", "a=b"])
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert escape_cell(text) == text
