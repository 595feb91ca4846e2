"""Each form of request that the library and the steps make, and the SDK for them: tests/contract/requests.json."""

import json
from pathlib import Path

import pytest

from tests.contract.server import Server, Told

KNOWN = json.loads((Path(__file__).parent / "requests.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def told(server: Server) -> Told:
    return server.run("requests_of_ours", f"{server.project}/requests")


def test_each_is_taken(told: Told) -> None:
    assert told["refused"] == []
    assert told["sent"] == len(KNOWN["plain"]) + len(KNOWN["sdk"]) > 100


def test_what_was_sent_before_is_refused(told: Told, server: Server) -> None:
    # Two make ClearML Server fail with a 500; the embedded backend tells that the request is wrong.
    codes = [[400, 12] if code[0] == 500 and server.kind == "embedded" else code for *_, code in KNOWN["refused"]]
    assert told["old"] == [[one[0], *code] for one, code in zip(KNOWN["refused"], codes, strict=True)]
