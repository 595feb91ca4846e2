import pytest

from tests.support.api import Api, Refused


def test_a_new_task_is_whole(api: Api) -> None:
    project = api.project()
    task = api.task(project=project, tags=["b"], system_tags=["development"], comment="c", output_dest="http://files")
    document = api.read(task)
    assert document["status"] == "created"
    assert (document["tags"], document["system_tags"], document["comment"]) == (["b"], ["development"], "c")
    assert document["output"] == {"destination": "http://files"}
    assert document["execution"]["artifacts"] == []
    assert document["models"] == {"input": [], "output": []}


def test_edit_sets_whole_fields_and_says_which(api: Api) -> None:
    task = api.task()
    answer = api("tasks.edit", task=task, script={"diff": "x = 1", "branch": None}, runtime={"a": 1})
    assert answer["updated"] == 1
    assert answer["fields"]["script"]["diff"] == "x = 1"
    assert "branch" not in answer["fields"]["script"]
    api("tasks.edit", task=task, runtime={"b": 2}, comment="", script={"branch": "main"})
    document = api.read(task)
    assert document["runtime"] == {"b": 2}
    assert document["comment"] == ""
    assert document["script"]["diff"] == "x = 1"
    assert document["last_change"] > document["created"]


def test_editing_the_execution_keeps_what_is_not_named(api: Api) -> None:
    task = api.task()
    api("tasks.add_or_update_artifacts", task=task, artifacts=[{"key": "a", "type": "custom", "uri": "http://x"}])
    api("tasks.edit", task=task, execution={"model_labels": {"cat": 1}})
    execution = api.read(task)["execution"]
    assert execution["model_labels"] == {"cat": 1}
    assert [artifact["key"] for artifact in execution["artifacts"]] == ["a"]


def test_what_runs_is_edited_by_force_only(api: Api) -> None:
    task = api.task()
    api("tasks.started", task=task)
    with pytest.raises(Refused, match="Invalid task status: expected=created, status=in_progress") as refused:
        api("tasks.edit", task=task, comment="x")
    assert refused.value.code == (400, 110)
    api("tasks.edit", task=task, comment="x", force=True)
    assert api.read(task)["comment"] == "x"


def test_a_published_task_is_edited_by_force(api: Api) -> None:
    task = api.task()
    for action in ("started", "completed", "publish"):
        api(f"tasks.{action}", task=task)
    with pytest.raises(Refused):
        api("tasks.edit", task=task, comment="x")
    api("tasks.edit", task=task, comment="x", force=True)
    assert api.read(task)["comment"] == "x"


@pytest.mark.parametrize(
    "fields",
    [
        *({"type": "magic"}, {"project": "nope"}, {"parent": "nope"}, {"name": "  a  "}, {"tags": ["__$all"]}),
        *({"models": {"input": 5}}, {"models": {"input": [{"name": "m", "model": "nope"}]}}),
        *(
            {"hyperparams": {"a": {" ": {}}}},
            {"script": {"requirements": 5}},
            {"execution": {"artifacts": [{"key": "a"}]}},
        ),
    ],
)
def test_a_task_that_cannot_be_is_refused(api: Api, fields: dict[str, object]) -> None:
    with pytest.raises(Refused):
        api.task(**{"name": "a task", **fields})  # type: ignore[arg-type] # wrong types are the point
    assert api("tasks.get_all")["tasks"] == []


def test_a_batch_is_updated_whole_or_not_at_all(api: Api) -> None:
    first, second = api.task(), api.task()
    assert api.batch("tasks.update_batch", {"task": first, "comment": "1"}, {"task": second, "comment": "2"}) == {
        "updated": 1
    }
    with pytest.raises(Refused):
        api.batch("tasks.update_batch", {"task": first, "comment": "changed"}, {"task": "nope", "comment": "x"})
    assert [api.read(task)["comment"] for task in (first, second)] == ["1", "2"]


def test_a_clone_has_the_definition_and_nothing_that_was_done(api: Api) -> None:
    source = api.task(
        tags=["t"],
        system_tags=["development"],
        hyperparams={"Args": {"lr": {"section": "Args", "name": "lr", "value": "1"}}},
        configuration={"cfg": {"name": "cfg", "value": "a = 1"}},
        script={"diff": "x = 1", "requirements": {"pip": "clearml"}},
    )
    api("tasks.started", task=source)
    event = {"type": "training_stats_scalar", "metric": "m", "variant": "v", "value": 1.0}
    api.batch("events.add_batch", {"task": source, **event})
    artifact = {"type": "custom", "uri": "http://x"}
    api(
        "tasks.add_or_update_artifacts",
        task=source,
        artifacts=[{"key": "made", **artifact}, {"key": "given", "mode": "input", **artifact}],
        force=True,
    )
    copied = api.read(api("tasks.clone", task=source, new_task_name="copied", new_task_parent=source)["id"])
    original = api.read(source)
    assert (copied["name"], copied["parent"], copied["status"]) == ("copied", source, "created")
    assert (copied["tags"], copied["system_tags"]) == (["t"], [])
    for name in ("hyperparams", "configuration", "script", "type"):
        assert copied[name] == original[name]
    assert copied["last_metrics"] == {}
    assert [item["key"] for item in copied["execution"]["artifacts"]] == ["given"]


def test_a_clone_descends_from_its_source(api: Api) -> None:
    parent = api.task()
    source, child = api.task("the source"), api.task(parent=parent)
    copies = [api.read(api("tasks.clone", task=task)["id"]) for task in (source, child)]
    assert [copied["parent"] for copied in copies] == [source, parent]
    assert copies[0]["name"] == "the source"


