"""Tables in a pipe and on terminals of every width."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from datetime import UTC, datetime

import pytest

from clearml_flows.cli.tables import show, table
from clearml_flows.plain_text import cell, local_date

IDS = ["0123456789abcdef0123456789abcdef", "0123456789ffffff0123456789abcdef"]
COLUMNS = ["id", "name", "tags", "test_f1_score"]
ROWS: list[list[object]] = [
    [IDS[0], "a name", ["one", "two", "three words of a tag that is long"], 0.6226],
    [IDS[1], "another [red]name[/]", [], None],
]


def test_in_a_pipe_each_row_is_one_whole_line() -> None:
    head, first, second = table(COLUMNS, ROWS, None).splitlines()
    assert head.split() == COLUMNS
    assert first == f"{IDS[0]}  a name                one, two, three words of a tag that is long         0.6226"
    assert second == f"{IDS[1]}  another [red]name[/]"


@pytest.mark.parametrize("width", range(30, 130, 3))
def test_on_a_terminal_nothing_is_wider_and_nothing_is_lost(width: int) -> None:
    text = table(COLUMNS, ROWS, width)
    assert max(map(len, text.splitlines())) <= width
    for name in COLUMNS:
        assert name in text
    told = "".join(text.split())
    for shown in ("0.6226", "another", "one,", "two,", "that", "long"):
        assert shown in told
    # The shortest prefix by which the two are different.
    for one in IDS:
        assert one[:11] in told


def test_ids_are_shortened_only_where_the_table_is_too_wide() -> None:
    assert IDS[0] in table(COLUMNS, ROWS, 120)
    assert f"{IDS[0][:11]}  " in table(COLUMNS, ROWS, 80)
    alone = table(["id", "text"], [[IDS[0], "word " * 20]], 60)
    assert alone.splitlines()[1].startswith(f"{IDS[0][:8]}  word")


def test_a_row_that_does_not_fit_becomes_a_block_with_its_whole_id() -> None:
    blocks = table(COLUMNS, ROWS, 50).split("\n\n")
    assert [block.splitlines()[0].split() for block in blocks] == [["id", IDS[0]], ["id", IDS[1]]]


def test_columns_that_can_be_spared_go_first_and_are_named() -> None:
    rows = [[*row, "2026-11-23 08:11 UTC"] for row in ROWS]
    columns, spare = [*COLUMNS, "created"], ("created", "tags")
    assert "too narrow" not in table(columns, rows, 100, spare)
    lines = table(columns, rows, 80, spare).splitlines()
    assert (lines[0].split(), lines[-1]) == (COLUMNS, "(the terminal is too narrow for: created)")
    lines = table(columns, rows, 50, spare).splitlines()
    assert lines[0].split() == ["id", "name", "test_f1_score"]
    assert lines[-1] == "(the terminal is too narrow for: created, tags)"
    assert table(columns, rows, 40, spare).startswith(f"id             {IDS[0][:25]}")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (True, "yes"),
        (3, "3"),
        (0.85131, "0.8513"),
        (0.0, "0.0000"),
        (1e-7, "1e-07"),
        (123456789.0, "1.235e+08"),
        (["a", 1], "a, 1"),
        ("two\nlines\x1b[31m", "two lines [31m"),
    ],
)
def test_a_value_is_one_line_without_control_characters(value: object, shown: str) -> None:
    assert cell(value) == shown


def test_dates_are_local_and_name_the_zone() -> None:
    dates = "d('2026-07-01T08:00:00+00:00'), d('2026-12-01T08:00:00')"
    code = f"from clearml_flows.plain_text import local_date as d; print({dates})"
    env = {**os.environ, "TZ": "Europe/Berlin"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2026-07-01 10:00 CEST 2026-12-01 09:00 CET"
    now = datetime.now(UTC)
    assert local_date(now) == now.astimezone().strftime("%Y-%m-%d %H:%M %Z")
    assert local_date(None) == ""


def test_json_is_one_document_and_nothing_found_is_said_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    show([{"a": 1}], True, ["a"], [[1]])
    assert json.loads(capsys.readouterr().out) == [{"a": 1}]
    show([], False, ["a"], [], "no experiments")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "no experiments\n")


def test_the_width_is_the_terminals() -> None:
    code = "from clearml_flows.cli.tables import show; show([], False, ['id', 'text'], [['ab' * 16, 'word ' * 30]])"
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    subprocess.run([sys.executable, "-c", code], env=env, stdout=theirs, check=True)
    os.close(theirs)
    lines = os.read(ours, 65536).decode().splitlines()
    os.close(ours)
    assert 40 < max(map(len, lines)) <= 60
    assert len(lines) > 3
