import pytest

from tests.support.api import Api, Json, Refused


def item(section: str, name: str, value: str = "1") -> Json:
    return {"section": section, "name": name, "value": value}


@pytest.fixture
def task(api: Api) -> str:
    task = api.task()
    items = [item("Args", "lr"), item("Args", "a.b"), item("General", "x")]
    api("tasks.edit_hyper_params", task=task, hyperparams=items)
    return task


def names(api: Api, task: str) -> list[str]:
    (found,) = api("tasks.get_hyper_params", tasks=[task])["params"]
    return [f"{entry['section']}/{entry['name']}={entry['value']}" for entry in found["hyperparams"]]


def test_they_are_listed_by_section_and_name(api: Api, task: str) -> None:
    assert names(api, task) == ["Args/a.b=1", "Args/lr=1", "General/x=1"]
    refusal = api.refusal("tasks.get_hyper_params", tasks=[task, "nope"])
    assert refusal
    assert refusal.code == (400, 101)


@pytest.mark.parametrize(
    ("replace", "expected"),
    [
        ("none", ["Args/a.b=1", "Args/lr=2", "General/x=1"]),
        ("section", ["Args/lr=2", "General/x=1"]),
        ("all", ["Args/lr=2"]),
    ],
)
def test_editing_adds_or_replaces(api: Api, task: str, replace: str, expected: list[str]) -> None:
    api("tasks.edit_hyper_params", task=task, hyperparams=[item("Args", "lr", "2")], replace_hyperparams=replace)
    assert names(api, task) == expected


def test_deleting_names_or_whole_sections(api: Api, task: str) -> None:
    api("tasks.delete_hyper_params", task=task, hyperparams=[{"section": "Args", "name": "lr"}])
    assert names(api, task) == ["Args/a.b=1", "General/x=1"]
    api("tasks.delete_hyper_params", task=task, hyperparams=[{"section": "Args"}])
    assert api.read(task)["hyperparams"].keys() == {"General"}
    both = [{"section": "General"}, {"section": "General", "name": "x"}]
    refusal = api.refusal("tasks.delete_hyper_params", task=task, hyperparams=both)
    assert refusal
    assert refusal.code == (400, 15)


def test_properties_are_notes_and_may_change_in_any_status(api: Api, task: str) -> None:
    api("tasks.started", task=task)
    api("tasks.completed", task=task)
    before = api.read(task)["last_update"]
    api("tasks.edit_hyper_params", task=task, hyperparams=[item("Properties", "owner", "me")])
    assert api.read(task)["last_update"] == before
    with pytest.raises(Refused) as refused:
        api("tasks.edit_hyper_params", task=task, hyperparams=[item("Args", "lr", "2")])
    assert refused.value.code == (400, 110)
    assert "properties/owner=me" in names(api, task)


@pytest.mark.parametrize("broken", [{"name": "a"}, {"section": "a"}, {"section": 5, "name": "a"}])
def test_a_parameter_needs_a_section_and_a_name(api: Api, task: str, broken: Json) -> None:
    with pytest.raises(Refused) as refused:
        api("tasks.edit_hyper_params", task=task, hyperparams=[item("Args", "new"), broken])
    assert refused.value.code == (400, 12)
    assert "Args/new=1" not in names(api, task)
