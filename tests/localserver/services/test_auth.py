from tests.support.api import ACCESS_KEY, SECRET_KEY, TOKENS, Api


def test_a_token_of_the_login_opens_the_door(api: Api) -> None:
    token = api("auth.login")["token"]
    assert api.send("tasks.get_all", b"{}", {"Authorization": f"Bearer {token}"}) == {"tasks": []}


def test_a_lifetime_can_be_asked_for(api: Api) -> None:
    payload = TOKENS.verify(api("auth.login", expiration_sec=100)["token"])
    assert payload["exp"] - payload["iat"] == 100


def test_whether_a_token_is_good(api: Api) -> None:
    assert api("auth.validate_token", token=TOKENS.issue("local"))["valid"] is True
    assert api("auth.validate_token", token="x")["valid"] is False


def test_the_secret_is_told_to_nobody(api: Api) -> None:
    answer = api("auth.get_credentials")
    assert answer["credentials"][0]["access_key"] == ACCESS_KEY
    assert SECRET_KEY not in str(answer)
