"""Optional packages: without them, one sentence names the extra."""

import sys

import pytest

from clearml_flows.agents import api as agents
from clearml_flows.errors import MissingExtra
from clearml_flows.notify.channels import Channel


def test_agents_name_their_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agents, "find_spec", {"clearml_agent": None}.__getitem__)
    with pytest.raises(
        MissingExtra, match=r"^clearml-agent is not installed; run pip install 'clearml-flows\[agent\]'$"
    ):
        agents.start(["default"])


def test_channels_name_their_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    monkeypatch.delitem(sys.modules, "clearml_flows.notify.services", raising=False)
    with pytest.raises(MissingExtra, match=r"^apprise is not installed; run pip install 'clearml-flows\[notify\]'$"):
        Channel("team", "json://127.0.0.1:9/x", "notify.urls").check()


def test_a_webhook_needs_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    monkeypatch.delitem(sys.modules, "clearml_flows.notify.services", raising=False)
    channel = Channel("webhook", "http://127.0.0.1:9/x", "CLEARML_WEBHOOK_URL")
    channel.check()
    assert channel.plain_webhook
