import pytest

from tests.support.api import Api, Json, Refused


def read(api: Api, model: str) -> Json:
    document: Json = api("models.get_by_id", model=model)["model"]
    return document


def test_a_new_model_is_ready_unless_told_otherwise(api: Api) -> None:
    assert read(api, api.model())["ready"]
    model = api.model(ready=False, labels={"cat": 1}, metadata={"acc": {"key": "acc", "type": "float", "value": "0.9"}})
    document = read(api, model)
    assert (document["ready"], document["labels"]) == (False, {"cat": 1})
    assert document["metadata"] == {"acc": {"key": "acc", "type": "float", "value": "0.9"}}
    assert (document["tags"], document["system_tags"], document["last_metrics"]) == ([], [], {})


@pytest.mark.parametrize("fields", [{"name": "ab"}, {"project": "nope"}, {"metadata": [{"value": "1"}]}])
def test_a_model_that_cannot_be_is_refused(api: Api, fields: Json) -> None:
    with pytest.raises(Refused) as refused:
        api.model(**{"name": "a model", **fields})
    assert refused.value.code[0] == 400
    assert api("models.get_all")["models"] == []


def test_editing_says_what_changed(api: Api) -> None:
    task = api.task()
    model = api.model(ready=False, task=task)
    answer = api("models.edit", model=model, name="renamed", tags=["a"], iteration=7, design={"design": "d = 1"})
    assert answer["updated"] == 1
    assert answer["fields"]["tags"] == ["a"]
    assert read(api, model)["design"] == {"design": "d = 1"}
    assert api.read(task)["last_iteration"] == 7
    api("models.update", model=model, comment="c", ready=True)
    document = read(api, model)
    assert (document["name"], document["comment"], document["ready"]) == ("renamed", "c", True)


def test_the_model_of_a_task_is_made_and_then_changed(api: Api) -> None:
    task = api.task(project=api.project())
    first = api("models.update_for_task", task=task, uri="http://x/1", name="made")
    assert first["created"]
    assert read(api, first["id"])["project"] == api.read(task)["project"]
    again = api("models.update_for_task", task=task, uri="http://x/1", tags=["a"], iteration=3)
    assert (again["created"], again["id"]) == (False, first["id"])
    assert read(api, first["id"])["tags"] == ["a"]
    named = api("models.update_for_task", task=task, override_model_id=first["id"], uri="http://x/2")
    assert named["id"] == first["id"]
    assert read(api, first["id"])["uri"] == "http://x/2"
    assert api("models.get_by_task_id", task=task)["model"]["id"] == first["id"]
    with pytest.raises(Refused):
        api("models.update_for_task", task=api.task())


def item(key: str, value: str) -> dict[str, str]:
    return {"key": key, "type": "str", "value": value}


def test_metadata_is_added_replaced_and_deleted(api: Api) -> None:
    model = api.model()
    api("models.add_or_update_metadata", model=model, metadata=[item("a", "1"), item("b", "2")])
    api("models.add_or_update_metadata", model=model, metadata=[item("a", "9")])
    assert {key: item["value"] for key, item in read(api, model)["metadata"].items()} == {"a": "9", "b": "2"}
    api("models.delete_metadata", model=model, keys=["a"])
    api("models.add_or_update_metadata", model=model, metadata=[item("c", "3")], replace_metadata=True)
    assert read(api, model)["metadata"].keys() == {"c"}


def test_archive_and_move(api: Api) -> None:
    model = api.model(system_tags=["kept"])
    for _ in range(2):
        api("models.archive_many", ids=[model])
    assert read(api, model)["system_tags"] == ["kept", "archived"]
    api("models.unarchive_many", ids=[model])
    assert read(api, model)["system_tags"] == ["kept"]
    project = api("models.move", ids=[model], project_name="place/inner")["project_id"]
    assert read(api, model)["project"] == project
    assert api("models.make_public", ids=[model]) == api("models.make_private", ids=[model]) == {"updated": 1}
    assert api.refusal("models.make_public", ids=["nope"])
