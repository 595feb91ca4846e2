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
        "pipelines": 0,
        "datasets": 0,
        "reports": 0,
        "non_archived_reports": 0,
    }
    with pytest.raises(Refused) as refused:
        api("projects.delete", project=outer)
    assert refused.value.code == (400, 402)
    api("tasks.archive", tasks=[task])
    with pytest.raises(Refused) as refused:
        api("projects.delete", project=outer)
    assert refused.value.code == (400, 405)
    api("models.archive_many", ids=[model])
    assert api("projects.validate_delete", project=outer)["non_archived_tasks"] == 0
    assert api("projects.delete", project=outer)["deleted"] == 2
    assert api("projects.get_all")["projects"] == []
    assert "project" not in api.read(task)
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


@pytest.mark.parametrize(
    ("tag", "kind", "subcode", "counted"),
    [("dataset", "data_processing", 406, "datasets"), ("pipeline", "controller", 413, "pipelines")],
)
def test_a_dataset_or_pipeline_in_use_needs_force(api: Api, tag: str, kind: str, subcode: int, counted: str) -> None:
    folder = api.project("shop")
    inside = api("projects.create", name=f"shop/.{tag}s/rows", system_tags=["hidden", tag])["id"]
    task = api.task(project=inside, type=kind, system_tags=[tag])
    assert api("projects.validate_delete", project=folder)[counted] == 1
    with pytest.raises(Refused) as refused:
        api("projects.delete", project=folder)
    assert refused.value.code == (400, subcode)
    api("projects.delete", project=folder, force=True, delete_contents=True)
    assert api.refusal("tasks.get_by_id", task=task)


def test_a_deleted_model_leaves_the_tasks_of_other_projects(api: Api) -> None:
    project, elsewhere = api.project("going"), api.project("staying")
    task = api.task(project=elsewhere)
    model = api.model(project=project, uri="http://files/m", task=task)
    api("tasks.add_or_update_model", task=task, name="out", type="output", model=model)
    api("projects.delete", project=project, force=True, delete_contents=True)
    assert api.read(task)["models"]["output"] == []
