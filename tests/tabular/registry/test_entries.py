"""Which requests register a model, and what a registration that was broken off leaves to the next."""

from types import SimpleNamespace
from typing import Any

import pytest

from clearml_flows.tabular.registry import entries

SHA256, URL = "ab" * 32, "http://files/models/p/ab.skops"
FACTS = {"sha256": SHA256, "reason": "best of 2"}


class Registry:
    """One model at most, as ClearML Server has it: metadata come as a list, by one request only."""

    def __init__(self, **entry: Any) -> None:
        self.entry, self.sent = entry, list[str]()
        self.models = SimpleNamespace(
            get_all=self.get_all, create=self.create, edit=self.edit, add_or_update_metadata=self.add
        )

    def get_all(self, **query: Any) -> list[Any]:
        if not self.entry:
            return []
        data = {"metadata": {}, **({} if "comment" in query["only_fields"] else {"comment": ""}), **self.entry}
        return [SimpleNamespace(id="m", data=SimpleNamespace(**{"comment": None, **data}))]

    def create(self, uri: str, ready: bool, **_told: str) -> Any:
        assert not ready
        self.sent.append("create")
        self.entry = {"uri": uri}
        return SimpleNamespace(id="m")

    def edit(self, tags: list[str], comment: str, **_model: str) -> None:
        self.sent.append("edit")
        self.entry |= {"tags": tags, "comment": comment}

    def add(self, metadata: list[dict[str, str]], **_model: str) -> None:
        assert isinstance(metadata, list)
        self.sent.append("add")
        self.entry["metadata"] = {item["key"]: item for item in metadata}


@pytest.fixture(autouse=True)
def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("take_lock", "hold_lock", "free_lock"):
        monkeypatch.setattr(entries, name, lambda *_: {})


@pytest.mark.parametrize(
    ("left", "sent"),
    [
        ({}, ["create", "add", "edit"]),
        ({"uri": URL}, ["add", "edit"]),
        ({"uri": URL, "metadata": {"sha256": {"value": SHA256}}}, ["edit"]),
        ({"uri": URL, "metadata": {"sha256": {"value": SHA256}}, "comment": "", "tags": []}, []),
    ],
)
def test_a_registration_goes_on_where_one_was_broken_off(left: dict[str, Any], sent: list[str]) -> None:
    client = Registry(**left)
    assert entries.register_model(client, "churn", "p", URL, dict(FACTS), ["candidate"], "t") == "m"
    assert client.sent == sent
    assert client.entry["metadata"]["sha256"]["value"] == SHA256
    assert not sent or (client.entry["tags"], client.entry["comment"]) == (["candidate"], "best of 2")
