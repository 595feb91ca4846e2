import pytest

from tests.support.api import Api, Json, Refused


def named(api: Api) -> dict[str, Json]:
    return {project["name"]: project for project in api("projects.get_all", search_hidden=True)["projects"]}


def test_those_above_are_made_with_it(api: Api) -> None:
    inner = api("projects.create", name="/outer/middle one/.hidden/", description="d", system_tags=["hidden"])["id"]
    projects = named(api)
    assert projects.keys() == {"outer", "outer/middle one", "outer/middle one/.hidden"}
    made = projects["outer/middle one/.hidden"]
    assert (made["id"], made["basename"], made["description"]) == (inner, ".hidden", "d")
    assert made["parent"] == projects["outer/middle one"]["id"]
    assert projects["outer/middle one"]["parent"] == projects["outer"]["id"]
    assert "parent" not in projects["outer"]
    assert "path" not in made
    assert projects["outer"]["created"] <= made["created"]


def test_a_name_twice_is_refused(api: Api) -> None:
    api.project("outer/inner")
    for name in ("outer", "outer/inner", "outer/inner/"):
        with pytest.raises(Refused, match="Project with the same name already exists: name=outer") as refused:
            api.project(name)
        assert refused.value.code == (400, 801)


@pytest.mark.parametrize(
    ("name", "subcode"), [("ab", 12), ("outer/ab", 12), ("ab/outer", 12), ("", 407), ("/".join(["deep"] * 11), 409)]
)
def test_a_name_that_no_project_can_have_is_refused(api: Api, name: str, subcode: int) -> None:
    with pytest.raises(Refused) as refused:
        api.project(name)
    assert refused.value.code == (400, subcode)
    assert named(api) == {}


def test_a_new_name_takes_those_below_along(api: Api) -> None:
    outer = api.project("outer")
    core = api.project("outer/inner/core")
    api("projects.update", project=outer, name="renamed", description="d")
    projects = named(api)
    assert projects.keys() == {"renamed", "renamed/inner", "renamed/inner/core"}
    assert projects["renamed/inner/core"]["id"] == core
    assert projects["renamed/inner/core"]["parent"] == projects["renamed/inner"]["id"]
    assert (projects["renamed"]["basename"], projects["renamed"]["description"]) == ("renamed", "d")
    assert [found["id"] for found in api("projects.get_all", parent=[outer], basename="^core$")["projects"]] == [core]


def test_an_update_does_not_move_a_project(api: Api) -> None:
    outer = api.project("outer")
    with pytest.raises(Refused, match=r"Use projects\.move instead") as refused:
        api("projects.update", project=outer, name="elsewhere/outer")
    assert refused.value.code == (400, 408)
    assert named(api).keys() == {"outer"}


def test_moving_below_another_one_or_to_the_top(api: Api) -> None:
    inner = api.project("outer/inner")
    assert api("projects.move", project=inner, new_location="new/place") == {"moved": 1}
    assert "new/place/inner" in named(api)
    assert api("projects.move", project=inner, new_location="") == {"moved": 1}
    assert "parent" not in named(api)["inner"]
    with pytest.raises(Refused) as refused:
        api("projects.move", project=inner, new_location="")
    assert refused.value.code == (400, 410)


@pytest.mark.parametrize(("place", "subcode"), [("outer", 411), ("outer/inner", 411), ("outer/inner/deeper", 411)])
def test_nothing_moves_into_itself(api: Api, place: str, subcode: int) -> None:
    outer = api.project("outer")
    api.project("outer/inner")
    before = named(api)
    with pytest.raises(Refused) as refused:
        api("projects.move", project=outer, new_location=place)
    assert refused.value.code == (400, subcode)
    assert named(api).keys() == before.keys()


def test_a_name_that_is_taken_is_no_new_name(api: Api) -> None:
    first = api.project("first")
    api.project("second")
    with pytest.raises(Refused) as refused:
        api("projects.update", project=first, name="second")
    assert refused.value.code == (400, 801)


def test_merging_moves_all_there_is(api: Api) -> None:
    source, target = api.project("source"), api.project("target")
    child = api.project("source/child")
    task, model = api.task(project=source), api.model(project=source)
    answer = api("projects.merge", project=source, destination_project=target)
    assert answer == {"moved_entities": 2, "moved_projects": 1}
    assert api.read(task)["project"] == target
    assert api("models.get_by_id", model=model)["model"]["project"] == target
    assert named(api)["target/child"]["id"] == child
    assert "source" not in named(api)


def test_nothing_merges_into_itself_or_below(api: Api) -> None:
    outer, inner = api.project("outer"), api.project("outer/inner")
    for target, subcode in ((outer, 410), (inner, 412)):
        with pytest.raises(Refused) as refused:
            api("projects.merge", project=outer, destination_project=target)
        assert refused.value.code == (400, subcode)
    assert api("projects.merge", project=inner) == {"moved_entities": 0, "moved_projects": 0}
    assert named(api).keys() == {"outer"}


def test_a_merge_leaves_what_is_archived(api: Api) -> None:
    source, target = api.project("source"), api.project("target")
    archived = api.task(project=source)
    api("tasks.archive", tasks=[archived])
    assert api("projects.merge", project=source, destination_project=target)["moved_entities"] == 0
    assert api.read(archived)["project"] == source


def test_a_public_project_is_read_and_not_changed(api: Api) -> None:
    project = api.project()
    assert api("projects.make_public", ids=[project]) == {"updated": 1}
    assert api("projects.get_by_id", project=project)["project"]["company"] == ""
    for verb in ("update", "delete"):
        with pytest.raises(Refused) as refused:
            api(f"projects.{verb}", project=project)
        assert refused.value.code == (403, 21)
    assert api("projects.make_private", ids=[project]) == {"updated": 1}
    assert api("projects.update", project=project, description="d")["updated"] == 1
    assert api.refusal("projects.make_public", ids=["nope"])
