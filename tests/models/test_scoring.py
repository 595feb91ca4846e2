"""Scoring a raw CSV piece by piece, and writing the whole file or nothing."""

import csv
import io
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from clearml_flows.errors import BadInput, FlowsError
from clearml_flows.files import whole_file
from clearml_flows.models import scoring as module
from clearml_flows.models.api import LoadedModel
from clearml_flows.models.scoring import Tally, predict, score_file
from tests.support.churn_models import SCHEMA, THRESHOLD, loaded_model, raw_customers

ROOT = Path(__file__).parents[2]
# Scores a short file, then one many times as long, and prints the highest memory use after each, in MB.
MEMORY = """
import resource, sys
from pathlib import Path
from clearml_flows.models import scoring as predict
from tests.support.churn_models import loaded_model
predict.ROWS_AT_ONCE = 1000
predict.load_model = lambda name, version, allow_pickle: loaded_model()
for name in sys.argv[1:]:
    predict.predict("churn", Path(name), Path(name + ".out"))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch) -> LoadedModel:
    found = loaded_model()
    monkeypatch.setattr(module, "load_model", lambda *_: found)
    return found


def raw(path: Path, rows: int = 50, **columns: Any) -> Path:
    raw_customers(rows, 3, **columns).drop(columns="Churn").to_csv(path, index=False)
    return path


def read(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_pieces_give_what_the_whole_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = raw(tmp_path / "raw.csv")
    whole = predict("churn", source, tmp_path / "whole.csv")
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 7)
    pieces = predict("churn", source, tmp_path / "pieces.csv")
    assert {**pieces, "output": ""} == {**whole, "output": ""}
    assert [(key, decision) for key, _, decision in read(tmp_path / "pieces.csv")] == [
        (key, decision) for key, _, decision in read(tmp_path / "whole.csv")
    ]
    scores = [[float(row[1]) for row in read(tmp_path / f"{name}.csv")[1:]] for name in ("whole", "pieces")]
    assert scores[0] == pytest.approx(scores[1], abs=1e-12)


def test_unknown_and_repeated_are_counted_over_all_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 7)
    source = raw(tmp_path / "raw.csv", customerID="the same", Contract="Ten years", gender="Other")
    done = predict("churn", source, tmp_path / "out.csv")
    assert (done["rows"], done["repeated"], done["unknown"]) == (50, 49, {"gender": 50, "Contract": 50})
    (note,) = [note for note in done["notes"] if "Ten years" in note]
    assert "50 times (row 2, 3, 4, 5, 6)" in note


def test_the_decision_is_that_of_the_threshold(tmp_path: Path) -> None:
    rows = read_back(tmp_path, raw(tmp_path / "raw.csv", 200))
    assert {decision for *_, decision in rows} == {"Yes", "No"}
    assert all((float(p) >= THRESHOLD) == (decision == "Yes") for _, p, decision in rows)


def read_back(folder: Path, source: Path) -> list[list[str]]:
    predict("churn", source, folder / "out.csv")
    return read(folder / "out.csv")[1:]


@pytest.mark.parametrize("key", ["=1+1", "+1", "-1", "@x"])
def test_a_spreadsheet_finds_no_formula(key: str, tmp_path: Path) -> None:
    rows = read_back(tmp_path, raw(tmp_path / "raw.csv", 2, customerID=["a,b", key]))
    assert [row[0] for row in rows] == ["a,b", f"'{key}"]


def test_rows_without_a_key_are_numbered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyless = {**SCHEMA, "key": "", "columns": [one for one in SCHEMA["columns"] if one["kind"] != "text"]}
    monkeypatch.setattr(module, "load_model", lambda *_: loaded_model(facts={"schema": keyless}))
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 2)
    rows = read_back(tmp_path, raw(tmp_path / "raw.csv", 5))
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "5"]
    assert read(tmp_path / "out.csv")[0][0] == "row"


def test_a_problem_late_in_the_file_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 7)
    customers = raw_customers(50, 3)
    customers.loc[[20, 48], "MonthlyCharges"] = -1
    customers.to_csv(tmp_path / "raw.csv", index=False)
    (tmp_path / "out.csv").write_text("from yesterday")
    with pytest.raises(BadInput, match=re.escape("MonthlyCharges is below 0, 2 times (row 22, 50), such as -1")):
        predict("churn", tmp_path / "raw.csv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "from yesterday"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "raw.csv"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04zip", "is a zip file"),
        (b"a;b\n1;2\n", "none of the expected columns"),
        (b"customerID,gender\n", "is missing"),
    ],
)
def test_what_is_no_file_of_customers_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "raw.csv").write_bytes(content)
    with pytest.raises(BadInput, match=words):
        predict("churn", tmp_path / "raw.csv", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_paths_that_cannot_be(tmp_path: Path) -> None:
    source = raw(tmp_path / "raw.csv", 5)
    (tmp_path / "link.csv").symlink_to(source)
    for target, words in [
        (tmp_path, "is a folder"),
        (tmp_path / "no" / "out.csv", "is in a folder that is not there"),
        (source, "is the file that is read"),
        (tmp_path / "link.csv", "is the file that is read"),
    ]:
        with pytest.raises(BadInput, match=words):
            predict("churn", source, target)


def test_a_model_for_columns_that_are_not_made_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = loaded_model(columns=("tenure", "tenure_squared"))
    monkeypatch.setattr(module, "load_model", lambda *_: changed)
    with pytest.raises(FlowsError, match="needs the column tenure_squared, which this version of the code does not"):
        predict("churn", raw(tmp_path / "raw.csv", 5), tmp_path / "out.csv")


def test_a_model_without_a_schema_scores_no_raw_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "load_model", lambda *_: loaded_model(facts={}))
    with pytest.raises(FlowsError, match="was registered without a schema"):
        predict("churn", raw(tmp_path / "raw.csv", 5), tmp_path / "out.csv")


def test_a_file_appears_whole_through_a_link_and_with_usual_rights(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.csv").symlink_to(tmp_path / "real" / "out.csv")
    with whole_file(tmp_path / "link.csv") as out:
        out.write("half")
        out.flush()
        assert not (tmp_path / "real" / "out.csv").exists()
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real" / "out.csv").read_text() == "half"
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "real" / "out.csv").stat().st_mode & 0o777 == 0o666 & ~mask


def test_an_interrupt_leaves_no_file(tmp_path: Path) -> None:
    def interrupted() -> None:
        with whole_file(tmp_path / "out.csv") as out:
            out.write("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_text()))
    reader.start()
    with whole_file(tmp_path / "pipe") as out:
        out.write("all of it")
    reader.join(10)
    assert got == ["all of it"]
    assert (tmp_path / "pipe").is_fifo()


def test_nothing_goes_to_standard_output_before_all_is_sound(
    tmp_path: Path, model: LoadedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = raw_customers(5, 3, tenure=[1, 2, 3, 4, "x"]).to_csv(index=False).encode()
    with pytest.raises(BadInput), whole_file(None) as out:
        score_file(model, io.BytesIO(bad), "raw.csv", out, Tally(), tmp_path)
    assert capsys.readouterr().out == ""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    lines = raw(tmp_path / "raw.csv", 1000).read_text().splitlines(keepends=True)
    sizes = {"short": 3, "long": 24}
    for name, times in sizes.items():
        with (tmp_path / f"{name}.csv").open("w") as file:
            file.write(lines[0])
            for number in range(times):
                file.writelines(f"{number:04d}{line[4:]}" for line in lines[1:])
    paths = [str(tmp_path / f"{name}.csv") for name in sizes]
    child = subprocess.run(
        [sys.executable, "-c", MEMORY, *paths], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert child.returncode == 0, child.stderr
    short, long = map(float, child.stdout.split())
    # Read at once, the 21,000 further rows would take more than 50 MB.
    assert long - short < 20
