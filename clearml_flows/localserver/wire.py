"""Wire format: paths of calls, bodies of requests, envelopes of answers."""

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from clearml_flows.localserver import errors
from clearml_flows.localserver.tokens import API_VERSION

ACTUAL_VERSION = "1.0"
_PATH = re.compile(r"/(?:v(?P<version>\d{1,4}(?:\.\d{1,4})?)/)?(?P<name>[a-z_]{1,64}\.[a-z_0-9]{1,128})")
_API_PATH = re.compile(r"/(v\d[^/]*/.*|[a-z_]+\.[a-z_0-9]+)")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Download:
    """An answer that is a text file. `content` is read while it is sent."""

    filename: str
    content: Iterator[str]
    media_type: str = "text/plain"


Version = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Target:
    """The endpoint and API version in a path. `known` is True if a handler exists."""

    name: str
    version: str
    known: bool = False

    @property
    def number(self) -> Version:
        """The version as integers, so that 2.9 sorts before 2.23."""
        major, _, minor = self.version.partition(".")
        return int(major), int(minor or 0)


NEWEST: Version = Target("", API_VERSION).number


def is_api_path(path: str) -> bool:
    """Return True if the API answers this path, including invalid API paths."""
    return _API_PATH.fullmatch(path) is not None


def target(path: str) -> Target:
    """Parse a path; raises errors.BadRequest if it names no endpoint."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise errors.BadRequest(f"Invalid request path {path[:200]}")
    return Target(match["name"], match["version"] or API_VERSION)


def parse(body: bytes) -> Json:
    """Return the object in a request's body, or {} for an empty body.

    Raises:
        errors.BadRequest: The body is not a JSON object.
    """
    document = _loads(body) if body.strip() else {}
    if not isinstance(document, dict):
        raise errors.BadRequest(f"expected a JSON object as body, got {type(document).__name__}")
    return document


def parse_batch(body: bytes) -> Json:
    """Return the objects in JSON lines or a JSON list as {"requests": [...]}.

    Raises:
        errors.BadRequest: A line is not a JSON object.
    """
    if body.lstrip().startswith(b"["):
        requests = _loads(body)
    else:
        requests = [_loads(line) for line in body.splitlines() if line.strip()]
    if not all(isinstance(request, dict) for request in requests):
        raise errors.BadRequest("expected a JSON object on every line of the body")
    return {"requests": requests}


def _loads(text: bytes) -> Any:
    try:
        # Decode first, because json.loads() would guess other encodings from bytes.
        document = json.loads(
            text.decode(), parse_constant=_refused, parse_float=_finite, object_pairs_hook=_without_duplicates
        )
        if b"\\u" in text:
            # A lone surrogate is valid JSON, but it can be neither stored nor sent as UTF-8.
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise errors.BadRequest from error
    return document


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text} is too large")
    return number


def _without_duplicates(pairs: list[tuple[str, Any]]) -> Json:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("duplicate name in a JSON object")
    return document


def success(target: Target, data: Json) -> Json:
    """Return the envelope of a successful answer."""
    return _envelope(target, 200, 0, "OK", data)


def failure(target: Target, error: errors.ApiError) -> Json:
    """Return the envelope of an error."""
    return _envelope(target, error.code, error.subcode, str(error), {}, error.values)


def _envelope(target: Target, code: int, subcode: int, message: str, data: Json, values: Json | None = None) -> Json:
    """Return a complete envelope.

    Without `meta` or `meta.endpoint`, the SDK retries without end and without a pause.
    """
    id = uuid.uuid4().hex
    return {
        "meta": {
            "id": id,
            "trx": id,
            "endpoint": {
                "name": target.name,
                "requested_version": target.version,
                "actual_version": ACTUAL_VERSION if target.known else None,
            },
            "result_code": code,
            "result_subcode": subcode,
            "result_msg": message,
            "error_stack": None,
            "error_data": values or {},
        },
        "data": data,
    }
