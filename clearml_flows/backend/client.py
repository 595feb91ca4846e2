"""Client of the ClearML API without retries: each request waits a bounded time.

The SDK's session retries for up to hours. This suits a step, but not a command that a person waits for.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from clearml_flows.errors import FlowsError, Unreachable


class Refused(FlowsError):
    """The backend answered with an error. Message and `subcode` are the backend's."""

    def __init__(self, sentence: str, subcode: int = 0) -> None:
        super().__init__(sentence)
        self.subcode = subcode


class WrongCredentials(Unreachable):
    """The backend answered that the credentials are wrong."""


@dataclass
class Api:
    """API client: `Api(url, access_key, secret_key).call("tasks.get_by_id", task=…)`."""

    url: str
    access_key: str
    secret_key: str = field(repr=False)
    timeout: float = 4.0
    _http: requests.Session = field(default_factory=requests.Session, repr=False)
    _ahead: timedelta = timedelta()

    def login(self) -> None:
        """Get a token for the credentials.

        Raises:
            WrongCredentials: the backend refuses the credentials.
            Unreachable: nothing answers at the address, or no ClearML API.
        """
        answer = self._send("auth.login", auth=(self.access_key, self.secret_key))
        if answer.status_code == requests.codes.unauthorized:
            raise WrongCredentials(
                f"{self.url} does not take the configured ClearML credentials; create some on its page (Settings, "
                "Workspace) and store them with `flows setup`, or set CLEARML_API_ACCESS_KEY and _SECRET_KEY"
            )
        token = self._data(answer).get("token")
        if not isinstance(token, str):
            raise self._no_api(answer)
        self._http.headers["Authorization"] = f"Bearer {token}"

    def call(self, endpoint: str, **body: Any) -> dict[str, Any]:
        """Call an endpoint and return the answer's data. Logs in first if there is no valid token.

        Raises:
            Refused: the backend answered with an error.
            Unreachable: nothing answers, or the backend failed (HTTP 5xx).
        """
        if "Authorization" not in self._http.headers:
            self.login()
        answer = self._send(endpoint, json=body)
        if answer.status_code == requests.codes.unauthorized:
            self.login()
            answer = self._send(endpoint, json=body)
        return self._data(answer)

    def now(self) -> datetime:
        """Return the time of the backend's clock, to the second, from the date of its last answer.

        The backend's records have times of this clock.
        """
        return datetime.now(UTC) + self._ahead

    def authorization(self) -> str:
        """Return the Authorization header for the backend's file server. Raises Unreachable."""
        if "Authorization" not in self._http.headers:
            self.login()
        return str(self._http.headers["Authorization"])

    def close(self) -> None:
        self._http.close()

    def _send(self, endpoint: str, **request: Any) -> requests.Response:
        try:
            answer = self._http.post(f"{self.url}/{endpoint}", timeout=self.timeout, allow_redirects=False, **request)
        except (requests.RequestException, ValueError) as failure:  # ValueError: the host name is too long
            raise Unreachable(
                f"no ClearML backend answers at {self.url} ({_reason(failure)}); is it running?"
            ) from None
        with suppress(KeyError, ValueError, TypeError):  # no date, or an invalid one from a proxy
            self._ahead = parsedate_to_datetime(answer.headers["Date"]) - datetime.now(UTC)
        return answer

    def _data(self, answer: requests.Response) -> dict[str, Any]:
        try:
            envelope = answer.json()
            meta, data = envelope["meta"], dict(envelope["data"])
            if answer.status_code == requests.codes.ok:
                return data
            message, name = meta["result_msg"], meta["endpoint"]["name"]
        except (ValueError, KeyError, TypeError):
            raise self._no_api(answer) from None
        if answer.status_code >= requests.codes.internal_server_error:
            raise Unreachable(f"{self.url} failed to answer (HTTP {answer.status_code}): {message}")
        raise Refused(f"{self.url} refused {name}: {message}", meta.get("result_subcode") or 0)

    def _no_api(self, answer: requests.Response) -> Unreachable:
        return Unreachable(f"{self.url} answers, but not as a ClearML API does (HTTP {answer.status_code})")


def _reason(failure: requests.RequestException | ValueError) -> str:
    if isinstance(failure, requests.Timeout):
        return "no answer in time"
    if isinstance(failure, ValueError):
        return "not a URL"
    return "connection refused or lost" if isinstance(failure, requests.ConnectionError) else type(failure).__name__
