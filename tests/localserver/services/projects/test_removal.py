import pytest

from tests.support.api import Api, Refused


def test_what_is_not_archived_needs_force(api: Api) -> None:
    outer, inner = api.project("outer"), api.project("outer/inner")
    task, model = api.task(project=inner), api.model(project=inner)
    assert api("projects.validate_delete", project=outer) == {
        "tasks": 1,
        "non_archived_tasks": 1,
        "models": 1,
        "non_archived_models": 1,
    }
    with pytest.raises(Refused) as refused:
        api("projects.delete", project=outer)
    assert refused.value.code == (400, 402)
    api("tasks.archive", tasks=[task])
    api("models.archive_many", ids=[model])
    assert api("projects.validate_delete", project=outer)["non_archived_tasks"] == 0
    assert api("projects.delete", project=outer)["deleted"] == 1
    assert api("projects.get_all")["projects"] == []
    assert api.read(task)["project"] is None
    assert "project" not in api("models.get_by_id", model=model)["model"]


def test_the_contents_may_go_too(api: Api) -> None:
    project = api.project()
    task = api.task(project=project)
    artifact = {"key": "a", "type": "custom", "uri": "http://files/a"}
    api("tasks.add_or_update_artifacts", task=task, artifacts=[artifact])
    api.model(project=project, uri="http://files/m")
    answer = api("projects.delete", project=project, force=True, delete_contents=True)
    assert (answer["deleted_tasks"], answer["deleted_models"], answer["disassociated_tasks"]) == (1, 1, 0)
    assert (answer["urls"]["artifact_urls"], answer["urls"]["model_urls"]) == (["http://files/a"], ["http://files/m"])
    assert api("tasks.get_all")["tasks"] == api("models.get_all")["models"] == []
