"""Services that apprise knows, by URL.

What is to be known of apprise 2.2:

- Redirects are followed unless the asset says otherwise, and a URL may say otherwise again (`redirect=yes`); likewise
  `verify=no` turns the check of certificates off, and `optional=yes` makes a failure look like success.
- `notify()` gives True or False; why it was False is in its log alone.
- A time limit of its own leaves a thread behind that keeps the process from ending. So it has none here: the process
  that sends is ended (`ops/notify/handover.py`). `rto` and `cto` bound single waits, and of mail not even these.
- A text longer than a service takes is sent as it is, and refused, unless it is told to truncate.
- Plain text is escaped where the service takes Markdown, HTML or Slack's dialect. It is not for those that render
  Markdown all the same (Discord, Mattermost), nor are subjects, nor mentions.
- `url(privacy=True)` masks passwords, but neither paths of webhooks nor headers.
- `mailto://` sends the password without encryption; `mailtos://` asks for STARTTLS. Certificates of mail servers are
  checked against what OpenSSL trusts (`SSL_CERT_FILE`), those of web servers against certifi's (`REQUESTS_CA_BUNDLE`).
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import apprise
from apprise.common import NotifyFormat, NotifyType, OverflowMode

from flows.errors import BadInput
from ops.notify.message import Message
from ops.notify.outcome import AGAIN, SENT, Outcome
from ops.notify.text import Style, chat, markdown, plain

TYPES = {"completed": "success", "backend_back": "success", "test": "info", "failed": "failure", "lost": "failure"}
PLAIN = {"mailto", "mailtos", "json", "jsons", "xml", "xmls", "form", "forms"}
RENDERS_MARKDOWN = {"discord", "fluxer", "guilded", "mmost", "mmosts", "revolt", "zulip"}
SHORTEST_LIMIT = 100
_CAUSES = re.compile(
    r"certificate verify failed(: [\w ,'.-]*[\w'.])?|connection refused|connection reset by peer|timed out"
    r"|network is unreachable|name or service not known|temporary failure in name resolution"
    r"|\([45]\d\d, b'[^']{0,200}'\)",
    re.I,
)
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def open_service(url: str) -> Any:
    """The service that a URL names. Raises BadInput, without the URL, if it names none or is not safe to use."""
    with _words():
        service = apprise.Apprise.instantiate(url, asset=_asset())
    if service is None or not service.enabled:
        # What apprise says of it may name tokens.
        scheme = re.match(r"[a-z0-9]{1,20}://", url)
        form = f" as {scheme[0]}…" if scheme else ""
        raise BadInput(f"is no URL that apprise can use{form}; https://github.com/caronc/apprise tells each one's form")
    _check(service)
    service.overflow_mode = OverflowMode.TRUNCATE
    return service


def is_native(url: str) -> bool:
    """Whether a web address is one of those by which a service is known, like https://hooks.slack.com/services/…"""
    with _words():
        return apprise.Apprise.instantiate(url, asset=_asset()) is not None


def address(service: Any) -> str:
    """The service's URL as it may be shown: its scheme, and its host where that is one and no token."""
    names_host = all("{host}" in template for template in service.templates)
    host = f"{service.host}/" if service.host and names_host else ""
    return f"{service.schema}://{host}…"


def style_of(service: Any) -> Style:
    """How text is to be written for the service, beside what apprise escapes."""
    if service.schema in PLAIN:
        return plain
    return markdown if service.schema in RENDERS_MARKDOWN else chat


def limit_of(service: Any) -> int:
    """How many bytes the service takes for sure, with room for what apprise adds."""
    return max(SHORTEST_LIMIT, int(service.body_maxlen * 0.9) - 50)


def send(service: Any, kind: str, message: Message) -> Outcome:
    """Send a message; whatever goes wrong is a reason to try again, since apprise does not tell what it was."""
    notifier = apprise.Apprise(asset=service.asset)
    notifier.add(service)
    with _words() as words:
        sent = notifier.notify(
            body=message.body,
            title=message.subject,
            body_format=NotifyFormat.TEXT,
            notify_type=NotifyType(TYPES.get(kind, "warning")),
        )
    return Outcome(SENT) if sent else Outcome(AGAIN, str(words))


def _asset() -> apprise.AppriseAsset:
    return apprise.AppriseAsset(app_id="clearml-flows", http_redirects=False, async_mode=False, service_timeout=0)


def _check(service: Any) -> None:
    if not service.verify_certificate:
        raise BadInput("says verify=no; certificates are verified always: make yours known with SSL_CERT_FILE (mail) "
                       "or REQUESTS_CA_BUNDLE")  # fmt: skip
    if service.redirects:
        raise BadInput("says redirect=yes; redirects are not followed, they would be given the message and its token")
    if service.optional:
        raise BadInput("says optional=yes, so that nobody would know when nothing is sent; take that out")
    secure = getattr(service, "secure_mode", "")
    if service.password and secure == "insecure" and service.smtp_host not in LOOPBACK:
        raise BadInput("would send its password unencrypted; write mailtos:// in place of mailto://")


class _Words(logging.Handler):
    """What apprise says, for people, and the known causes among what it says for debugging."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.told = ""
        self.cause = ""

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        found = _CAUSES.search(line)
        if record.levelno >= logging.WARNING:
            self.told = line
        elif found:
            self.cause = found[0]

    def __str__(self) -> str:
        return ": ".join(part for part in (self.told, self.cause) if part) or "apprise does not say why"


@contextmanager
def _words() -> Iterator[_Words]:
    """What apprise says meanwhile, which goes nowhere else: it may name tokens."""
    logger, handler = logging.getLogger("apprise"), _Words()
    propagate, level = logger.propagate, logger.level
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    try:
        yield handler
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
        logger.setLevel(level)
