"""Plain webhook: POST an event's JSON document to one URL."""

import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

import requests

from clearml_flows.notify.outcome import AGAIN, REFUSED, SENT, Outcome

CONNECT_SECONDS = 5.0
LONGEST_RETRY_AFTER = 3600.0
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


def post(url: str, document: dict[str, Any], seconds: float) -> Outcome:
    """Send a document.

    Redirects are not followed, certificates are verified, and only the head of the answer is read. `seconds`
    limits each wait for the server. To limit the total, call this in a process of its own.
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
                # Without `auth`, requests would send the host's credentials of ~/.netrc.
                auth=(unquote(parts.username), unquote(parts.password or "")) if parts.username else _no_credentials,
                timeout=(min(CONNECT_SECONDS, seconds), seconds),
                allow_redirects=False,
                stream=True,
            ) as answer,
        ):
            return judged(answer.status_code, answer.headers.get("Retry-After"), datetime.now(UTC))
    except ValueError:  # includes errors of requests about URLs and headers
        return Outcome(REFUSED, "its URL cannot be used")
    except requests.RequestException as wrong:
        return Outcome(AGAIN, reason(wrong, seconds))


def judged(status: int, retry_after: str | None, now: datetime) -> Outcome:
    """Return the outcome of a status: 2xx sent; 408, 425, 429 and 5xx retry; all others refused."""
    if 200 <= status < 300:
        return Outcome(SENT)
    if status in _LATER or status >= 500:
        return Outcome(AGAIN, f"it answered {_named(status)}", seconds_until(retry_after, now))
    if 300 <= status < 400:
        return Outcome(REFUSED, f"it answered {_named(status)}; redirects are not followed: configure the final URL")
    return Outcome(REFUSED, f"it answered {_named(status)}")


def seconds_until(retry_after: str | None, now: datetime) -> float | None:
    """Convert the header Retry-After (seconds or a date) to seconds from `now`, at most an hour.

    Returns:
        None if the header is missing or invalid.
    """
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
    """Return why a request failed. The library's message is left out, since it contains the URL."""
    if isinstance(wrong, requests.ConnectTimeout):
        return "no connection in time"
    if isinstance(wrong, requests.Timeout):
        return f"no answer within {seconds:g} s"
    causes = list(_causes(wrong))
    certificate = next((one for one in causes if isinstance(one, ssl.SSLCertVerificationError)), None)
    if certificate:
        return f"its certificate is not trusted: {certificate.verify_message}"
    if any(isinstance(one, ssl.SSLError) for one in causes):
        return "its TLS handshake failed"
    system = [one.strerror for one in causes if isinstance(one, OSError) and one.strerror]
    return f"no connection: {system[-1].lower()}" if system else f"no connection ({type(causes[-1]).__name__})"


def _causes(wrong: BaseException) -> Iterator[BaseException]:
    """Yield the exception and its causes, the innermost last.

    urllib3 keeps causes as arguments and as `reason`.
    """
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
