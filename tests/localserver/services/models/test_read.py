import pytest

from tests.support.api import Api, Refused


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
    (found,) = api("models.get_all_ex", id=[model])["models"]
    assert (found["task"]["name"], found["project"]["name"]) == ("a task", "outer/inner")


def test_the_model_of_a_task_that_made_none(api: Api) -> None:
    with pytest.raises(Refused) as refused:
        api("models.get_by_task_id", task=api.task())
    assert refused.value.code == (400, 201)
    with pytest.raises(Refused) as refused:
        api("models.get_by_task_id")
    assert refused.value.code == (400, 12)
