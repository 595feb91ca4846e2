from tests.support.api import Api


def test_there_is_one_user(api: Api) -> None:
    user = api("users.get_current_user")["user"]
    assert api("users.get_all")["users"] == api("users.get_all_ex", id=[user["id"]])["users"] == [user]
    assert api("users.get_all", id=["nobody"]) == {"users": []}
    assert api.read(api.task())["user"] == user["id"]
