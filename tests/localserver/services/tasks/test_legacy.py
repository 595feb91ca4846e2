"""Requests and answers of old API versions."""

import json
from typing import Any

import pytest

from tests.support.api import Api, Json

PARAMETERS = {"a.b": "1", "TF_DEFINE/epochs": "2"}
SECTIONS = {
    "Args": {"a.b": {"section": "Args", "name": "a.b", "type": "legacy", "value": "1"}},
    "TF_DEFINE": {"epochs": {"section": "TF_DEFINE", "name": "epochs", "type": "legacy", "value": "2"}},
}
DESIGN = {"design": {"name": "design", "type": "legacy", "value": "layers"}}


def ask(api: Api, version: str, endpoint: str, **data: Any) -> Json:
    response = api.client.request("POST", f"/v{version}/{endpoint}", content=json.dumps(data), headers=api.headers)
    answer: Json = response.json()["data"]
    assert response.status_code == 200, response.json()["meta"]
    return answer


@pytest.mark.parametrize("version", ["2.8", "2.9", "2.23"])
def test_parameters_are_hyperparameters_whatever_the_version(api: Api, version: str) -> None:
    execution = {"parameters": PARAMETERS, "model_desc": {"design": "layers"}}
    task = ask(api, version, "tasks.create", name="a task", type="training", execution=execution)["id"]
    document = api.read(task)
    assert (document["hyperparams"], document["configuration"]) == (SECTIONS, DESIGN)
    assert document["execution"]["parameters"] == document["execution"]["model_desc"] == {}


def test_old_clients_read_parameters_where_they_wrote_them(api: Api) -> None:
    task = api.task(execution={"parameters": PARAMETERS, "model_desc": {"design": "layers"}})
    (document,) = ask(api, "2.8", "tasks.get_all_ex", id=[task])["tasks"]
    assert document["execution"]["parameters"] == PARAMETERS
    assert document["execution"]["model_desc"] == {"design": "layers"}
    (newer,) = ask(api, "2.9", "tasks.get_all_ex", id=[task])["tasks"]
    assert newer["execution"]["parameters"] == {}


def test_an_old_edit_replaces_the_old_parameters_and_keeps_the_new(api: Api) -> None:
    new = {"section": "General", "name": "x", "value": "1"}
    task = api.task(hyperparams={"General": {"x": new}}, execution={"parameters": PARAMETERS})
    ask(api, "2.8", "tasks.edit", task=task, execution={"parameters": {"c": 3}})
    assert api.read(task)["hyperparams"] == {
        "General": {"x": new},
        "Args": {"c": {"section": "Args", "name": "c", "type": "legacy", "value": "3"}},
    }


def test_fields_are_named_by_their_old_places_too(api: Api) -> None:
    tasks = [api.task(execution={"parameters": {"lr": value}}) for value in ("2", "10", "1")]
    names = ["execution.parameters.lr.value"]
    found = ask(api, "2.23", "tasks.get_all_ex", id=tasks, only_fields=names, order_by=names)["tasks"]
    assert [item["hyperparams"]["Args"]["lr"]["value"] for item in found] == ["1", "2", "10"]


def test_keys_with_dots_may_be_escaped(api: Api) -> None:
    item = {"section": "a.b", "name": "c", "value": "1"}
    api.task(hyperparams={"a.b": {"c": item}})
    (found,) = api("tasks.get_all", only_fields=["hyperparams.a%2Eb"], order_by=["hyperparams.a%2Eb.c"])["tasks"]
    assert found == {"hyperparams": {"a.b": {"c": item}}}


def test_the_model_and_the_container_were_in_the_execution(api: Api) -> None:
    model = api.model()
    execution = {"model": model, "docker_cmd": "image --gpus all"}
    task = ask(api, "2.12", "tasks.create", name="a task", type="training", execution=execution)["id"]
    document = api.read(task)
    assert [(item["name"], item["model"]) for item in document["models"]["input"]] == [("Input Model", model)]
    assert document["container"] == {"image": "image", "arguments": "--gpus all"}
    old = ask(api, "2.12", "tasks.get_by_id", task=task)["task"]
    assert (old["execution"]["model"], old["execution"]["docker_cmd"]) == (model, "image --gpus all")
    ask(api, "2.12", "tasks.edit", task=task, execution={"model": ""})
    assert api.read(task)["models"]["input"] == []


def test_tags_of_both_kinds_were_one_list(api: Api) -> None:
    tags = ["development", "mine", "annotated"]
    task = ask(api, "2.2", "tasks.create", name="a task", type="training", tags=tags)["id"]
    document = api.read(task)
    assert (document["tags"], document["system_tags"]) == (["mine"], ["annotated", "development"])
    assert ask(api, "2.2", "tasks.get_by_id", task=task)["task"]["tags"] == sorted(tags)
    assert ask(api, "2.2", "tasks.get_all", tags=["-development"])["tasks"] == []
    ask(api, "2.2", "tasks.update", task=task, tags=["mine"])
    assert api.read(task)["system_tags"] == []


@pytest.mark.parametrize(
    ("service", "system", "fields"),
    [("models", "archived", {"uri": "http://x"}), ("projects", "public", {})],
)
def test_tags_of_both_kinds_were_one_list_for_all(api: Api, service: str, system: str, fields: Json) -> None:
    entity = service.removesuffix("s")
    made = ask(api, "2.2", f"{service}.create", name="with tags", tags=[system, "mine"], **fields)["id"]
    known = api(f"{service}.get_by_id", **{entity: made})[entity]
    assert (known["tags"], known["system_tags"]) == (["mine"], [system])
    assert ask(api, "2.2", f"{service}.get_by_id", **{entity: made})[entity]["tags"] == sorted([system, "mine"])
    assert ask(api, "2.2", f"{service}.get_all", name="with tags", tags=[f"-{system}"])[service] == []
