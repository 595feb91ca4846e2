"""The plain webhook: the document of an event as JSON, by POST to one URL."""

import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

import requests

from ops.notify.outcome import AGAIN, REFUSED, SENT, Outcome

CONNECT_SECONDS = 5.0
LONGEST_RETRY_AFTER = 3600.0
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


def post(url: str, document: dict[str, Any], seconds: float) -> Outcome:
    """Send a document.

    Redirects are not followed, certificates are verified, and nothing of the answer is read but its head. Each wait for
    the other side is at most `seconds`; whoever calls this in a process of its own bounds them all together.
    """
    parts = urlsplit(url)
    body = json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    try:
        with (
            requests.Session() as session,
            session.post(
                url,
                data=body,
                headers={"Content-Type": "application/json", "User-Agent": "clearml-flows"},
                # Without one, the credentials that ~/.netrc has for the host would be sent.
                auth=(unquote(parts.username), unquote(parts.password or "")) if parts.username else _no_credentials,
                timeout=(min(CONNECT_SECONDS, seconds), seconds),
                allow_redirects=False,
                stream=True,
            ) as answer,
        ):
            return judged(answer.status_code, answer.headers.get("Retry-After"), datetime.now(UTC))
    except ValueError:  # requests' own errors for URLs and headers, too
        return Outcome(REFUSED, "its URL cannot be used")
    except requests.RequestException as wrong:
        return Outcome(AGAIN, reason(wrong, seconds))


def judged(status: int, retry_after: str | None, now: datetime) -> Outcome:
    """What an answer means: 2xx sent, 408, 425, 429 and 5xx try again, all else is refused."""
    if 200 <= status < 300:
        return Outcome(SENT)
    if status in _LATER or status >= 500:
        return Outcome(AGAIN, f"it answered {_named(status)}", seconds_until(retry_after, now))
    if 300 <= status < 400:
        return Outcome(REFUSED, f"it answered {_named(status)}; redirects are not followed: configure the final URL")
    return Outcome(REFUSED, f"it answered {_named(status)}")


def seconds_until(retry_after: str | None, now: datetime) -> float | None:
    """The header Retry-After, seconds or a date, as seconds from now, at most an hour; None if it says nothing."""
    text = (retry_after or "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_RETRY_AFTER)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return min(max(0.0, (aware - now).total_seconds()), LONGEST_RETRY_AFTER)


def reason(wrong: BaseException, seconds: float) -> str:
    """Why a request came to nothing, without what the library says: that has the whole URL."""
    if isinstance(wrong, requests.ConnectTimeout):
        return "no connection in time"
    if isinstance(wrong, requests.Timeout):
        return f"no answer within {seconds:g} s"
    causes = list(_causes(wrong))
    certificate = next((one for one in causes if isinstance(one, ssl.SSLCertVerificationError)), None)
    if certificate:
        return f"its certificate is not trusted: {certificate.verify_message}"
    if any(isinstance(one, ssl.SSLError) for one in causes):
        return "it does not speak TLS as it should"
    system = [one.strerror for one in causes if isinstance(one, OSError) and one.strerror]
    return f"no connection: {system[-1].lower()}" if system else f"no connection ({type(causes[-1]).__name__})"


def _causes(wrong: BaseException) -> Iterator[BaseException]:
    """The exception and what it was made of, the innermost last; urllib3 keeps its own as arguments and `reason`."""
    seen: set[int] = set()
    found: list[BaseException] = [wrong]
    while found:
        one = found.pop(0)
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            inner = (*one.args, getattr(one, "reason", None), one.__cause__, one.__context__)
            found += [other for other in inner if isinstance(other, BaseException)]


def _no_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
