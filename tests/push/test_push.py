"""A push from one embedded backend to another: killed, resumed, repeated, with changes, and with a file missing."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from clearml_flows.push.notes import NOTES
from tests.support.backend import running_backend
from tests.support.push_run import tell

# What each backend gives in its own words.
ITS_OWN = {"id", "created", "last_update", "last_change", "started", "completed", "status_changed"}
# A server keeps those of the last batch.
ITS_OWN |= {"active_duration", "metric_stats"}
KINDS = ("tasks", "models")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("push")
    with running_backend(folder / "source"), running_backend(folder / "target"):
        yield tell(folder)


def report(done: dict[str, Any], exit_code: int = 0) -> dict[str, Any]:
    assert done["exit_code"] == exit_code, done
    return dict(done["report"])


def parsed(done: dict[str, Any]) -> Any:
    assert done["exit_code"] == 0, done
    return json.loads(done["stdout"])


def churn(done: dict[str, Any]) -> list[dict[str, Any]]:
    return [model for model in parsed(done) if model["name"] == "churn"]


def origin(one: dict[str, Any]) -> str:
    facts = one["metadata"] if "metadata" in one else one["hyperparams"]["properties"]
    return str(facts["pushed_from"]["value"])


def moved_ids(story: dict[str, Any]) -> dict[str, str]:
    """The target's ids by the source's, projects by their names."""
    source, target = story["source"], story["target"]
    by_name = {name: id_ for id_, name in target["projects"].items()}
    ids = {id_: by_name[name] for id_, name in source["projects"].items()}
    return ids | {origin(one): one["id"] for kind in KINDS for one in target[kind]}


def translated(value: Any, story: dict[str, Any]) -> Any:
    """What the source says, in the words of the target."""
    ids = moved_ids(story)
    text = re.sub(r"[0-9a-f]{32}", lambda found: ids.get(found.group(), found.group()), json.dumps(value))
    for kind in ("files_url", "web_url"):
        text = text.replace(story["source"][kind], story["target"][kind])
    return json.loads(text)


def test_a_push_that_is_killed_again_and_again_leaves_nothing_twice(story: dict[str, Any]) -> None:
    assert len(story["killed"]) >= 3
    done = report(story["pushed"])
    counts = {name: done[name] for name in ("projects", "tasks", "datasets", "models")}
    assert counts == {"projects": 5, "tasks": 5, "datasets": 2, "models": 3}
    assert done["missing"] == []
    assert sorted(done["notes"]) == [
        "Tasks that have not ended, so are drafts there until a later push: 1",
        f"model made-up {moved_ids(story)[story['made']['models'][2]]} is not in production there: "
        "it was trained on made-up customers",
    ]
    for kind in KINDS:
        assert [count for count in Counter(origin(one) for one in story["target"][kind]).values() if count > 1] == []
        assert {origin(one) for one in story["target"][kind]} == {one["id"] for one in story["source"][kind]}
    assert sorted(story["source"]["projects"].values()) == sorted(story["target"]["projects"].values())


def test_each_task_says_there_what_it_says_here(story: dict[str, Any]) -> None:
    there = {task["id"]: task for task in deepcopy(story["target"]["tasks"])}
    for task in translated(story["source"]["tasks"], story):
        found = there[task["id"]]
        properties = found["hyperparams"].pop("properties")
        kept = {name: item for name, item in properties.items() if name not in NOTES}
        assert kept == task["hyperparams"].pop("properties", {})
        for records in (found["execution"]["artifacts"], task["execution"]["artifacts"]):
            # The record of a dataset's files names it by its id: it is another file.
            for record in records:
                if record["key"] == "state":
                    record["hash"], record["content_size"] = "", 0
        # A scalar that was reported twice is stored once: a copy counts it once.
        for items in (found["last_metrics"], task["last_metrics"]):
            for item in (item for variants in items.values() for item in variants.values()):
                del item["count"], item["mean_value"]
        same = {name: value for name, value in task.items() if name not in ITS_OWN}
        if task["name"] == "under way":
            same |= {"status": "created", "status_reason": None, "status_message": None}
        assert {name: found.get(name) for name in same} == same


def test_each_event_is_there_with_its_time(story: dict[str, Any]) -> None:
    ids = moved_ids(story)
    compared = 0
    for task, events in story["source"]["events"].items():
        expected = [bare(event) for event in translated(events, story)]
        assert [bare(event) for event in story["target"]["events"][ids[task]]] == expected
        compared += len(expected)
    assert compared > 20


def bare(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in ("@timestamp", "task")}


def test_a_second_push_carries_nothing(story: dict[str, Any]) -> None:
    done = report(story["again"])
    assert (done["carried"], done["reused"], done["files"], done["bytes"]) == (0, 10, 0, 0)
    assert story["target after again"] == story["target"]
    planned = report(story["dry run"])
    assert (planned["carried"], planned["reused"]) == (10, 0)


def test_a_part_has_its_links_when_the_rest_has_come(story: dict[str, Any]) -> None:
    for name, carried in [("part", 1), ("part again", 0)]:
        done = report(story[name])
        assert (done["projects"], done["tasks"], done["carried"]) == (1, 1, carried)
    (task,) = [task for task in story["target"]["tasks"] if origin(task) == story["made"]["elsewhere"]]
    assert task["comment"] == f"as {moved_ids(story)[story['made']['experiments'][0]]}"


def test_what_was_carried_can_be_used(story: dict[str, Any]) -> None:
    models = churn(story["models"])
    assert [(model["version"], model["tags"]) for model in models] == [
        (2, ["production"]),
        (1, ["previous-production"]),
    ]
    assert [move["to"] for move in parsed(story["history"])] == [models[1]["id"], models[0]["id"]]
    one, two = parsed(story["compare"])["experiments"]
    assert (one["name"], one["metrics"]["cv_roc_auc"]) == ("logistic two", 0.9)
    assert one["parameters"] == {"General/C": "0.9", "General/from": two["id"], "properties/pushed_at": "dawn"}
    assert [dataset["version"] for dataset in parsed(story["datasets"])] == ["1.1.0", "1.0.0"]
    for done in story["verify"]:
        assert (done["exit_code"], "all as they were stored" in done["stdout"]) == (0, True), done
    assert story["local copy"] == [70, 60]
    assert story["predict"]["exit_code"] == 0, story["predict"]


def test_what_changed_is_carried_and_no_more(story: dict[str, Any]) -> None:
    done = report(story["changed"])
    assert (done["carried"], done["reused"], done["files"]) == (2, 8, 0)
    tags = {model["version"]: model["tags"] for model in churn(story["models after"])}
    assert tags == {1: ["production"], 2: ["previous-production"]}


def test_a_promotion_on_the_server_is_not_taken_back(story: dict[str, Any]) -> None:
    done = report(story["diverged"])
    assert done["carried"] == 1
    assert "keeps its tags there" in done["notes"][0]
    tags = {model["version"]: model["tags"] for model in churn(story["models diverged"])}
    assert tags == {1: ["previous-production"], 2: ["production"]}


def test_a_server_that_goes_away_and_a_file_that_is_gone_are_told(story: dict[str, Any]) -> None:
    assert story["gone away"]["exit_code"] == 5
    assert "does not answer any more" in story["gone away"]["stderr"]
    done = report(story["missing"], 1)
    assert len(done["missing"]) == 1
    assert "artifact a note, with signs % of logistic one" in done["missing"][0]
    assert (done["carried"], done["reused"]) == (1, 8)
    mended = report(story["mended"])
    assert (mended["carried"], mended["reused"], mended["missing"]) == (1, 9, [])


@pytest.mark.parametrize(
    ("name", "exit_code", "words"),
    [
        ("wrong", 5, "does not take the configured ClearML credentials"),
        ("down", 5, "no ClearML backend answers at http://127.0.0.1:9"),
        ("bad", 1, "is not a clearml.conf"),
        ("empty", 2, "names no server"),
        ("copy", 2, "is the embedded backend itself"),
        ("itself", 2, "names no server but the embedded backend"),
        ("none", 2, "is not there"),
        ("unconfigured", 2, "no ClearML Server is configured"),
        ("project", 2, "has no project 'clearml-flow'; did you mean 'clearml-flows'?"),
    ],
)
def test_a_push_is_refused_in_one_sentence(story: dict[str, Any], name: str, exit_code: int, words: str) -> None:
    done = story["refused"][name]
    assert (done["exit_code"], done["stdout"]) == (exit_code, "")
    assert len(done["stderr"].splitlines()) == 1, done["stderr"]
    assert words in done["stderr"]


def test_every_request_is_one_of_the_sdk(story: dict[str, Any]) -> None:
    assert story["problems"] == []


def test_secrets_are_nowhere(story: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = next(tmp_path_factory.getbasetemp().glob("push*"))
    said = json.dumps(story)
    for data in ("source", "target"):
        keys = json.loads(Path(folder, data, "credentials.json").read_text())
        assert not [name for name, value in keys.items() if name != "access_key" and value in said]
