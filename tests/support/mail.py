"""A mail server on loopback, with or without TLS, that keeps what it is given."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


@dataclass
class Mailbox:
    """`letters` are the mails that came, `logins` who sent them; `status` is what the server says to each."""

    port: int = 0
    status: str = "250 OK"
    letters: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.status.startswith("2"):
            letter = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(letter, EmailMessage)
            self.letters.append(letter)
            self.recipients.append(envelope.rcpt_tos)
        return self.status

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, login: Any) -> AuthResult:
        self.logins.append((login.login.decode(), login.password.decode()))
        return AuthResult(success=True)


@dataclass(frozen=True)
class Certificates:
    """A certificate for `localhost` and 127.0.0.1, and the file of the authority that signed it."""

    server: ssl.SSLContext
    authority: Path


def certificates(folder: Path) -> Certificates:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(folder / "authority.pem")
    return Certificates(context, folder / "authority.pem")


class FreePort(Controller):  # type: ignore[misc]  # aiosmtpd is not annotated
    """A controller that takes any free port: aiosmtpd's own looks for the server at the port that was asked for."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mail_server(tls: ssl.SSLContext | None = None, from_the_start: bool = False) -> Iterator[Mailbox]:
    """Run a mail server for as long as the context lasts.

    With `tls` it speaks that `from_the_start` and takes a login, or it wants STARTTLS and then a login.
    """
    mailbox = Mailbox()
    secure: dict[str, Any] = {}
    if tls:
        how = {"ssl_context": tls} if from_the_start else {"tls_context": tls, "require_starttls": True}
        # aiosmtpd takes nothing but STARTTLS for TLS, and warns of logins without.
        login = {"auth_required": not from_the_start, "auth_require_tls": not from_the_start}
        secure = {**how, **login, "authenticator": mailbox.authenticate}
    controller = FreePort(mailbox, hostname="127.0.0.1", port=0, server_hostname="localhost", **secure)
    controller.start()
    try:
        mailbox.port = controller.port
        yield mailbox
    finally:
        controller.stop()
