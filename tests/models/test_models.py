"""`flows models` through the official SDK against the embedded backend."""

import csv
import json

import pytest

from tests.support.story import Story, tell


def rows(story: Story, name: str) -> list[list[str]]:
    with (story.folder / f"{name} out.csv").open(newline="") as file:
        return list(csv.reader(file))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return tell("model_verbs", tmp_path_factory.mktemp("models"))


def test_before_anything_is_registered(story: Story) -> None:
    story.refused("nothing registered", 2, "'churn'", "none is registered yet: run the flow first")
    story.refused("nothing in production", 2, "no model churn is in production; `flows models promote ID`")


def test_promotions_move_production_and_keep_the_previous_one(story: Story) -> None:
    first, second = story["ids"]
    assert story["registered"] == {first: ["candidate"], second: ["candidate"]}
    done = json.loads(story["promote first"]["stdout"])
    assert done == {"name": "churn", "from": "", "to": first, "why": "by hand", "changed": True}
    assert story["after first"] == {first: ["production"], second: ["candidate"]}
    story.done("promote again", f"churn {first} was in production already")
    story.done("promote second", f"churn {second} is in production, in place of {first}")
    assert story["after second"] == {first: ["previous-production"], second: ["production"]}


def test_rollbacks_restore_each_former_state_exactly(story: Story) -> None:
    first, second = story["ids"]
    assert (story["rolled back"]["from"], story["rolled back"]["to"]) == (second, first)
    assert story["after rollback"] == story["after first"]
    story.done("rollback of the first", f"promotion 1 of {first} is taken back: no model is in production, as before")
    assert story["after two rollbacks"] == story["registered"]
    story.refused("nothing to take back", 2, "no promotion of churn is in effect")


def test_history_tells_who_when_why_from_and_to(story: Story) -> None:
    first, second = story["ids"]
    history = story["history"]
    assert [(move["number"], move["action"], move["from"], move["to"]) for move in history] == [
        (1, "promote", "", first),
        (2, "promote", first, second),
        (3, "rollback", second, first),
        (4, "rollback", first, ""),
    ]
    assert [move["why"] for move in history] == ["by hand", "it is better", "complaints", "by hand"]
    assert all(move["who"] and move["when"] and move["via"] == "command line" for move in history)
    assert (history[1]["from_version"], history[1]["to_version"]) == (1, 2)


def test_list_and_show(story: Story) -> None:
    first, second = story["ids"]
    assert [(model["id"], model["version"], model["tags"]) for model in story["list"]] == [
        (second, 2, ["production"]),
        (first, 1, ["previous-production"]),
    ]
    shown = story["show"]
    assert (shown["id"], shown["facts"]["threshold"], shown["metrics"]) == (second, 0.3, {"test_roc_auc": 0.8})
    assert shown["web_url"].endswith(f"/models/{second}")
    for name in ("list as text", "show as text", "history as text"):
        story.done(name)
        assert first in story[name]["stdout"] or "complaints" in story[name]["stdout"]


def test_names_and_ids_that_are_not_there(story: Story) -> None:
    story.refused("unknown id", 2, "there is no model with the id 'nope' in clearml-flows/models", "flows models list")
    story.refused("unknown name", 2, "called 'chrun'; did you mean 'churn'?")
    story.refused("unknown version", 2, "model churn has no version '7'; there are 1, 2")
    story.refused("two names", 2, "say which: churn, made-up")


def test_predictions_name_each_customer_in_order(story: Story) -> None:
    first, second = story["ids"]
    by = {name: story[f"predicted {name}"] for name in ("production", "latest", "number", "id")}
    assert [by[name]["model"]["id"] for name in by] == [second, second, first, first]
    scored = rows(story, "production")
    with (story.folder / "raw.csv").open(newline="") as file:
        ids = [row["customerID"] for row in csv.DictReader(file)]
    assert scored[0] == ["customerID", "probability", "decision"]
    assert [row[0] for row in scored[1:]] == ids
    assert all((float(p) >= 0.3) == (decision == "Yes") for _, p, decision in scored[1:])
    assert by["production"]["positive"] == sum(decision == "Yes" for *_, decision in scored[1:]) > 0
    assert rows(story, "number") == rows(story, "id") != scored == rows(story, "latest")


def test_odd_customers_are_scored_and_counted(story: Story) -> None:
    done = json.loads(story["odd"]["stdout"])
    assert (done["rows"], done["unknown"], done["repeated"], done["escaped"]) == (60, {"Contract": 2}, 1, 2)
    assert [row[0] for row in rows(story, "odd")[4:6]] == ["'=cmd()", "'=cmd()"]
    assert any("Ten years" in note for note in done["notes"])


def test_bad_customers_are_refused_with_every_problem_and_nothing_is_written(story: Story) -> None:
    story.refused("bad", 2, "bad data: bad.csv:", "tenure is missing", "MonthlyCharges is below 0, 60 times")
    story.refused("none", 2, "none.csv is not there")
    story.refused("folder", 2, "is no file")
    assert not list(story.folder.glob(".*.part"))


def test_standard_output_holds_the_scores_alone(story: Story) -> None:
    assert story["to stdout"]["stdout"].splitlines()[0] == "customerID,probability,decision"
    assert len(story["to stdout"]["stdout"].splitlines()) == 61
    assert "60 rows" in story["to stdout"]["stderr"]
    story.refused("stdout twice", 2, "both want standard output")


def test_a_loaded_model_tells_its_columns_and_schema(story: Story) -> None:
    model_id, columns, threshold, schema, pipeline = story["loaded"]
    assert (model_id, threshold, pipeline) == (story["ids"][0], 0.3, "Pipeline")
    assert {"tenure", "service_count", "Contract"} <= set(columns)
    assert {"key", "target", "columns"} <= set(schema)


def test_models_of_synthetic_customers_stay_out_of_production_on_a_server(story: Story) -> None:
    story.refused("synthetic on a server", 3, "trained on synthetic rows", "never goes into production")
    story.done("synthetic on a laptop", "is in production")


def test_files_that_are_not_what_was_registered_are_refused_by_name(story: Story) -> None:
    first, second = story["ids"]
    story.refused("by name a pickle", 1, second, "kept as model.pkl, a pickle or joblib file")
    story.refused("wrong hash", 1, second, "it was changed or damaged after it was stored")
    story.refused("other columns", 1, first, "takes other columns than its metadata name: they were changed")
    story.refused("tampered", 1, first, "it was changed or damaged after it was stored")
    story.refused("a pickle with its hash", 1, first, "is a pickle or joblib file: reading one can run any code")
    story.refused("file gone", 1, first, "could not be read: was it deleted")
    story.refused("without hash", 1, "has no sha256 among its metadata")


def test_no_damaged_model_comes_into_production(story: Story) -> None:
    story.refused("rollback to a tampered one", 1, story["ids"][0], "changed or damaged")
    story.refused("promote a tampered one", 1, story["ids"][0], "changed or damaged")
