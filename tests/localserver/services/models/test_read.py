from tests.support.api import Api


def test_filters_as_the_sdk_sends_them(api: Api) -> None:
    task, project = api.task(), api.project("outer/inner")
    model = api.model(uri="http://x/one", task=task, project=project, tags=["best"], framework="PyTorch")
    api("models.add_or_update_metadata", model=model, metadata=[{"key": "acc", "type": "float", "value": "0.9"}])
    api.model("other", uri="http://x/two", system_tags=["archived"], framework="Keras")

    def ids(**filters: object) -> list[str]:
        return [found["id"] for found in api("models.get_all", **filters)["models"]]

    outer = api("projects.get_all", name="^outer$")["projects"][0]["id"]
    assert ids(uri=["http://x/one"]) == ids(task=[task]) == ids(tags=["best"]) == [model]
    assert ids(system_tags=["-archived"]) == ids(**{"metadata.acc.value": "0.9"}) == [model]
    assert ids(project=[outer]) == []
    assert ids(project=[outer], include_subprojects=True) == ids(name="^a model$") == [model]
    assert api("models.get_frameworks") == {"frameworks": ["Keras", "PyTorch"]}
    assert api("models.get_frameworks", projects=[project]) == {"frameworks": ["PyTorch"]}
    (found,) = api("models.get_all_ex", id=[model], only_fields=["task.name", "project.name"])["models"]
    assert (found["task"]["name"], found["project"]["name"]) == ("a task", "outer/inner")


def test_labels_are_counted_when_asked_for(api: Api) -> None:
    ids = [api.model(labels=labels) for labels in ({"a": 1, "b": 2}, {"a": 1}, {})]
    assert all("stats" not in found for found in api("models.get_all_ex", id=ids)["models"])
    found = api("models.get_all_ex", id=ids, include_stats=True, only_fields=["id"])["models"]
    counts = {document["id"]: document["stats"] for document in found}
    assert [counts[model] for model in ids] == [{"labels_count": 2}, {"labels_count": 1}, {"labels_count": 0}]


def test_what_a_model_refers_to_is_joined_when_asked_for(api: Api) -> None:
    task = api.task()
    model = api.model(task=task)
    (found,) = api("models.get_by_id_ex", id=[model])["models"]
    assert (found["task"], "ui_cache" in found) == ({"id": task}, False)
    (found,) = api("models.get_by_id_ex", id=[model], only_fields=["task.name"])["models"]
    assert found == {"id": model, "task": {"id": task, "name": "a task"}}
    refused = api.refusal("models.get_by_id_ex")
    assert refused
    assert refused.code == (400, 11)
