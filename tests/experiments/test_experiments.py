"""`flows experiments` through the official SDK against the embedded backend."""

import csv
import json
from typing import Any

import pytest

from tests.support.story import Story, tell

NAMES = ("good", "near", "poor", "odd", "bare")
HOSTILE = "=cmd|' /C calc'!A0 <script>alert(1)</script> | [red]"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return tell("experiment_verbs", tmp_path_factory.mktemp("experiments"))


def names(story: Story, listing: str) -> list[str]:
    by_id = {one: name for name, one in story["ids"].items()}
    return [by_id[one["id"]] for one in story[f"list {listing}"]]


def test_before_anything_was_run(story: Story) -> None:
    assert story["nothing yet"] == {"exit_code": 0, "stdout": "[]\n", "stderr": ""}
    assert story["nothing to rank"] == {"exit_code": 0, "stdout": "", "stderr": "no completed experiments\n"}
    story.refused("nothing to compare", 2, "comparing takes two experiments or more, but none is meant")


def test_the_newest_come_first_without_steps_runs_and_archived_ones(story: Story) -> None:
    assert names(story, "all") == list(reversed(NAMES))
    first = story["list all"][-1]
    assert first["metrics"] == {"cv_roc_auc": 0.85, "cv_f1_score": pytest.approx(0.65)}
    assert (first["project"], first["status"], first["tags"]) == ("clearml-flows/experiments", "completed", ["forest"])


@pytest.mark.parametrize(
    ("listing", "found"),
    [
        ("top", "good near"),
        ("by brier", "good near poor odd"),
        ("by brier, highest", "odd poor near good"),
        ("two metrics", "good near poor odd"),
        ("tag", "poor"),
        ("status", "bare"),
        ("project", "elsewhere"),
        ("since", "bare odd poor near good"),
        ("until", ""),
        ("without the metric", ""),
        ("flow", "odd"),
        ("run", "poor near good"),
        ("cached run", "poor near good"),
    ],
)
def test_filters_and_orders(story: Story, listing: str, found: str) -> None:
    assert names(story, listing) == found.split()


def test_named_metrics_are_the_ones_shown(story: Story) -> None:
    assert all(set(one["metrics"]) == {"cv_f1_score", "cv_brier"} for one in story["list two metrics"])


def test_lists_as_text(story: Story) -> None:
    story.done("list as text", story["ids"]["good"])
    assert story["bare noun"]["stdout"] == story["list as text"]["stdout"]
    assert story["list as text"]["stdout"].splitlines()[0].split() == [
        *("id", "name", "status", "created", "tags", "cv_roc_auc", "cv_f1_score")
    ]
    assert "[red]" in story["list as text"]["stdout"]
    assert story["top as text"]["stderr"] == "the first 2: --top shows more\n"
    assert story["nothing as text"] == {"exit_code": 0, "stdout": "", "stderr": "no experiments\n"}


def test_show_tells_parameters_metrics_dataset_and_code(story: Story) -> None:
    shown = story["show"]
    assert shown["parameters"]["Estimator/max_depth"] == "6"
    assert shown["metrics"]["cv_roc_auc"] == 0.85
    assert shown["dataset"] == {"id": "d1", "sha256": "ab" * 32}
    # The experiment's own Task has no commit: its run's has.
    assert shown["code"]["commit"] == "c0ffee" + "0" * 34
    assert f"/experiments/{story['ids']['good']}/" in shown["web_url"]
    story.done("show as text", "parameters Estimator/max_depth")


def line(story: Story, name: str) -> dict[str, Any]:
    return next(dict(one) for one in story["compare"]["lines"] if one["name"] == name)


def test_compare_marks_differences_and_tells_deltas_to_the_first(story: Story) -> None:
    auc = line(story, "cv_roc_auc")
    assert auc["values"] == [0.85, 0.849, 0.7]
    assert auc["deltas"] == [None, pytest.approx(-0.001), pytest.approx(-0.15)]
    assert line(story, "Estimator/max_depth") == {
        "part": "parameter",
        "name": "Estimator/max_depth",
        "differs": True,
        "values": ["6", "6", None],
        "deltas": [None, None, None],
    }
    assert (line(story, "id")["values"], line(story, "commit")["differs"]) == (["d1", "d1", "d2"], False)
    text = story["compare as text"]["stdout"]
    assert "0.8490 (-0.0010)" in text
    assert [row.split()[:3] for row in text.splitlines() if "n_estimators" in row] == [
        ["*", "parameter", "Estimator/n_estimators"]
    ]
    assert "max_depth" in text
    assert "max_depth" not in story["differences"]["stdout"]
    assert [one["name"] for one in story["compare top"]["experiments"]] == ["good forest", "near forest"]


