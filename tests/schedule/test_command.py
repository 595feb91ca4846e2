"""The commands, as one who types them sees them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from clearml_flows.cli.main import main
from clearml_flows.schedule.schema import KIND

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copyfile(ROOT / "settings.toml", tmp_path / "settings.toml")
    monkeypatch.setenv("FLOWS_SETTINGS", str(tmp_path / "settings.toml"))
    return tmp_path


def flows(*words: str) -> Result:
    return CliRunner().invoke(main, ["schedule", *words])


def told(*words: str) -> Any:
    done = flows(*words[:1], "--json", *words[1:])
    assert done.exit_code == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_from_the_first_to_the_last_command(folder: Path) -> None:
    made = told("cron", "30 2 * * mon-fri", "--timezone", "Europe/Berlin", "--max-runs", "5", "--overlap", "queue")
    assert {"name": "churn-cron", "when": "30 2 * * mon-fri", "max_runs": 5, "overlap": "queue"}.items() <= made.items()
    assert made["next_local"].partition(" ")[0] in ("Mon", "Tue", "Wed", "Thu", "Fri")
    assert told("daily", "00:00")["name"] == "churn-daily"
    assert told("daily", "12:00")["name"] == "churn-daily-2"
    assert told("interval", "3600", "--name", "hourly")["timezone"] == "UTC"
    assert [one["name"] for one in told()] == ["churn-cron", "churn-daily", "churn-daily-2", "hourly"]
    assert [one["schedule"] for one in told("next", "3", "hourly")] == ["hourly"] * 3
    assert len(told("next", "7")) == 7
    assert len(told("next", "7", "churn-cron")) == 5
    assert told("pause", "hourly")["state"] == "paused"
    assert told("show", "hourly")["next"] is None
    assert told("resume", "hourly")["next"]
    assert told("remove", "hourly")["state"] == "removed"
    assert "hourly" not in flows().stdout
    assert (folder / ".flows" / KIND.file).is_file()


def test_without_json_it_is_for_people() -> None:
    assert flows().stderr == "there is no schedule; `flows schedule daily 00:00` creates one\n"
    assert "schedule churn-daily: churn daily 00:00, next " in flows("daily", "00:00").stdout
    listed = flows("list").stdout.splitlines()
    assert listed[0].split() == ["name", "flow", "when", "timezone", "state", "next", "runs", "last"]
    assert len(listed) == 2
    assert flows("next", "2").stdout.splitlines()[1].endswith("00:00:00Z  churn-daily")
    assert "overlap   forbid" in flows("show", "churn-daily").stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["interval", "0"], "the interval is '0'"),
        (["interval", "-5"], "the interval is '-5'"),
        (["interval", "3600", "--max-run", "3"], "No such option '--max-run'"),
        (["daily", "25:00"], "the time of day is '25:00'"),
        (["daily", "12:00", "--timezone", "Europe/Berln"], "did you mean 'Europe/Berlin'"),
        (["cron", "@reboot"], "has 1 fields"),
        (["cron", "* * * * * *"], "has 6 fields"),
        (["daily", "12:00", "--flow", "chrun"], "there is no flow 'chrun'; did you mean 'churn'"),
        (["daily", "12:00", "--name", "../x"], "--name is '../x'"),
        (["daily", "12:00", "--name", "environment"], "--name environment is reserved"),
        (["pause", "nightly"], "there is no schedule 'nightly'"),
        (["run-now", "nightly"], "there is no schedule 'nightly'"),
    ],
)
def test_a_mistake_is_one_sentence_and_makes_nothing(words: list[str], sentence: str) -> None:
    done = flows(*words)
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert told() == []


def test_options_of_the_run_are_checked_and_kept(folder: Path) -> None:
    done = flows("daily", "12:00", "--set", "training.fold=3")
    assert (done.exit_code, done.stderr) == (
        2,
        "error: there is no setting 'training.fold'; did you mean 'training.folds'?\n",
    )
    (folder / "customers.csv").touch()
    made = told("daily", "12:00", "--source", str(folder / "customers.csv"), "--queue", "default", "--", "--no-cache")
    assert made["options"] == ["--source", str(folder / "customers.csv"), "--queue", "default", "--no-cache"]


def test_a_damaged_file_is_one_sentence(folder: Path) -> None:
    told()
    path = folder / ".flows" / KIND.file
    path.write_bytes(b"")
    done = flows("list")
    assert (done.exit_code, path.read_bytes()) == (1, b"")
    assert done.stderr.startswith(f"error: {path} does not hold schedules, or is damaged")


@pytest.mark.parametrize("command", ["daily", "cron"])
def test_the_help_tells_what_happens_where_clocks_change(command: str) -> None:
    text = " ".join(flows(command, "--help").stdout.split())
    assert "a time in the hour skipped in spring runs once, at the first instant after it" in text
    assert "A time in the hour repeated in autumn runs once, the first time" in text
