"""Ids by their beginnings, against the real handlers of the embedded backend."""

from pathlib import Path
from typing import Any, cast

import pytest

from clearml_flows.backend.client import Api as Client
from clearml_flows.backend.lookup import find_by_id
from clearml_flows.errors import BadInput
from tests.support.api import Api


class Counted:
    """The launcher's client, in this process, counting its requests."""

    def __init__(self, api: Api) -> None:
        self.api, self.requests = api, 0

    def call(self, endpoint: str, **body: Any) -> dict[str, Any]:
        self.requests += 1
        return self.api(endpoint, **body)


@pytest.fixture
def counted(tmp_path: Path) -> Any:
    api = Api(tmp_path / "db.sqlite")
    yield Counted(api)
    api.close()


def find(counted: Counted, typed: str, **filters: Any) -> dict[str, Any]:
    return find_by_id(cast(Client, counted), "tasks", typed, "experiment", ["status"], **filters)


def test_an_id_is_found_by_itself_and_by_a_beginning_in_one_request(counted: Counted) -> None:
    task = counted.api.task("the one")
    for typed in (task, task[:6], f" {task[:20].upper()} "):
        counted.requests = 0
        assert find(counted, typed) == {"id": task, "name": "the one", "status": "created"}
        assert counted.requests == 1


def test_an_ambiguous_beginning_names_candidates(counted: Counted) -> None:
    ids = [counted.api.task(f"task {number}") for number in range(40)]
    first = next(one[:1] for one in ids if sum(other[:1] == one[:1] for other in ids) > 1)
    same = [one for one in ids if one.startswith(first)]
    with pytest.raises(BadInput, match=f"experiment id '{first}' is ambiguous: type more of {first}") as refused:
        find(counted, first)
    assert sum(one in str(refused.value) for one in same) == min(len(same), 5)


@pytest.mark.parametrize("typed", ["", "zz", "f" * 32, "a" * 40, ".*", "%"])
def test_what_is_no_id_is_told_with_the_command_that_lists_them(counted: Counted, typed: str) -> None:
    counted.api.task()
    with pytest.raises(BadInput, match=r"there is no experiment with the id .*; `flows experiments list` lists them"):
        find(counted, typed)


def test_hidden_ones_are_found_and_filters_hold(counted: Counted) -> None:
    task = counted.api.task("hidden one", system_tags=["hidden"])
    assert find(counted, task[:8])["id"] == find(counted, task)["id"] == task
    with pytest.raises(BadInput):
        find(counted, task, status=["completed"])