def test_leaderboard_has_intervals_and_the_reason(story: Story) -> None:
    board = story["leaderboard"]
    assert [one["name"] for one in board["experiments"]] == ["good forest", "near forest", "poor forest", HOSTILE]
    first = board["experiments"][0]
    assert 0.8 < first["low"] < 0.85 < first["high"] < 0.9
    reason = "good forest leads: its cv_roc_auc, 0.8500, is the highest, 0.0010 before near forest, which lies inside"
    assert board["reason"].startswith(reason)
    story.done("leaderboard as text", board["reason"])
    assert story["other board"]["reason"].endswith("no other experiment has one")


def test_exports_hold_parameters_metrics_dataset_and_commit(story: Story) -> None:
    with (story.folder / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [story["ids"]["good"], story["ids"]["odd"]]
    good = rows[0]
    assert (good["parameter Estimator/max_depth"], good["metric cv_roc_auc"]) == ("6", "0.85")
    assert (good["dataset_id"], good["commit"]) == ("d1", "c0ffee" + "0" * 34)
    document = json.loads((story.folder / "out.json").read_text())
    assert document[0]["metrics"]["cv_roc_auc"] == 0.85
    assert story["export filtered"]["exit_code"] == 0
    assert json.loads(story["export filtered"]["stdout"])["experiments"] == 3
    assert story["export to stdout"]["stdout"] == (story.folder / "out.csv").read_text()


def test_nothing_in_an_export_acts(story: Story) -> None:
    with (story.folder / "out.csv").open(newline="") as file:
        odd = list(csv.DictReader(file))[1]
    assert (odd["name"], odd["parameter Estimator/expression"]) == (f"'{HOSTILE}", "'=1+1")
    page = (story.folder / "out.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    lines = (story.folder / "out.md").read_text().splitlines()
    assert len({row.replace("\\|", "").count("|") for row in lines}) == 1
    assert "\\[red\\]" in lines[3]
    assert "<script>" not in lines[3]


def test_what_cannot_be_written_leaves_nothing(story: Story) -> None:
    story.refused("export into a file", 2, "is in a folder that is not there")
    story.refused("export into proc", 1, "/proc/x.csv cannot be written")
    story.refused("export unknown", 2, "there is no experiment")
    assert (story.folder / "kept.csv").read_text() == "before"
    story.refused("export both", 2, "both want standard output")
    assert story["export format"]["exit_code"] == 2
    assert not list(story.folder.glob(".*.part"))
    assert not (story.folder / "out.xml").exists()


def test_mistakes_are_one_sentence_that_names_the_nearest(story: Story) -> None:
    listed = "`flows experiments list` lists them"
    story.refused("unknown id", 2, "there is no experiment with the id 'ffff", listed)
    story.refused("unknown beginning", 2, "'zz'", listed)
    story.refused("a run is no experiment", 2, story["run"], listed)
    story.refused("unknown metric", 2, "has a metric 'cv_roc_acu'; did you mean 'cv_roc_auc'?")
    story.refused("unknown tag", 2, "has the tag 'forrest'; did you mean 'forest'?")
    story.refused("unknown project", 2, "there is no project 'clearml-flow'; did you mean 'clearml-flows'?")
    story.refused("unknown flow", 2, "is of a flow 'chrun'; did you mean 'churn'?")
    story.refused("unknown run", 2, "there is no run with the id 'zz'; `flows runs list` lists them")
    story.refused("no date", 2, "'yesterday' is no date: give one like 2026-11-23")
    story.refused("one thing", 2, "comparing takes two experiments or more")
    story.refused("the same twice", 2, f"experiment {story['ids']['good']} is named twice")
    story.refused("one is meant", 2, "comparing takes two", "only poor forest")
    story.refused("none is meant", 2, "comparing takes two", "none is meant")
    story.refused("ambiguous", 2, "is ambiguous: type more of ")
    for name, word in (("unknown status", "'completed'"), ("unknown command", "'list'")):
        assert story[name]["exit_code"] == 2
        assert word in story[name]["stderr"]


def test_the_functions_say_what_the_commands_say(story: Story) -> None:
    good, near = story["ids"]["good"], story["ids"]["near"]
    frame = story["frame"]
    assert frame["columns"] == [good, near, "differs", f"delta {near}"]
    assert frame["auc"] == {good: 0.85, near: 0.849, "differs": True, f"delta {near}": pytest.approx(-0.001)}
    assert (frame["differs"], frame["trees"], frame["top"]) == ([False, True], ["100", "200"], frame["columns"])
    poor, shown, board = story["functions"]
    assert (poor, shown, [one["name"] for one in board["experiments"]]) == (
        ["poor forest"],
        "good forest",
        ["good forest"],
    )
    assert "0.0010 before near forest" in board["reason"]
    assert story["function refuses one"].startswith("comparing takes two experiments or more")
