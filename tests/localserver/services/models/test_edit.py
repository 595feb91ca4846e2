import pytest

from clearml_flows.localserver.tokens import COMPANY
from tests.support.api import Api, Json, Refused


def read(api: Api, model: str) -> Json:
    document: Json = api("models.get_by_id", model=model)["model"]
    return document


def item(key: str, value: str, kind: str = "str") -> Json:
    return {"key": key, "type": kind, "value": value}


def test_a_new_model_is_ready_unless_the_request_says_otherwise(api: Api) -> None:
    assert read(api, api.model())["ready"]
    model = api.model(ready=False, labels={"cat": 1}, metadata={"acc": item("acc", "0.9", "float")})
    document = read(api, model)
    assert (document["ready"], document["labels"]) == (False, {"cat": 1})
    assert document["metadata"] == {"acc": {"key": "acc", "type": "float", "value": "0.9"}}
    assert (document["tags"], document["system_tags"], document["last_metrics"]) == ([], [], {})


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": "ab"}, 800),
        ({"project": "nope"}, 12),
        ({"task": "nope"}, 101),
        ({"metadata": {"a": {"key": "a"}}}, 12),
        ({"metadata": [item("a", "1")]}, 12),
        ({"labels": {"a": 1, "b": 1}}, 800),
        ({"labels": {"a": 1.5}}, 12),
        ({"tags": ["__$all"]}, 16),
    ],
)
def test_a_model_that_cannot_be_is_refused(api: Api, fields: Json, code: int) -> None:
    with pytest.raises(Refused) as refused:
        api.model(**{"name": "a model", **fields})
    assert refused.value.code == (400, code)
    assert api("models.get_all")["models"] == []


def test_editing_sets_every_field_and_answers_what_changed(api: Api) -> None:
    task = api.task()
    model = api.model(ready=False, task=task)
    answer = api("models.edit", model=model, name="renamed", tags=["b", "a"], iteration=7, design={"design": "d = 1"})
    assert answer["updated"] == 1
    assert answer["fields"]["tags"] == ["a", "b"]
    assert read(api, model)["design"] == {"design": "d = 1"}
    assert api.read(task)["last_iteration"] == 7
    api("models.edit", model=model, iteration=5, framework="f")
    assert api.read(task)["last_iteration"] == 7
    assert api("models.edit", model=model) == {"updated": 0, "fields": {}}


def test_an_update_leaves_alone_what_makes_the_model(api: Api) -> None:
    task, model = api.task(), api.model(ready=False)
    api("models.update", model=model, task=task, iteration=4, comment="c", ready=True, labels={"a": 1})
    document = read(api, model)
    assert (document["comment"], document["ready"], document["labels"]) == ("c", False, {})
    assert "task" not in document
    assert api.read(task)["last_iteration"] == 4


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"task": "nope"}, 16),
        ({"project": "nope"}, 16),
        ({"parent": "nope"}, 16),
        ({"labels": {"a": "x"}}, 12),
        ({"name": "ab"}, 800),
        ({"metadata": [item("a", "1")]}, 12),
    ],
)
def test_an_edit_to_what_cannot_be_is_refused(api: Api, fields: Json, code: int) -> None:
    refused = api.refusal("models.edit", model=api.model(), **fields)
    assert refused
    assert refused.code == (400, code)


def test_only_a_change_of_the_model_itself_moves_its_update_time(api: Api) -> None:
    model = api.model()
    before = read(api, model)["last_update"]
    api("models.edit", model=model, comment="c")
    assert read(api, model)["last_update"] == before
    api("models.edit", model=model, uri="http://x/other")
    assert read(api, model)["last_update"] > before


def test_metadata_is_added_replaced_and_deleted(api: Api) -> None:
    model = api.model()
    api("models.add_or_update_metadata", model=model, metadata=[item("a.x", "1"), item("b", "2")])
    api("models.add_or_update_metadata", model=model, metadata=[item("a.x", "9", "int")])
    assert read(api, model)["metadata"] == {
        "a.x": {"key": "a.x", "type": "int", "value": "9"},
        "b": {"key": "b", "type": "str", "value": "2"},
    }
    api("models.delete_metadata", model=model, keys=["a.x"])
    api("models.add_or_update_metadata", model=model, metadata=[item("c", "3")], replace_metadata=True)
    assert read(api, model)["metadata"].keys() == {"c"}
    for metadata in ([], [{"key": "a", "value": "1"}], [{"key": "a", "type": "int", "value": 1}]):
        refused = api.refusal("models.add_or_update_metadata", model=model, metadata=metadata)
        assert refused
        assert refused.code == (400, 12)


def test_a_client_that_reads_metadata_as_a_list_gets_an_empty_one(api: Api) -> None:
    model = api.model(metadata={"a": item("a", "1")})
    for version, shown in (("2.16", []), ("2.17", {"a": item("a", "1")})):
        path = f"/v{version}/models.get_by_id"
        answer = api.client.post(path, json={"model": model}, headers=api.headers).json()["data"]
        assert answer["model"]["metadata"] == shown


def test_archive_and_move(api: Api) -> None:
    model = api.model(system_tags=["kept"])
    for _ in range(2):
        api("models.archive_many", ids=[model])
    assert read(api, model)["system_tags"] == ["archived", "kept"]
    api("models.unarchive_many", ids=[model])
    assert read(api, model)["system_tags"] == ["kept"]
    project = api("models.move", ids=[model, "nope"], project_name="place/inner")["project_id"]
    assert read(api, model)["project"] == project
    assert api("models.move", ids=[model], project=None) == {"project_id": None}
    assert "project" not in read(api, model)
    for request, code in (({}, 11), ({"project": "nope"}, 401)):
        refused = api.refusal("models.move", ids=[model], **request)
        assert refused
        assert refused.code == (400, code)


def test_tags_are_added_and_removed_beside_the_others(api: Api) -> None:
    first, second = api.model(tags=["old", "kept"]), api.model()
    assert api("models.update_tags", ids=[first, second, "nope"], add_tags=["new"]) == {"updated": 2}
    assert api("models.update_tags", ids=[first], add_tags=["best"], remove_tags=["old"]) == {"updated": 2}
    assert (read(api, first)["tags"], read(api, second)["tags"]) == (["best", "kept", "new"], ["new"])
    refused = api.refusal("models.update_tags", ids=[first])
    assert refused
    assert refused.code == (400, 12)


def test_a_public_model_is_read_and_not_changed(api: Api) -> None:
    model = api.model()
    assert api.refusal("models.make_private", ids=[model])
    assert api("models.make_public", ids=[model]) == {"updated": 1}
    assert read(api, model)["company"] == ""
    assert [found["id"] for found in api("models.get_all")["models"]] == [model]
    for endpoint, more in (("edit", {"name": "other"}), ("delete", {"force": True}), ("set_ready", {})):
        refused = api.refusal(f"models.{endpoint}", model=model, **more)
        assert refused
        assert refused.code == (400, 201)
    assert api("models.make_private", ids=[model]) == {"updated": 1}
    api("models.edit", model=model, name="other")
    assert (read(api, model)["company"], read(api, model)["name"]) == (COMPANY, "other")
