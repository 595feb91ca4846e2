from tests.support.api import Api


def names(api: Api, **filters: object) -> list[str]:
    return [project["name"] for project in api("projects.get_all", order_by=["name"], **filters)["projects"]]


def test_filters(api: Api) -> None:
    outer = api.project("outer")
    core = api.project("outer/inner/core")
    api("projects.create", name="outer/.hidden", system_tags=["hidden"], tags=["t"])
    hidden = api("projects.get_all", name="hidden", search_hidden=True)["projects"][0]["id"]
    api.project("other")
    assert names(api) == ["other", "outer", "outer/inner", "outer/inner/core"]
    assert names(api, search_hidden=True) == ["other", "outer", "outer/.hidden", "outer/inner", "outer/inner/core"]
    assert names(api, id=[hidden]) == ["outer/.hidden"]
    assert names(api, shallow_search=True) == ["other", "outer"]
    assert names(api, parent=[outer]) == ["outer/inner", "outer/inner/core"]
    assert names(api, parent=[core]) == []
    assert names(api, basename="^core$") == ["outer/inner/core"]
    assert names(api, tags=["t"], search_hidden=True) == ["outer/.hidden"]


def test_stats_count_what_is_below_too(api: Api) -> None:
    outer, inner = api.project("outer"), api.project("outer/inner")
    api.task(project=outer)
    for project in (inner, inner):
        api("tasks.started", task=api.task(project=project))
    api("tasks.archive", tasks=[api.task(project=inner)])
    api.model(project=outer)
    found = api("projects.get_all_ex", include_stats=True, check_own_contents=True, order_by=["name"])["projects"]
    assert found[0]["stats"]["active"]["status_count"]["created"] == 1
    assert found[0]["stats"]["active"]["status_count"]["in_progress"] == 2
    assert (found[0]["stats"]["active"]["total_tasks"], found[0]["stats"]["archived"]["total_tasks"]) == (3, 1)
    assert found[0]["sub_projects"] == [{"id": inner, "name": "outer/inner"}]
    assert [(project["own_tasks"], project["own_models"]) for project in found] == [(1, 1), (3, 0)]


def test_the_extended_answer_differs_in_references_unless_asked_for_more(api: Api) -> None:
    api.project()
    (plain,) = api("projects.get_all")["projects"]
    references = {"company": {"id": plain["company"]}, "user": {"id": plain["user"]}}
    assert api("projects.get_all_ex") == {"projects": [{**plain, **references}]}