def test_references_of_a_clone_are_checked_on_request(api: Api) -> None:
    model = api.model()
    source = api.task(models={"input": [{"name": "m", "model": model}]})
    api("models.delete", model=model, force=True)
    assert api("tasks.clone", task=source)["id"]
    for options in ({"validate_references": True}, {"execution_overrides": {"model": "nope"}}):
        refusal = api.refusal("tasks.clone", task=source, **options)
        assert refusal
        assert refusal.code == (400, 201)
    refusal = api.refusal("tasks.clone", task=source, new_task_parent="nope")
    assert refusal
    assert refusal.code == (400, 101)


def test_a_clone_takes_what_the_request_gives_it(api: Api) -> None:
    source = api.task(execution={"model_labels": {"cat": 1}, "framework": "a"}, container={"image": "one"})
    overrides = {"framework": "b", "docker_cmd": "two --gpus all", "artifacts": []}
    copied = api.read(api("tasks.clone", task=source, new_task_tags=["t"], execution_overrides=overrides)["id"])
    assert copied["tags"] == ["t"]
    assert (copied["execution"]["framework"], copied["execution"]["model_labels"]) == ("b", {"cat": 1})
    assert copied["container"] == {"image": "two", "arguments": "--gpus all"}


def test_a_clone_may_go_to_a_new_project(api: Api) -> None:
    answer = api("tasks.clone", task=api.task(), new_project_name="new/place", execution_overrides={"model_labels": {}})
    assert answer["new_project"]["name"] == "new/place"
    assert api.read(answer["id"])["project"] == answer["new_project"]["id"]


def test_notes_are_no_news_of_a_task(api: Api) -> None:
    task = api.task()
    before = api.read(task)
    for action, fields in (("edit", {"comment": "c"}), ("update", {"tags": ["b", "a"], "status_message": "m"})):
        assert "last_update" not in api(f"tasks.{action}", task=task, **fields)["fields"]
    document = api.read(task)
    assert (document["tags"], document["status_message"]) == (["a", "b"], "m")
    assert document["last_update"] == before["last_update"] < document["last_change"]
    assert "last_update" in api("tasks.edit", task=task, runtime={"a": 1})["fields"]
    assert api("tasks.update", task=task) == {"updated": 0, "fields": {}}


def test_an_error_may_be_noted_on_any_task(api: Api) -> None:
    task = api.task(output_dest="http://files")
    assert api("tasks.update", task=task, output__error="boom")["fields"]["output.error"] == "boom"
    assert api.read(task)["output"] == {"destination": "http://files", "error": "boom"}


def test_a_status_is_edited_unchecked(api: Api) -> None:
    task = api.task()
    assert api("tasks.edit", task=task, status="queued")["fields"]["status"] == api.status(task) == "queued"


def test_tags_of_many_tasks_change_at_once(api: Api) -> None:
    tasks = [api.task(tags=["a"]), api.task(tags=["b"])]
    assert api("tasks.update_tags", ids=tasks, add_tags=["c"], remove_tags=["a"]) == {"updated": 4}
    assert [api.read(task)["tags"] for task in tasks] == [["c"], ["b", "c"]]
    assert api.refusal("tasks.update_tags", ids=tasks)
    refusal = api.refusal("tasks.update_tags", ids=[*tasks, "nope"], add_tags=["d"])
    assert refusal
    assert refusal.code == (400, 101)


def test_runtime_properties_change_until_the_task_ends(api: Api) -> None:
    task = api.task(runtime={"a": 1, "b": 2})
    api("tasks.started", task=task)
    assert api("tasks.edit_runtime", task=task, add_or_update={"c": 3}, remove=["a"]) == {"updated": 1}
    assert api.read(task)["runtime"] == {"b": 2, "c": 3}
    api("tasks.completed", task=task)
    assert api.refusal("tasks.edit_runtime", task=task, remove=["b"])


def test_tasks_move_to_a_project_by_name_or_id(api: Api) -> None:
    task = api.task()
    target = api("tasks.move", ids=[task], project_name="place/inner")["project_id"]
    assert api.read(task)["project"] == target
    api("tasks.move", ids=[task], project=api.project("other"))
    assert api.read(task)["project"] != target


def test_a_ping_is_a_sign_of_life_and_no_error_for_what_is_gone(api: Api) -> None:
    task = api.task()
    before = api.read(task)["last_update"]
    assert api("tasks.ping", task=task) == api("tasks.ping", task="nope") == {}
    assert api.read(task)["last_update"] > before
    api("tasks.started", task=task)
    assert "active_duration" not in api.read(task)
    api("tasks.ping", task=task)
    assert api.read(task)["active_duration"] == 0


def test_requirements_are_part_of_the_script(api: Api) -> None:
    task = api.task(script={"diff": "x"})
    api("tasks.set_requirements", task=task, requirements={"pip": "numpy"})
    script = api.read(task)["script"]
    assert (script["requirements"], script["diff"]) == ({"pip": "numpy"}, "x")


def test_a_public_task_is_read_and_copied_but_not_changed(api: Api) -> None:
    task = api.task()
    assert api.refusal("tasks.make_private", ids=[task])
    assert api("tasks.make_public", ids=[task]) == {"updated": 1}
    assert (api.read(task)["company"], len(api("tasks.get_all")["tasks"])) == ("", 1)
    changes: dict[str, dict[str, object]] = {"edit": {"comment": "x"}, "enqueue": {}, "delete": {}, "started": {}}
    for action, fields in changes.items():
        refusal = api.refusal(f"tasks.{action}", task=task, **fields)
        assert refusal
        assert refusal.code == (403, 21)
    assert api("tasks.clone", task=task)["id"]
    api("tasks.make_private", ids=[task])
    api("tasks.started", task=task)
