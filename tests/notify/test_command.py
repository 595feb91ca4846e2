"""`flows notify`, as one who types it sees it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from clearml_flows.cli.main import main
from clearml_flows.notify.schema import KIND
from tests.notify.conftest import NOON, Made, failed
from tests.support.webhook import Reply, receiving

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data directory."""
    shutil.copyfile(ROOT / "settings.toml", tmp_path / "settings.toml")
    monkeypatch.setenv("FLOWS_SETTINGS", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("FLOWS__SERVER__DATA_DIR", str(tmp_path))
    return tmp_path


def flows(*words: str) -> Result:
    return CliRunner().invoke(main, ["notify", *words])


def told(*words: str) -> Any:
    done = flows(*words[:1], "--json", *words[1:])
    assert (done.exit_code, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_the_channels_and_what_waits_for_them(notifier: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    assert flows().stderr == "no channel is configured; see `flows notify --help`\n"
    with receiving(Reply(404), Reply()) as receiver, receiving() as other:
        monkeypatch.setenv("CLEARML_WEBHOOK_URL", f"{receiver.url}/s3sam0pen")
        monkeypatch.setenv("FLOWS_NOTIFY_TEAM", f"json://{other.url.partition('//')[2]}/s3sam0pen")
        told_by = notifier({"routes": {"failed": ["webhook"]}}, FLOWS_NOTIFY_GONE=receiver.url)
        told_by.put(failed())
        told_by.put(failed("b", "stuck"))
        told_by.outbox.drop(["gone"], NOON)
        told_by.deliver(NOON)
        webhook, team, gone = told()
        assert "s3sam0pen" not in flows().stdout + json.dumps([webhook, team, gone])
        assert (webhook["channel"], webhook["source"]) == ("webhook", "CLEARML_WEBHOOK_URL")
        assert (webhook["sent"], webhook["given_up"]) == (1, 1)
        assert webhook["url"] == f"{receiver.url}/…"
        assert "failed" in webhook["kinds"]
        assert "completed" not in webhook["kinds"]
        assert (team["sent"], team["url"]) == (1, "json://127.0.0.1/…")
        assert (gone["url"], gone["given_up"], gone["pending"]) == (None, 1, 0)
        (again,) = told("retry", "webhook")
        assert (again["sent"], again["given_up"]) == (2, 0)
        assert told("retry")[0]["sent"] == 2
    lines = flows().stdout.splitlines()
    assert lines[0].split() == ["channel", "url", "source", "pending", "given_up", "sent", "next", "try", "error"]
    assert lines[3].split()[:4] == ["gone", "not", "configured", "here"]


def test_a_test_message_goes_to_every_channel_and_is_not_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver, receiving(Reply(403)) as other:
        monkeypatch.setenv("FLOWS_NOTIFY_A", receiver.url)
        monkeypatch.setenv("FLOWS_NOTIFY_B", other.url)
        done = flows("test")
        assert done.stdout == f"a {receiver.url}/…: sent\nb {other.url}/…: it answered 403 Forbidden\n"
        assert (done.exit_code, done.stderr) == (1, "error: the test message was not sent to b\n")
        assert told("test", "a") == [{"channel": "a", "url": f"{receiver.url}/…", "sent": True, "error": None}]
        assert [posted.json["kind"] for posted in receiver.posted] == ["test", "test"]
        assert [one["pending"] for one in told()] == [0, 0]
        assert len((folder / "logs" / "pipeline_notifications.log").read_text().splitlines()) == 3


def test_what_waits_is_dropped(notifier: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARML_WEBHOOK_URL", "http://127.0.0.1:9")
    for key in ("a", "b"):
        notifier().put(failed(key))
    assert flows("drop", "webhook").stdout == "2 messages were given up\n"
    assert told("drop") == {"dropped": 0}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["test"],
            "no channel is configured; set FLOWS_NOTIFY_NAME or CLEARML_WEBHOOK_URL, or write `name = URL` into ",
        ),
        (["retry", "mail"], "no channel is configured; set "),
        (["drop", "mail"], "there is no channel 'mail'"),
        (["tset"], "Did you mean 'test'?"),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], sentence: str) -> None:
    done = flows(*words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert sentence in done.stderr


def test_a_channel_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWS_NOTIFY_MAIL", "http://127.0.0.1:9")
    assert flows("test", "mial").stderr == "error: there is no channel 'mial'; did you mean 'mail'?\n"


def test_a_route_to_nowhere_is_told_by_the_test_and_not_in_the_way_of_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWS_NOTIFY_MAIL", "http://127.0.0.1:9")
    monkeypatch.setenv("FLOWS__NOTIFY__ROUTES", '{"failed": ["mial"]}')
    assert "sends failed to the channel 'mial', which is not configured; did you mean 'mail'?" in flows("test").stderr
    assert "failed" not in told()[0]["kinds"]


def test_a_damaged_file_is_one_sentence(folder: Path) -> None:
    (folder / KIND.file).write_bytes(b"")
    done = flows("list")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"error: {folder / KIND.file} does not hold notifications, or is damaged")
