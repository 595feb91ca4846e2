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
        "tags": ["a", "b"],
        "system_tags": ["s"],
    }
    assert api("projects.get_model_tags", projects=[inner])["tags"] == ["m"]
    assert api("projects.get_model_tags", projects=[outer])["tags"] == []
    assert api("projects.get_project_tags")["tags"] == ["p"]
    assert api("projects.get_project_tags", projects=[outer])["tags"] == []
    assert api("organization.get_tags")["tags"] == ["a", "b", "c", "m"]


def test_parameters_and_their_values(api: Api, projects: tuple[str, str]) -> None:
    outer, _ = projects
    answer = api("projects.get_hyper_parameters", project=outer, page_size=1)
    assert answer == {"parameters": [{"section": "Args", "name": "lr"}], "total": 2, "remaining": 1}
    answer = api("projects.get_hyper_parameters", project=outer, page=1, page_size=1)
    assert answer == {"parameters": [{"section": "General", "name": "x"}], "total": 2, "remaining": 0}
    assert api("projects.get_hyper_parameters", project=outer, include_subprojects=False)["total"] == 1
    assert api("projects.get_hyperparam_values", section="Args", name="lr") == {"values": ["1", "2"], "total": 2}
    assert api("projects.get_hyperparam_values", section="Args", name="lr", projects=[outer])["total"] == 2


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
