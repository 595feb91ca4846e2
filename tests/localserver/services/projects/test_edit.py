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
    assert made["path"] == [projects["outer"]["id"], projects["outer/middle one"]["id"]]
    assert "parent" not in projects["outer"]
    assert projects["outer"]["created"] <= made["created"]


def test_a_name_twice_is_refused(api: Api) -> None:
    api.project("outer/inner")
    for name in ("outer", "outer/inner", "outer/inner/"):
        with pytest.raises(Refused, match="Project with the same name already exists: name=outer") as refused:
            api.project(name)
        assert refused.value.code == (400, 801)


@pytest.mark.parametrize(
    ("name", "subcode"),
    [*((name, 12) for name in ("ab", "outer/ab", "ab/outer", "outer//inner", "")), ("/".join(["deep"] * 65), 800)],
)
def test_every_part_of_a_name_needs_three_characters(api: Api, name: str, subcode: int) -> None:
    with pytest.raises(Refused) as refused:
        api.project(name)
    assert refused.value.code == (400, subcode)
    assert named(api) == {}


def test_a_new_name_takes_those_below_along(api: Api) -> None:
    outer = api.project("outer")
    inner = api.project("outer/inner/core")
    api("projects.update", project=outer, name="elsewhere/renamed", description="d")
    projects = named(api)
    assert projects.keys() == {
        "elsewhere",
        "elsewhere/renamed",
        "elsewhere/renamed/inner",
        "elsewhere/renamed/inner/core",
    }
    core = projects["elsewhere/renamed/inner/core"]
    assert core["id"] == inner
    assert core["path"] == [
        projects["elsewhere"]["id"],
        outer,
        projects["elsewhere/renamed/inner"]["id"],
    ]
    assert projects["elsewhere/renamed"]["description"] == "d"


def test_moving_below_another_one_or_to_the_top(api: Api) -> None:
    inner = api.project("outer/inner")
    assert api("projects.move", project=inner, new_location="new/place") == {"moved": 1}
    assert "new/place/inner" in named(api)
    assert api("projects.move", project=inner, new_location="") == {"moved": 1}
    assert "parent" not in named(api)["inner"]
    assert api("projects.move", project=inner, new_location="") == {"moved": 0}


@pytest.mark.parametrize("place", ["outer", "outer/inner", "outer/inner/deeper"])
def test_nothing_moves_into_itself(api: Api, place: str) -> None:
    outer = api.project("outer")
    api.project("outer/inner")
    before = named(api)
    with pytest.raises(Refused):
        api("projects.move", project=outer, new_location=place)
    assert named(api) == before


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
    assert api.refusal("projects.merge", project=outer, destination_project=outer)
    assert api.refusal("projects.merge", project=outer, destination_project=inner)
    assert api.refusal("projects.merge", project=outer)
    assert api("projects.merge", project=inner) == {"moved_entities": 0, "moved_projects": 0}


def test_public_or_not_is_the_same_here(api: Api) -> None:
    project = api.project()
    assert api("projects.make_public", ids=[project]) == api("projects.make_private", ids=[project]) == {"updated": 1}
    assert api.refusal("projects.make_public", ids=["nope"])
