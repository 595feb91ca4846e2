from tests.support.api import TOKENS, Api


def test_the_version_is_the_one_in_tokens(api: Api) -> None:
    assert api("server.info")["version"] == TOKENS.verify(TOKENS.issue("local"))["server_version"]


def test_every_endpoint_is_listed(api: Api) -> None:
    assert "tasks.get_all" in api("server.endpoints")["endpoints"]["tasks"]
