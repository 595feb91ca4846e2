"""The plain webhook by itself."""

import json
from pathlib import Path

import jsonschema
import pytest

from clearml_flows.notify.masking import Masker
from clearml_flows.notify.message import document, safe
from clearml_flows.notify.outcome import AGAIN, REFUSED, SENT
from clearml_flows.notify.webhook import judged, post, seconds_until
from tests.notify.conftest import NOON, failed
from tests.support.mail import certificates
from tests.support.webhook import Reply, receiving


@pytest.mark.parametrize(
    ("state", "statuses"),
    [
        (SENT, [200, 201, 202, 204]),
        (AGAIN, [408, 425, 429, 500, 502, 503, 504, 599]),
        (REFUSED, [300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 410, 413, 422]),
    ],
)
def test_what_each_status_means(state: str, statuses: list[int]) -> None:
    assert {judged(status, None, NOON).state for status in statuses} == {state}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("3601", 3600.0),
        ("9" * 400, 3600.0),
        ("Mon, 23 Nov 2026 12:02:00 GMT", 120.0),
        ("Mon, 23 Nov 2026 13:02:00 +0100", 120.0),
        ("Monday, 23-Nov-26 12:02:00 GMT", 120.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 3600.0),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_when_to_come_again_is_seconds_or_a_date_within_an_hour(header: str | None, seconds: float | None) -> None:
    assert seconds_until(header, NOON) == seconds


def test_redirects_are_not_followed() -> None:
    with receiving() as target, receiving(Reply(302, {"Location": target.url})) as receiver:
        outcome = post(receiver.url, {}, 10)
        assert (outcome.state, len(receiver.posted), target.posted) == (REFUSED, 1, [])
        assert outcome.error == "it answered 302 Found; redirects are not followed: configure the final URL"


def test_certificates_are_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = certificates(tmp_path)
    with receiving(tls=made.server) as receiver:
        untrusted = post(receiver.url, {}, 10)
        assert untrusted.state == AGAIN
        assert untrusted.error == "its certificate is not trusted: unable to get local issuer certificate"
        assert receiver.posted == []
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(made.authority))
        assert post(receiver.url, {}, 10).state == SENT
        assert post(receiver.url.replace("127.0.0.1", "127.0.0.2"), {}, 10).state == AGAIN
        assert len(receiver.posted) == 1


def test_a_url_may_have_credentials_and_no_others_are_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with receiving() as receiver:
        post(receiver.url, {}, 10)
        post(receiver.url.replace("://", "://me:s%40me@"), {}, 10)
        assert [posted.headers.get("Authorization") for posted in receiver.posted] == [None, "Basic bWU6c0BtZQ=="]


@pytest.mark.parametrize("url", ["http://a..b/x", "http://.example.com/", "http://\udc80/"])
def test_a_url_that_cannot_be_one_is_not_tried_for_a_day(url: str) -> None:
    assert post(url, {}, 5).state == REFUSED


def test_a_body_that_does_not_end_is_not_waited_for() -> None:
    with receiving(Reply(200, {"Content-Length": "1000000"}, "x")) as receiver:
        assert post(receiver.url, {}, 60).state == SENT


def test_the_document_is_as_the_page_says() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    example, schema = (json.loads(part.partition("```")[0]) for part in page.split("```json\n")[1:3])
    jsonschema.Draft202012Validator.check_schema(schema)
    made = document(safe(failed(), Masker({})), 4000)
    for told in (example, made, document(safe(failed(metrics=None, error=None), Masker({})), 500)):
        jsonschema.validate(told, schema)
    assert list(made) == list(schema["properties"]) == schema["required"]
    assert example == {**made, "text": example["text"]}
