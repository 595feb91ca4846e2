from tests.support.api import Api


def test_a_configuration_comes_and_goes(api: Api) -> None:
    task = api.task()
    items = [{"name": name, "value": f"{name} = 1", "type": "hocon"} for name in ("a", "b")]
    api("tasks.edit_configuration", task=task, configuration=items)
    (found,) = api("tasks.get_configurations", tasks=[task, "nope"], names=["b"])["configurations"]
    assert found == {"task": task, "configuration": [items[1]]}
    assert api("tasks.get_configuration_names", tasks=[task]) == {"configurations": {task: ["a", "b"]}}
    api("tasks.delete_configuration", task=task, configuration=["a"])
    assert api("tasks.get_configuration_names", tasks=[task])["configurations"] == {task: ["b"]}
    api("tasks.edit_configuration", task=task, configuration=[items[0]], replace_configuration=True)
    assert api.read(task)["configuration"] == {"a": items[0]}


def test_tasks_without_one_are_named_only_when_asked_for(api: Api) -> None:
    task = api.task()
    assert api("tasks.get_configuration_names", tasks=[task])["configurations"] == {}
    assert api("tasks.get_configuration_names", tasks=[task], skip_empty=False)["configurations"] == {task: []}


def test_what_runs_is_changed_by_force_only(api: Api) -> None:
    task = api.task()
    api("tasks.started", task=task)
    items = [{"name": "a", "value": "1"}]
    assert api.refusal("tasks.edit_configuration", task=task, configuration=items)
    api("tasks.edit_configuration", task=task, configuration=items, force=True)
    assert api.refusal("tasks.delete_configuration", task=task, configuration=["a"])
    assert api.read(task)["configuration"] == {"a": items[0]}
