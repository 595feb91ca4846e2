from tests.support.api import Api


def test_the_version_in_the_words_of_each_api_version(api: Api) -> None:
    def info(version: str) -> object:
        return api.client.get(f"/v{version}/server.info", headers=api.headers).json()["data"]

    oldest = {"version": "2.3.0", "build": "", "commit": ""}
    assert info("2.1") == oldest
    assert info("2.8") == {**oldest, "uid": "localserver"}
    assert info("2.23") == {**oldest, "uid": "localserver", "api_version": "2.34"}


def test_no_statistics_are_reported(api: Api) -> None:
    assert api("server.report_stats_option", enabled=True) == {"supported": False}


def test_a_ping_comes_back(api: Api) -> None:
    assert api.send("debug.ping", b'{"x": 1}', {}) == {"msg": "ClearML server", "x": 1}
