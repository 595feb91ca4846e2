from typing import Any

import pytest

from tests.support.api import Api, Refused


def ids(api: Api, **filters: object) -> list[str]:
    return [task["id"] for task in api("tasks.get_all", **filters)["tasks"]]


def test_only_the_fields_that_were_asked_for(api: Api) -> None:
    item = {"section": "Args", "name": "a.b", "value": "1"}
    api.task(hyperparams={"Args": {"a.b": item, "c": item}}, runtime={"x": 1, "y": 2})
    names = ["name", "runtime.x", "hyperparams.Args.a.b.value", "parent", "runtime.nothing.deep"]
    (found,) = api("tasks.get_all", only_fields=names)["tasks"]
    assert found == {
        "name": "a task",
        "runtime": {"x": 1},
        "hyperparams": {"Args": {"a.b": {"value": "1"}}},
    }


def test_a_field_that_there_is_not_is_refused(api: Api) -> None:
    with pytest.raises(Refused, match='Cannot resolve field "nothing"') as refused:
        api("tasks.get_all", only_fields=["name", "nothing"])
    assert refused.value.code == (400, 14)


@pytest.mark.parametrize("name", ["project.name", "-parent.name", "models.input.model.name"])
def test_a_field_below_a_reference_is_refused_where_nothing_joins(api: Api, name: str) -> None:
    with pytest.raises(Refused, match='Cannot resolve field "name"') as refused:
        api("tasks.get_all", only_fields=["id", name])
    assert refused.value.code == (400, 14)


def test_hidden_tasks_are_shown_to_who_asks_for_them(api: Api) -> None:
    shown, hidden = api.task(), api.task(system_tags=["hidden"])
    assert ids(api) == [shown]
    assert ids(api, search_hidden=True) == [shown, hidden]
    assert ids(api, id=[hidden]) == [hidden]


def test_projects_with_those_below_them(api: Api) -> None:
    outer, inner = api.project("outer"), api.project("outer/inner")
    first, second = api.task(project=outer), api.task(project=inner)
    api.task()
    assert ids(api, project=[outer]) == [first]
    assert ids(api, project=[outer], include_subprojects=True) == [first, second]


def test_scrolling_through_all_of_them(api: Api) -> None:
    tasks = [api.task(f"task {number}") for number in range(5)]

    def scroll(**request: Any) -> tuple[list[str], str]:
        answer = api("tasks.get_all", size=2, order_by=["created"], **request)
        return [task["id"] for task in answer["tasks"]], answer["scroll_id"]

    found, scroll_id = scroll(scroll_id=None)
    for _ in range(3):
        more, same_id = scroll(scroll_id=scroll_id)
        assert same_id == scroll_id
        found += more
    assert found == tasks
    assert scroll(scroll_id=scroll_id, refresh_scroll=True) == (tasks, scroll_id)
    assert scroll(scroll_id="unknown")[0] == tasks[:2]
    assert "scroll_id" not in api("tasks.get_all", size=2)


@pytest.mark.parametrize("size", [None, 0, -1])
def test_scrolling_needs_a_size(api: Api, size: int | None) -> None:
    with pytest.raises(Refused) as refused:
        api("tasks.get_all", scroll_id=None, size=size)
    assert refused.value.code == (400, 12)


def test_references_are_objects_in_the_extended_answers(api: Api) -> None:
    parent, model, queue = api.task("parent task"), api.model(), api.queue()
    project = api.project("some/where")
    inputs = {"input": [{"name": "m", "model": model}]}
    task = api.task(project=project, parent=parent, models=inputs)
    api("tasks.enqueue", task=task, queue=queue)
    names = ["project.name", "parent.name", "user", "execution.*", "models.input.model.name"]
    (found,) = api("tasks.get_all_ex", id=[task], only_fields=names)["tasks"]
    assert found["project"] == {"id": project, "name": "some/where"}
    assert found["parent"] == {"id": parent, "name": "parent task"}
    assert found["user"] == {"id": "local"}
    assert found["execution"]["queue"] == {"id": queue}
    assert found["models"]["input"][0]["model"] == {"id": model, "name": "a model"}
    (bare,) = api("tasks.get_by_id_ex", id=[task], projection=["project"])["tasks"]
    assert bare == {"id": task, "project": {"id": project}}


def test_the_types_in_use(api: Api) -> None:
    project = api.project()
    api.task(type="controller", project=project)
    api.task(type="testing")
    assert api("tasks.get_types") == {"types": ["controller", "testing"]}
    assert api("tasks.get_types", projects=[project]) == {"types": ["controller"]}
