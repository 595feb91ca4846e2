from tests.support.api import Api


def named(api: Api, task: str, **options: object) -> object:
    return api("tasks.get_configuration_names", tasks=[task], **options)["configurations"]


def test_a_configuration_comes_and_goes(api: Api) -> None:
    task = api.task()
    items = [{"name": name, "value": f"{name} = 1", "type": "hocon"} for name in ("b", "a")]
    api("tasks.edit_configuration", task=task, configuration=items)
    (found,) = api("tasks.get_configurations", tasks=[task], names=["b"])["configurations"]
    assert found == {"task": task, "configuration": [items[0]]}
    assert api("tasks.get_configurations", tasks=[task])["configurations"][0]["configuration"] == items[::-1]
    assert named(api, task) == [{"task": task, "names": ["a", "b"]}]
    api("tasks.delete_configuration", task=task, configuration=["b"])
    assert named(api, task) == [{"task": task, "names": ["a"]}]
    api("tasks.edit_configuration", task=task, configuration=[items[0]], replace_configuration=True)
    assert api.read(task)["configuration"] == {"b": items[0]}


def test_empty_configurations_are_named_only_when_asked_for(api: Api) -> None:
    task = api.task(configuration={"empty": {"name": "empty", "value": ""}})
    assert named(api, task) == named(api, api.task(), skip_empty=False) == []
    assert named(api, task, skip_empty=False) == [{"task": task, "names": ["empty"]}]


def test_a_task_that_is_gone_has_no_configuration(api: Api) -> None:
    refusal = api.refusal("tasks.get_configurations", tasks=[api.task(), "nope"])
    assert refusal
    assert refusal.code == (400, 101)


def test_what_runs_is_changed_by_force_only(api: Api) -> None:
    task = api.task()
    api("tasks.started", task=task)
    items = [{"name": "a", "value": "1"}]
    assert api.refusal("tasks.edit_configuration", task=task, configuration=items)
    api("tasks.edit_configuration", task=task, configuration=items, force=True)
    assert api.refusal("tasks.delete_configuration", task=task, configuration=["a"])
    assert api.read(task)["configuration"] == {"a": items[0]}
