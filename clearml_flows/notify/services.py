"""Services of apprise, by URL.

Behaviour of apprise 2.2 that this module depends on:

- Redirects are followed unless the asset disables them, and a URL can enable them again (`redirect=yes`).
  `verify=no` disables certificate checks. `optional=yes` reports a failure as success.
- `notify()` returns only True or False. The reason for False is in apprise's log.
- Its own time limit leaves a thread that keeps the process from ending. So no limit is set here, and the
  sending process is killed instead (`notify/sender.py`). `rto` and `cto` limit single waits, but not
  those of mail.
- A text longer than the service's limit is sent as is and refused, unless the overflow mode truncates it.
- Plain text is escaped for services with Markdown, HTML or Slack's format. It is not escaped for services
  that render Markdown anyway (Discord, Mattermost). Subjects and mentions are never escaped.
- `url(privacy=True)` masks passwords, but not paths of webhooks or headers.
- `mailto://` sends the password unencrypted; `mailtos://` uses STARTTLS. Certificates of mail servers are
  checked against OpenSSL's store (`SSL_CERT_FILE`), those of web servers against certifi's
  (`REQUESTS_CA_BUNDLE`).
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from clearml_flows.errors import BadInput, MissingExtra
from clearml_flows.notify.message import Message
from clearml_flows.notify.outcome import AGAIN, SENT, Outcome
from clearml_flows.notify.safe_text import Style, chat, markdown, plain

try:
    import apprise
    from apprise.common import NotifyFormat, NotifyType, OverflowMode
except ModuleNotFoundError:
    raise MissingExtra("apprise", "notify") from None

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
    """Return the apprise service of a URL.

    Raises:
        BadInput: the URL has no service or an unsafe option. The message does not contain the URL.
    """
    with _words():
        service = apprise.Apprise.instantiate(url, asset=_asset())
    if service is None or not service.enabled:
        # The message of apprise may contain tokens.
        scheme = re.match(r"[a-z0-9]{1,20}://", url)
        form = f" as {scheme[0]}…" if scheme else ""
        raise BadInput(f"is not a URL that apprise accepts{form}; https://github.com/caronc/apprise lists the formats")
    _check(service)
    service.overflow_mode = OverflowMode.TRUNCATE
    return service


def is_native(url: str) -> bool:
    """Return whether a web address is a known service's, like https://hooks.slack.com/services/…"""
    with _words():
        return apprise.Apprise.instantiate(url, asset=_asset()) is not None


def address(service: Any) -> str:
    """Return the service's URL without secrets: its scheme, and its host if that is no token."""
    names_host = all("{host}" in template for template in service.templates)
    host = f"{service.host}/" if service.host and names_host else ""
    return f"{service.schema}://{host}…"


def style_of(service: Any) -> Style:
    """Return the escaping that the service needs in addition to apprise's."""
    if service.schema in PLAIN:
        return plain
    return markdown if service.schema in RENDERS_MARKDOWN else chat


def limit_of(service: Any) -> int:
    """Return a message size in bytes that the service accepts, with room for what apprise adds."""
    return max(SHORTEST_LIMIT, int(service.body_maxlen * 0.9) - 50)


def send(service: Any, kind: str, message: Message) -> Outcome:
    """Send a message. Any failure is retried, since apprise does not say what failed."""
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
        raise BadInput("has verify=no, but certificates are always verified: add yours with SSL_CERT_FILE (mail) "
                       "or REQUESTS_CA_BUNDLE")  # fmt: skip
    if service.redirects:
        raise BadInput("has redirect=yes, but redirects are not followed, since they get the message and its token")
    if service.optional:
        raise BadInput("has optional=yes, which hides failures; remove it")
    secure = getattr(service, "secure_mode", "")
    if service.password and secure == "insecure" and service.smtp_host not in LOOPBACK:
        raise BadInput("would send its password unencrypted; use mailtos:// instead of mailto://")


class _Words(logging.Handler):
    """Collects apprise's last warning, and known causes from its debug messages."""

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
    """Collect apprise's log instead of passing it on, since it may contain tokens."""
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
