"""Mail, by a real server that wants STARTTLS and a login."""

from collections.abc import Iterator

import pytest

from clearml_flows.events import Event
from clearml_flows.notify.masking import Masker
from clearml_flows.notify.message import compose, safe
from clearml_flows.notify.outcome import SENT, Outcome
from clearml_flows.notify.services import open_service, send, style_of
from tests.notify.conftest import NOON, Made, after, failed, state
from tests.support.mail import Certificates, Mailbox, certificates, mail_server


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def mailbox(trusted: Certificates) -> Iterator[Mailbox]:
    with mail_server(trusted.server) as one:
        yield one


def url(mailbox: Mailbox) -> str:
    return f"mailtos://me:s3sam0pen@example.com:{mailbox.port}?smtp=localhost&to=ops@example.org,you@example.org"


def test_a_mail_says_what_one_wants_to_know(
    notifier: Made, mailbox: Mailbox, trusted: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted.authority))
    told = notifier(FLOWS_NOTIFY_MAIL=url(mailbox))
    evil = "churn failed\r\nBcc: all@example.com\r\n\r\nein Größenfehler \ud800"
    told.put(Event("a", "failed", NOON, evil, failed(error="@here <b>ä</b>\n.\nRCPT TO: x").facts))
    told.deliver(NOON)
    assert mailbox.logins == [("me", "s3sam0pen")]
    assert [to for recipients in mailbox.recipients for to in recipients] == ["ops@example.org", "you@example.org"]
    letter = mailbox.letters[0]
    assert letter["Subject"] == "churn failed Bcc: all@example.com ein Größenfehler \ufffd"
    assert (letter["Bcc"], letter["To"], letter.get_content_type()) == (None, "ops@example.org", "text/plain")
    assert letter.get_content().splitlines()[-4:] == ["error:", "@here <b>ä</b>", ".", "RCPT TO: x"]
    assert state(told, "mail") == (0, 1, 0)
    assert "s3sam0pen" not in told.journal.path.read_text()


def test_a_server_with_an_unknown_certificate_gets_nothing(notifier: Made, mailbox: Mailbox) -> None:
    told = notifier(FLOWS_NOTIFY_MAIL=url(mailbox))
    told.put(failed())
    told.deliver(NOON)
    assert (mailbox.logins, mailbox.letters, state(told, "mail")) == ([], [], (1, 0, 0))
    error = told.outbox.told()["mail"]["error"]
    assert error.endswith(": certificate verify failed: unable to get local issuer certificate")


def test_tls_from_the_start_and_html(trusted: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted.authority))
    with mail_server(trusted.server, from_the_start=True) as mailbox:
        service = open_service(f"{url(mailbox)}&mode=ssl&format=html")
        event = safe(failed(error="<script>x</script> &amp;"), Masker({}))
        assert send(service, "failed", compose(event, style_of(service), 4000)) == Outcome(SENT)
    part = mailbox.letters[0].get_body(("html",))
    assert part is not None
    assert "&lt;script&gt;x&lt;/script&gt;&nbsp;&amp;amp;" in part.get_content()
    assert mailbox.logins == [("me", "s3sam0pen")]


def test_a_mail_that_is_not_taken_is_sent_later(notifier: Made) -> None:
    with mail_server() as mailbox:
        mailbox.status = "451 later"
        told = notifier(
            FLOWS_NOTIFY_MAIL=f"mailto://localhost:{mailbox.port}?from=flows@example.com&to=ops@example.org"
        )
        told.put(failed())
        told.deliver(NOON)
        assert state(told, "mail") == (1, 0, 0)
        assert told.outbox.told()["mail"]["error"].endswith(": (451, b'later')")
        mailbox.status = "250 OK"
        told.deliver(after(minutes=1))
        assert (len(mailbox.letters), state(told, "mail")) == (1, (0, 1, 0))
