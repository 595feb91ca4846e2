"""What `flows doctor` finds of hosts: Kaggle, file server, clock."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from clearml_flows.backend.client import Api
from clearml_flows.backend.connection import Backend
from clearml_flows.doctor.backend_checks import check_clock, check_files
from clearml_flows.doctor.check_result import CheckInput
from clearml_flows.doctor.outside_checks import check_kaggle
from clearml_flows.settings import load
from tests.support.fake_kaggle import Answer, fake_kaggle
from tests.support.home import make_home
from tests.support.http import answering

TOKEN = json.dumps({"meta": {}, "data": {"token": "t"}})


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_home(tmp_path / "home", monkeypatch)


@pytest.fixture
def api() -> Iterator[Api]:
    with answering(lambda _path: (200, TOKEN)) as url:
        api = Api(url, "key", "secret")
        yield api
        api.close()


def found(api: Api, files_host: str = "") -> CheckInput:
    return CheckInput(load(), Backend("server", "", api, {}), files_host)


@pytest.mark.parametrize(
    ("answer", "source", "status", "words"),
    [
        (Answer(body=b"a,b\n1,2\n"), "kaggle", "ok", "can be had, by anybody"),
        (Answer(403), "kaggle", "failed", "forbids"),
        (Answer(500), "kaggle", "failed", "500"),
        (Answer(403), "auto", "warning", "until then runs make data up"),
    ],
)
def test_kaggle(answer: Answer, source: str, status: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWS__DATA__SOURCE", source)
    with fake_kaggle(answer) as kaggle:
        finding = check_kaggle(load(), kaggle.url)
    assert (finding.status, words in finding.message) == (status, True), finding
    assert finding.fix == ("flows setup --kaggle" if answer.status == 403 else None)


def test_a_token_that_kaggle_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWS__DATA__SOURCE", "kaggle")
    monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_expired-and-not-to-be-shown")
    with answering(lambda path: (200, '{"active": false}' if path.endswith("/IntrospectToken") else "a,b")) as url:
        finding = check_kaggle(load(), url)
    assert (finding.status, finding.fix) == ("warning", "flows setup --kaggle"), finding
    assert finding.message.startswith("Kaggle does not know the token in KAGGLE_API_TOKEN")
    assert "expired" not in finding.message


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        ((500, ""), "failed", "does not store a file (HTTP 500)"),
        ((200, "something else"), "failed", "does not give it back (HTTP 200)"),
    ],
)
def test_a_file_server_that_does_not_work(api: Api, answer: tuple[int, str], status: str, words: str) -> None:
    with answering(lambda _path: answer) as url:
        finding = check_files(found(api, url))
    assert (finding.status, words in finding.message) == (status, True), finding


def test_file_servers_that_cannot_be_asked(api: Api) -> None:
    assert check_files(found(api, "http://127.0.0.1:1")).message.startswith("http://127.0.0.1:1 does not answer")
    assert check_files(found(api, "s3://bucket")).status == "skipped"
    assert check_files(found(api)).fix == "flows setup"


@pytest.mark.parametrize(("seconds", "status"), [(2, "ok"), (-40, "warning"), (4000, "failed")])
def test_a_clock_that_is_wrong(api: Api, seconds: float, status: str) -> None:
    api._ahead = timedelta(seconds=seconds)
    finding = check_clock(found(api))
    assert finding.status == status
    assert status == "ok" or ("ahead of" if seconds > 0 else "behind") in finding.message
