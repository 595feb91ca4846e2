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
    assert found[0]["stats"].keys() == {"active"}
    assert found[0]["stats"]["active"]["total_tasks"] == 3
    assert found[0]["stats"]["active"]["completed_tasks_24h"] == 0
    assert found[0]["stats"]["active"]["last_task_run"] is not None
    assert found[0]["sub_projects"] == [{"id": inner, "name": "outer/inner"}]
    assert [(project["own_tasks"], project["own_models"]) for project in found] == [(1, 1), (2, 0)]


def test_the_extended_answer_differs_in_references_unless_asked_for_more(api: Api) -> None:
    api.project()
    (plain,) = api("projects.get_all")["projects"]
    references = {"company": {"id": plain["company"]}, "user": {"id": plain["user"]}}
    assert api("projects.get_all_ex") == {"projects": [{**plain, **references}]}


def test_projects_by_what_is_in_them(api: Api) -> None:
    outer = api.project("outer")
    api.project("plain")
    rows = api("projects.create", name="outer/.datasets/rows", system_tags=["hidden", "dataset"], tags=["t"])["id"]
    version = api.task(project=rows, type="data_processing", system_tags=["dataset"])
    api("tasks.edit_runtime", task=version, add_or_update={"ds_file_count": 2, "ds_total_size": 30})
    asked = {"children_type": "dataset", "shallow_search": True, "check_own_contents": True, "include_stats": True}
    (found,) = api("projects.get_all_ex", **asked)["projects"]
    assert (found["id"], found["own_datasets"]) == (outer, 0)
    assert found["stats"] == {"datasets": {"count": 1, "tags": ["t"]}}
    (found,) = api("projects.get_all_ex", id=[rows], include_dataset_stats=True)["projects"]
    assert found["dataset_stats"] == {"file_count": 2, "total_size": 30}
    assert api("projects.get_all_ex", children_type="dataset", children_tags=["other"]) == {"projects": []}
    assert api("projects.get_all_ex", children_type="pipeline") == {"projects": []}
    assert api("projects.get_all_ex", active_users=["nobody"]) == {"projects": []}
