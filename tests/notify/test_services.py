"""Messages as services get them: apprise as it is, its addresses turned to a receiver on loopback."""

from collections.abc import Iterator
from typing import Any

import pytest
from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram

from clearml_flows.notify.masking import Masker
from clearml_flows.notify.message import compose, safe
from clearml_flows.notify.outcome import AGAIN, SENT, Outcome
from clearml_flows.notify.services import limit_of, open_service, send, style_of
from tests.notify.conftest import failed
from tests.support.webhook import Receiver, Reply, receiving

SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7/#ml"
TELEGRAM = "tgram://123456789:AAabcdefghijklmnopqrstuvwxyz1234567/12315544/"
DISCORD = "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"
ERROR = "@here @everyone <!channel> <@U123> <b>x</b> & [pay](http://evil.example)\n*a* _b_"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as one:
        monkeypatch.setattr(NotifySlack, "webhook_url", f"{one.url}/services")
        monkeypatch.setattr(NotifyTelegram, "notify_url", f"{one.url}/bot")
        monkeypatch.setattr(NotifyDiscord, "notify_url", f"{one.url}/webhooks")
        yield one


def told(url: str, **facts: Any) -> Outcome:
    service = open_service(url)
    event = safe(failed(error=ERROR, **facts), Masker({}))
    return send(service, event.kind, compose(event, style_of(service), min(4000, limit_of(service))))


def test_slack_calls_nobody(receiver: Receiver) -> None:
    assert told(SLACK).state == SENT
    (posted,) = receiver.posted
    (attachment,) = posted.json["attachments"]
    assert (posted.json["mrkdwn"], attachment["title"]) == (False, "churn failed in train_sweep")
    zero = "\u200b"
    assert attachment["text"].endswith(
        f"@{zero}here @{zero}everyone &lt;{zero}!channel&gt; &lt;{zero}@{zero}U123&gt; "
        f"&lt;{zero}b&gt;x&lt;{zero}/b&gt; &amp; [pay]{zero}(http://evil.example)\n*a* _b_"
    )


def test_telegram_gets_html_that_is_escaped(receiver: Receiver) -> None:
    receiver.replies[:] = [Reply(body='{"ok": true, "result": {"message_id": 1}}')]
    assert told(TELEGRAM).state == SENT
    posted = receiver.posted[-1].json
    assert posted["parse_mode"] == "HTML"
    assert posted["text"].startswith("<b>churn failed in train_sweep</b>\r\nflow: churn")
    assert "&lt;\u200b!channel&gt;" in posted["text"]
    assert posted["text"].count("<") == 2


def test_discord_gets_markdown_that_is_escaped(receiver: Receiver) -> None:
    assert told(DISCORD, error_count=1).state == SENT
    content = receiver.posted[-1].json["content"]
    assert content.endswith("\\[pay\\]\u200b(http://evil.example)\n\\*a\\* \\_b\\_")
    assert "http://127.0.0.1:8900/projects/*/pipelines/3f9a81c2d4e5f60718293a4b5c6d7e8f\n" in content
    assert len(content) <= 2000


def test_a_service_that_takes_little_gets_little(receiver: Receiver) -> None:
    assert told(DISCORD, reason="because " * 500, worker="w" * 3000).state == SENT
    assert len(receiver.posted[-1].json["content"]) <= 2000


@pytest.mark.parametrize("url", [SLACK, DISCORD])
def test_no_redirect_is_followed(receiver: Receiver, url: str) -> None:
    with receiving() as target:
        receiver.replies[:] = [Reply(307, {"Location": target.url})]
        assert told(url).state == AGAIN
        assert (len(receiver.posted), target.posted) == (1, [])


def test_why_it_was_not_sent_is_what_apprise_says(receiver: Receiver, capfd: pytest.CaptureFixture[str]) -> None:
    receiver.replies[:] = [Reply(500)]
    assert told(DISCORD) == Outcome(AGAIN, "Failed to send Discord notification: Internal server error., error=500.")
    assert "".join(capfd.readouterr()) == ""
