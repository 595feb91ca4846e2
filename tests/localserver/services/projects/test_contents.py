import hashlib

import pytest

from tests.support.api import Api, Json


def param(section: str, name: str, value: str) -> Json:
    return {section: {name: {"section": section, "name": name, "value": value}}}


@pytest.fixture
def projects(api: Api) -> tuple[str, str]:
    outer, inner = api.project("outer"), api.project("outer/inner")
    api.task(project=outer, tags=["a", "b"], system_tags=["s"], hyperparams=param("Args", "lr", "1"))
    parent = api.task("the parent", project=inner, tags=["c"], hyperparams=param("Args", "lr", "2"))
    child = api.task(project=inner, parent=parent, hyperparams=param("General", "x", "3"))
    scalar = {"type": "training_stats_scalar", "task": child, "metric": "m", "variant": "v", "value": 1}
    api.batch("events.add_batch", scalar)
    api.model(project=inner, tags=["m"], metadata={"acc": {"key": "acc", "type": "float", "value": "0.9"}})
    api("projects.update", project=inner, tags=["p"])
    return outer, inner


def test_tags_in_use(api: Api, projects: tuple[str, str]) -> None:
    outer, inner = projects
    assert api("projects.get_task_tags") == {"tags": ["a", "b", "c"]}
    assert api("projects.get_task_tags", projects=[outer], include_system=True) == {
        "tags": ["a", "b", "c"],
        "system_tags": ["s"],
    }
    assert api("projects.get_task_tags", projects=[inner])["tags"] == ["c"]
    assert api("projects.get_model_tags", projects=[inner])["tags"] == ["m"]
    assert api("projects.get_model_tags", projects=[outer])["tags"] == ["m"]
    assert api("projects.get_project_tags") == {"tags": ["p"], "system_tags": []}
    assert api("organization.get_tags")["tags"] == ["a", "b", "c", "m"]


def test_a_filter_narrows_the_tags(api: Api, projects: tuple[str, str]) -> None:
    assert api("projects.get_task_tags", filter={"system_tags": ["s"]})["tags"] == ["a", "b"]
    assert api("projects.get_task_tags", filter={"tags": ["-a"]})["tags"] == ["c"]
    assert api("projects.get_project_tags", filter={"tags": ["other"]})["tags"] == []
    assert api("organization.get_tags", filter={"tags": ["m"]})["tags"] == ["m"]


def test_parameters_and_their_values(api: Api, projects: tuple[str, str]) -> None:
    outer, _ = projects
    answer = api("projects.get_hyper_parameters", project=outer, page_size=1)
    assert answer == {"parameters": [{"section": "Args", "name": "lr"}], "total": 2, "remaining": 1}
    answer = api("projects.get_hyper_parameters", project=outer, page=1, page_size=1)
    assert answer == {"parameters": [{"section": "General", "name": "x"}], "total": 2, "remaining": 0}
    assert api("projects.get_hyper_parameters", project=outer, include_subprojects=False)["total"] == 1
    assert api("projects.get_hyperparam_values", section="Args", name="lr") == {"values": ["1", "2"], "total": 2}
    assert api("projects.get_hyperparam_values", section="Args", name="lr", projects=[outer])["total"] == 2
    matching = api("projects.get_hyperparam_values", section="Args", name="lr", pattern="^2")
    assert matching == {"values": ["2"], "total": 1}
    second = api("projects.get_hyperparam_values", section="Args", name="lr", page=1, page_size=1)
    assert second == {"values": ["2"], "total": 2}


def test_what_is_in_no_project(api: Api, projects: tuple[str, str]) -> None:
    api.task(hyperparams=param("Args", "alone", "1"))
    answer = api("projects.get_hyper_parameters", include_subprojects=False)
    assert answer["parameters"] == [{"section": "Args", "name": "alone"}]
    assert api("projects.get_model_metadata_keys", include_subprojects=False)["keys"] == []


def test_metadata_of_models(api: Api, projects: tuple[str, str]) -> None:
    answer = api("projects.get_model_metadata_keys", project=projects[0])
    assert answer == {"keys": ["acc"], "total": 1, "remaining": 0}
    assert api("projects.get_model_metadata_values", key="acc") == {"values": ["0.9"], "total": 1}


def test_metrics_with_the_hashes_that_stand_for_them(api: Api, projects: tuple[str, str]) -> None:
    (metric,) = api("projects.get_unique_metric_variants", project=projects[0])["metrics"]
    assert (metric["metric"], metric["variant"]) == ("m", "v")
    assert metric["metric_hash"] == hashlib.md5(b"m", usedforsecurity=False).hexdigest()


def test_parents(api: Api, projects: tuple[str, str]) -> None:
    (parent,) = api("projects.get_task_parents", projects=[projects[0]], tasks_state="active")["parents"]
    assert parent["name"] == "the parent"
    assert api("projects.get_task_parents", tasks_state="archived") == {"parents": []}
    assert api.refusal("projects.get_task_parents", tasks_state="gone")
    (parent,) = api("projects.get_task_parents", task_name="parent")["parents"]
    assert parent["project"] == {"id": projects[1], "name": "outer/inner"}
    assert api("projects.get_task_parents", task_name="child") == {"parents": []}


def test_users_of_what_is_there(api: Api, projects: tuple[str, str]) -> None:
    (user,) = api("projects.get_user_names", projects=[projects[0]])["users"]
    assert user["id"] == api("users.get_current_user")["user"]["id"]
    assert api("projects.get_user_names", projects=[api.project("empty")], entity="model") == {"users": []}
