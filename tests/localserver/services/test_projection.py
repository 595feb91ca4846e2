import pytest

from tests.support.api import Api, Json, Refused


def _shown(api: Api, project_id: str, *only_fields: str) -> Json:
    (project,) = api("projects.get_all_ex", id=[project_id], only_fields=list(only_fields))["projects"]
    return dict(project)


@pytest.mark.parametrize(
    ("only_fields", "parent"),
    [
        (["parent"], {}),
        (["parent.name"], {"name": "outer"}),
        (["parent", "parent.name"], {"name": "outer"}),
        (["parent.basename", "parent.user.name"], {"basename": "outer", "user": {"id": "local", "name": "local"}}),
        (["parent.user"], {"user": {"id": "local"}}),
    ],
)
def test_a_reference_shows_its_id_and_the_fields_named_below_it(api: Api, only_fields: list[str], parent: Json) -> None:
    outer = api.project("outer")
    inner = api.project("outer/inner")
    assert _shown(api, inner, *only_fields) == {"id": inner, "parent": {"id": outer, **parent}}


def test_a_star_below_a_reference_joins_all_of_it(api: Api) -> None:
    outer = api.project("outer")
    parent = _shown(api, api.project("outer/inner"), "parent.*")["parent"]
    assert (parent["id"], parent["name"], parent["user"]) == (outer, "outer", {"id": "local"})


def test_a_project_without_parent_has_none_to_join(api: Api) -> None:
    outer = api.project("outer")
    assert _shown(api, outer, "parent.name", "name") == {"id": outer, "name": "outer"}


def test_a_minus_leaves_a_field_out(api: Api) -> None:
    project = api.project("outer")
    (whole,) = api("projects.get_all")["projects"]
    (rest,) = api("projects.get_all", id=[project], only_fields=["-description", "-user"])["projects"]
    assert sorted(set(whole) - set(rest)) == ["description", "user"]


@pytest.mark.parametrize("endpoint", ["projects.get_all", "projects.get_all_ex"])
@pytest.mark.parametrize("name", ["nothing", "-nothing", "nothing.name"])
def test_a_field_that_there_cannot_be_is_refused(api: Api, endpoint: str, name: str) -> None:
    with pytest.raises(Refused) as refused:
        api(endpoint, only_fields=[name])
    assert refused.value.code == (400, 14)


def test_fields_of_the_objects_in_a_list_are_shown_in_each(api: Api) -> None:
    models = [{"name": name, "model": api.model()} for name in ("first", "other")]
    task = api.task(models={"input": [{**model, "updated": "2026-01-01T00:00:00+00:00"} for model in models]})
    (shown,) = api("tasks.get_all", id=[task], only_fields=["models.input.name", "models.input.model"])["tasks"]
    assert shown == {"models": {"input": models}}


@pytest.mark.parametrize("endpoint", ["projects.get_all", "projects.get_all_ex"])
def test_projection_is_another_name_of_only_fields(api: Api, endpoint: str) -> None:
    project = api.project("outer")
    answer = api(endpoint, id=[project], projection=["id", "name"], only_fields=["basename"])
    assert answer["projects"] == [{"id": project, "name": "outer"}]


@pytest.mark.parametrize("entity", ["projects", "tasks", "models", "queues", "users"])
def test_the_id_is_shown_unasked_by_get_all_ex_alone(api: Api, entity: str) -> None:
    for make in (api.project, api.task, api.model):
        make()
    for names, shown in ((["name"], ["name"]), (["-id", "name"], ["name"]), (["id", "name"], ["id", "name"])):
        assert sorted(api(f"{entity}.get_all", only_fields=names)[entity][0]) == shown
        # queues.get_all_ex shows all fields, whatever is asked.
        joined = sorted(api(f"{entity}.get_all_ex", only_fields=names)[entity][0])
        assert joined == ["id", "name"] or (entity == "queues" and "id" in joined)


def test_a_reference_keeps_its_id_when_it_is_to_be_left_out(api: Api) -> None:
    outer = api.project("outer")
    inner = api.project("outer/inner")
    assert _shown(api, inner, "-parent.id", "parent.name")["parent"] == {"id": outer, "name": "outer"}
