from typing import Any

import pytest

from tests.support.api import Api

COMPANY = "d1bd92a3b039400cbafc60a7a5b1e52b"


def test_there_is_one_user(api: Api) -> None:
    answer = api("users.get_current_user")
    user = answer["user"]
    created = user.pop("created")
    plain = {"id": "local", "name": "local", "created_in_version": "2.3.0"}
    assert user == {**plain, "company": {"id": COMPANY, "name": "clearml"}, "role": "user"}
    assert answer["settings"] == {"max_download_items": 50_000}
    assert answer["getting_started"]["install"] == "pip install clearml"
    document = {**plain, "company": COMPANY, "created": created}
    assert api("users.get_all") == {"users": [document]}
    assert api("users.get_by_id", user="local") == {"user": document}
    assert api.read(api.task())["user"] == "local"


@pytest.mark.parametrize(
    ("asked", "count"),
    [({"id": ["nobody"]}, 0), ({"id": ["local"]}, 1), ({"name": "^lo"}, 1), ({"name": "^x"}, 0), ({"page": 1}, 0)],
)
def test_users_are_filtered(api: Api, asked: dict[str, Any], count: int) -> None:
    for endpoint in ("users.get_all", "users.get_all_ex"):
        assert len(api(endpoint, **asked)["users"]) == count


def test_the_company_is_joined(api: Api) -> None:
    (user,) = api("users.get_all_ex", only_fields=["name", "company.name"])["users"]
    assert user == {"id": "local", "name": "local", "company": {"id": COMPANY, "name": "clearml"}}


def test_who_was_active_in_projects(api: Api) -> None:
    project, empty = api.project("inner/one"), api.project("empty")
    above = api("projects.get_all", name="^inner$")["projects"][0]["id"]

    def active(*projects: str) -> list[str]:
        users = api("users.get_all_ex", active_in_projects=list(projects))["users"]
        return [user["id"] for user in users]

    assert active() == []
    api.task(project=project)
    assert [active(), active(project), active(above), active(empty)] == [["local"], ["local"], ["local"], []]


def test_a_user_is_renamed(api: Api) -> None:
    assert api("users.update", user="local", name="Ada", avatar="x") == {"updated": 1, "fields": {"name": "Ada"}}
    assert api("users.update", user="local") == {"updated": 0, "fields": {}}
    assert api("users.update", user="nobody", name="Bob") == {"updated": 0, "fields": {"name": "Bob"}}
    assert api("users.get_current_user")["user"]["name"] == "Ada"
    refused = api.refusal("users.get_by_id", user="nobody")
    assert refused
    assert (refused.code, refused.message) == ((400, 301), f"Invalid user id: id=nobody, company={COMPANY}")


def test_preferences_are_kept_by_their_paths(api: Api) -> None:
    assert api("users.get_preferences") == {"preferences": {}}
    first = api("users.set_preferences", preferences={"a.b": 0, "c": [1, {"x": 2}]})
    assert first == {"updated": 1, "fields": {"preferences": {"a": {"b": 0}, "c": [1, {"x": 2}]}}}
    assert api("users.set_preferences", preferences={"a.b": 0}) == {"updated": 0, "fields": {}}
    silent = api("users.set_preferences", preferences={"a.d.e": None}, return_updated=False)
    assert silent == {"updated": 1, "fields": {}}
    api("users.set_preferences", preferences={"c.1.x": 5})
    expected = {"a": {"b": 0, "d": {"e": None}}, "c": [1, {"x": 5}]}
    assert api("users.get_preferences") == {"preferences": expected}
    assert "preferences" not in api("users.get_current_user")["user"]
    text = api("users.get_by_id", user="local")["user"]["preferences"]
    assert text == '{"a":{"b":0,"d":{"e":null}},"c":[1,{"x":5}]}'


@pytest.mark.parametrize(
    ("preferences", "code"),
    [
        ({"$a": 1}, (400, 16)),
        ({"a": {"b.c": 1}}, (400, 16)),
        ({"a": [{"$b": 1}]}, (400, 16)),
        ({"": 1}, (400, 305)),
        ({"a..x": 1}, (400, 305)),
        ({"n.x": 1}, (400, 305)),
        ({"l.x": 1}, (400, 305)),
        ({"l.7": 1}, (400, 305)),
        ({"l." + "9" * 5000: 1}, (400, 305)),
        ([1], (400, 12)),
        (None, (400, 12)),
    ],
)
def test_preferences_that_cannot_be_kept(api: Api, preferences: Any, code: tuple[int, int]) -> None:
    api("users.set_preferences", preferences={"n": 5, "l": [0]})
    refused = api.refusal("users.set_preferences", preferences=preferences)
    assert refused
    assert refused.code == code
    assert api("users.get_preferences") == {"preferences": {"n": 5, "l": [0]}}
