"""The one way from a CSV to a model's columns, with and without the target: what is refused, what is tolerated."""

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearml_flows.tabular.data.model_columns import prediction_rows
from clearml_flows.tabular.data.rows import prediction_schema, read_rows, rows_from_csv
from clearml_flows.tabular.data.synthetic_telco import synthetic_customers
from clearml_flows.tabular.data.table_schema import load_schema

TELCO = load_schema((Path(__file__).parents[3] / "flows" / "schemas" / "churn.json").read_text("utf-8"))
NAMES = [column["name"] for column in TELCO["columns"]]
SOUND: pd.DataFrame = synthetic_customers(300, 1).astype(str)
BLANK = ("TotalCharges", "is blank where tenure is 0")


def as_csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


def put(column: str, *values: str) -> bytes:
    """The customers with these values in the first rows of a column."""
    changed = SOUND.copy()
    changed.loc[changed.index[: len(values)], column] = list(values)
    return as_csv(changed)


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("customers.csv", data)
    return file.getvalue()


def lines(change: Callable[[list[str]], list[str]]) -> bytes:
    return "".join(change(as_csv(SOUND).decode().splitlines(keepends=True))).encode()


def told(items: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(item["column"], item["rule"]) for item in items]


GOOD = as_csv(SOUND)
REFUSED: dict[str, tuple[bytes, str, str, int, list[int]]] = {
    "missing column": (as_csv(SOUND.drop(columns="gender")), "gender", "is missing", 1, [1]),
    "renamed column": (
        GOOD.replace(b"MonthlyCharges", b"monthly_charges", 1),
        "MonthlyCharges",
        "is missing: did you mean 'monthly_charges'?",
        1,
        [1],
    ),
    "header twice": (GOOD.replace(b"gender", b"Partner", 1), "Partner", "stands 2 times in the header", 1, [1]),
    "semicolons": (SOUND.to_csv(index=False, sep=";", decimal=",").encode(), "", "is divided by semicolons", 1, [1]),
    "tabs": (SOUND.to_csv(index=False, sep="\t").encode(), "", "is divided by tabs", 1, [1]),
    "UTF-16": (GOOD.decode().encode("utf-16"), "", "is UTF-16", 0, []),
    "Latin-1": (put("gender", "Frau Müller").decode().encode("latin-1"), "", "is not UTF-8", 1, [2]),
    "Windows-1252": (put("gender", "€").decode().encode("cp1252"), "", "is not UTF-8", 1, [2]),
    "NUL": (put("gender", "Ma\0le", "F\0"), "", "has NUL bytes", 2, [2, 3]),
    "empty": (b"", "", "is empty", 0, []),
    "blank": (b" \n\n\t\n", "", "is empty", 0, []),
    "header only": (as_csv(SOUND[:0]), "", "has 0 usable rows, fewer than 100", 0, []),
    "too few rows": (as_csv(SOUND[:99]), "", "has 99 usable rows, fewer than 100", 99, []),
    "no header": (
        SOUND.to_csv(index=False, header=False).encode(),
        "",
        "has none of the expected columns in its first row",
        1,
        [1],
    ),
    "web page": (b"<!doctype html><title>Sign in</title>", "", "is a web page", 0, []),
    "JSON error": (b'{"code": 403, "message": "forbidden"}', "", "is JSON", 0, []),
    "text error": (b"403 Forbidden\n", "", "has none of the expected columns", 1, [1]),
    "cut short in a row": (GOOD[:-30], "", "is cut short", 1, [301]),
    "cut short in a quote": (
        lines(lambda all_: [*all_[:-1], '"0001-A']),
        "",
        "has a quote that is not closed",
        1,
        [301],
    ),
    "row too long": (lines(lambda all_: [*all_, all_[-1].strip() + ",\n"]), "", "has rows with too many", 1, [302]),
    "row too short": (lines(lambda all_: [*all_, "1,2\n", "3\n"]), "", "has rows with too few", 2, [302, 303]),
    "open quote": (put("gender", "Male").replace(b"Male", b'"Male', 1), "", "has a quote that is not closed", 1, [2]),
    "two files in one": (GOOD + GOOD, "", "has its header a second time", 1, [302]),
    "words for numbers": (put("tenure", "x", "NA", "None"), "tenure", "is not a number", 3, [2, 3, 4]),
    "decimal comma": (put("MonthlyCharges", "29,85"), "MonthlyCharges", "has decimal commas", 1, [2]),
    "no target": (as_csv(SOUND.drop(columns="Churn")), "Churn", "is missing", 1, [1]),
    "blank target": (put("Churn", "", " "), "Churn", "is blank", 2, [2, 3]),
    "another target": (put("Churn", "yes"), "Churn", "is none of No, Yes", 1, [2]),
    "one class": (as_csv(SOUND.assign(Churn="No")), "Churn", "has only one value", 300, []),
    "ids twice": (put("customerID", *["0001-ABCDE"] * 8), "customerID", "is there twice", 7, [3, 4, 5, 6, 7]),
    "negative": (put("TotalCharges", "-0.01"), "TotalCharges", "is below 0", 1, [2]),
    "infinite": (put("MonthlyCharges", "inf", "-Infinity", "1e999"), "MonthlyCharges", "is infinite", 3, [2, 3, 4]),
    "blank charges of one who stayed": (
        as_csv(SOUND.assign(TotalCharges=" ")[SOUND["tenure"] != "0"]),
        "TotalCharges",
        "is blank",
        int((SOUND["tenure"] != "0").sum()),
        [2, 3, 4, 5, 6],
    ),
    "zip": (zipped(GOOD), "", "is a zip file", 0, []),
    "gzip": (gzip.compress(GOOD), "", "is a gzip file", 0, []),
    "many new categories": (put("Contract", *["Barter"] * 4), "Contract", "is none of Month-to-month", 4, [2, 3, 4, 5]),
}
TOLERATED: dict[str, tuple[bytes, str, str, int, list[int], str]] = {
    "byte order mark": (b"\xef\xbb\xbf" + GOOD, "", "begins with a byte order mark", 0, [], ""),
    "CR LF": (GOOD.replace(b"\n", b"\r\n"), "", "has lines that end with CR LF", 0, [], ""),
    "blank lines": (GOOD + b"\n\n", "", "has rows without any value", 2, [302, 303], ""),
    "more columns": (as_csv(SOUND.assign(b=1, a=2)), "", "has columns that are not used", 2, [1], "'b', 'a'"),
    "None as a category": (put("PaymentMethod", "None", "NA"), "PaymentMethod", "has new values", 2, [2, 3], "'None'"),
    "blanks around": (put("Churn", " No", "Yes "), "Churn", "has blanks around values", 2, [2, 3], "' No'"),
    "implausible charges": (
        put("TotalCharges", "999999"),
        "TotalCharges",
        "is implausible for tenure * MonthlyCharges",
        1,
        [2],
        "",
    ),
    "services that contradict each other": (
        put("MultipleLines", *SOUND["PhoneService"].replace({"No": "Yes", "Yes": "No phone service"})),
        "MultipleLines",
        "contradicts PhoneService",
        300,
        [2, 3, 4, 5, 6],
        "",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    data, column, rule, count, rows = REFUSED[case]
    frame, problems, _ = rows_from_csv(data, TELCO)
    assert frame.empty
    assert [
        (item["count"], item["rows"])
        for item in problems
        if item["column"] == column and item["rule"].startswith(rule) and item["level"] == "problem"
    ] == [(count, rows)], problems


@pytest.mark.parametrize("case", TOLERATED)
def test_tolerated_and_said(case: str) -> None:
    data, column, rule, count, rows, sample = TOLERATED[case]
    frame, problems, notes = rows_from_csv(data, TELCO)
    assert (problems, len(frame), list(frame)) == ([], 300, NAMES)
    (item,) = [one for one in notes if one["column"] == column and one["rule"].startswith(rule)]
    assert (item["count"], item["rows"]) == (count, rows)
    assert sample in item["sample"]
    assert item["level"] in ("warning", "tolerated")


def test_sound_rows_get_types_and_nothing_is_said_but_of_blank_charges() -> None:
    frame, problems, notes = rows_from_csv(GOOD, TELCO)
    assert (problems, told(notes)) == ([], [BLANK])
    assert {str(frame[name].dtype) for name in ("tenure", "SeniorCitizen")} == {"int64"}
    assert frame["TotalCharges"].isna().sum() == (SOUND["tenure"] == "0").sum() > 0


def test_categories_that_look_like_nothing_stay_text() -> None:
    frame, _, _ = rows_from_csv(put("PaymentMethod", "None", "NA", "nan"), TELCO)
    assert list(frame["PaymentMethod"][:3]) == ["None", "NA", "nan"]


def test_all_problems_come_in_one_report() -> None:
    bad = SOUND.drop(columns="Partner")
    bad.loc[0, ["tenure", "MonthlyCharges", "gender"]] = ["-1", "1,5", ""]
    _, problems, _ = rows_from_csv(b"\xef\xbb\xbf" + as_csv(bad) + b"1,2\n", TELCO)
    assert set(told(problems)) == {
        ("Partner", "is missing"),
        ("tenure", "is below 0"),
        ("MonthlyCharges", "has decimal commas: use points"),
        ("gender", "is blank"),
        ("", "has rows with too few fields"),
    }


def test_the_target_is_never_used_for_prediction() -> None:
    without = SOUND.drop(columns="Churn")
    frame, problems, notes = rows_from_csv(as_csv(without), TELCO, need_target=False)
    assert (list(frame), len(frame), problems, told(notes)) == (NAMES[:-1], 300, [], [BLANK])
    labelled, problems, notes = rows_from_csv(as_csv(SOUND.assign(Churn="?")), TELCO, need_target=False)
    assert (problems, told(notes)) == ([], [("", "has columns that are not used"), BLANK])
    pd.testing.assert_frame_equal(labelled, frame)


def test_few_rows_new_categories_and_repeated_keys_are_predicted_and_said() -> None:
    few = SOUND.iloc[[0, 1, 1]].assign(PaymentMethod="Barter").drop(columns="Churn")
    frame, problems, notes = rows_from_csv(as_csv(few), TELCO, need_target=False)
    assert (len(frame), problems) == (3, [])
    assert told(notes) == [("customerID", "is there twice"), ("PaymentMethod", "has new values: 'Barter'")]
    assert set(prediction_rows(frame, TELCO)["PaymentMethod"]) == {"Barter"}


@pytest.mark.parametrize(("column", "value"), [("MonthlyCharges", "abc"), ("tenure", "-1"), ("customerID", " ")])
def test_what_is_wrong_is_wrong_for_prediction_too(column: str, value: str) -> None:
    frame, problems, _ = rows_from_csv(as_csv(SOUND.assign(**{column: value})), TELCO, False)
    assert frame.empty
    assert (column, 300) in [(item["column"], item["count"]) for item in problems]


def test_a_header_alone_has_nothing_to_predict() -> None:
    _, problems, _ = rows_from_csv(as_csv(SOUND[:0]), TELCO, False)
    assert [item["rule"] for item in problems] == ["has 0 usable rows, fewer than 1"]


def test_training_and_prediction_see_the_same_columns() -> None:
    trained = prediction_rows(rows_from_csv(GOOD, TELCO)[0], TELCO)
    predicted = prediction_rows(rows_from_csv(as_csv(SOUND[40:43].drop(columns="Churn")), TELCO, False)[0], TELCO)
    assert "Churn" not in trained
    assert trained.columns[0] == "customerID"
    pd.testing.assert_frame_equal(trained[40:43].reset_index(drop=True), predicted)


@pytest.mark.parametrize("most", [1, 7, 100, 299, 300, 301])
def test_rows_to_predict_come_in_chunks(most: int) -> None:
    whole = rows_from_csv(GOOD, TELCO, need_target=False)[0]
    chunks = list(read_rows(io.BytesIO(GOOD + b"\n"), prediction_schema(TELCO), most))
    frames = [frame for frame, _, _ in chunks if len(frame)]
    assert [problems for _, problems, _ in chunks] == [[]] * len(chunks)
    assert [len(frame) for frame in frames[:-1]] == [most] * (len(frames) - 1)
    pd.testing.assert_frame_equal(pd.concat(frames, ignore_index=True), whole)
    assert [item["rows"] for _, _, notes in chunks for item in notes if "without any" in item["rule"]] == [[302]]


def test_rows_of_a_chunk_are_told_by_the_lines_of_the_file() -> None:
    bad = SOUND.copy()
    bad.loc[250, "tenure"] = "x"
    chunks = list(read_rows(io.BytesIO(as_csv(bad)), prediction_schema(TELCO), 100))
    assert [[item["rows"] for item in problems] for _, problems, _ in chunks] == [[], [], [[252]]]
    assert [len(frame) for frame, _, _ in chunks] == [100, 100, 0]


@given(st.binary(max_size=40), st.integers(0, len(GOOD)), st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_a_damaged_file_passes_only_with_as_many_sound_rows_as_lines(damage: bytes, place: int, cut: int) -> None:
    frame, problems, _ = rows_from_csv(GOOD[:place] + damage + GOOD[place + cut :], TELCO)
    assert frame.empty == bool(problems)
    if not problems:
        assert list(frame) == NAMES
        assert not frame.drop(columns="TotalCharges").isna().any(axis=None)
        assert frame["customerID"].is_unique
