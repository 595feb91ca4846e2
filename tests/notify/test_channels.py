"""Where channels come from, and which are refused; no refusal shows the URL."""

import re
from pathlib import Path

import pytest

from clearml_flows.errors import BadInput
from clearml_flows.notify.channels import find_channels, find_routes
from clearml_flows.settings import Notify, load

SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7"
PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
TABLE = PAGE.partition("[apprise](https://github.com/caronc/apprise) can be used:")[2].partition("\n- **")[0]
VALUES = {
    "TOKEN_A/TOKEN_B/TOKEN_C": "T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7",
    "services/…": "services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7",
    "BOT_TOKEN": "123456789:AAabcdefghijklmnopqrstuvwxyz1234567",
    "CHAT_ID": "12315544",
    "WORKFLOW_ID": "643e69f83c8944",
    "SIGNATURE": "4e8d1d4d0c",
    "WEBHOOK_ID": "4174216298",
    "WEBHOOK_TOKEN": "JHMHI8qBe7bk2ZwO5U711o3dV_js",
    "TOKEN": "yobjmukpaw3r3urc5h6i369yima",
    "HOST": "chat.example.com",
}
SECRET = "s3sam0pen"


def test_environment_and_file_together(tmp_path: Path) -> None:
    file = tmp_path / "notify.urls"
    file.write_text(f"# people\nops = mailtos://me:{SECRET}@example.com?smtp=mail.example.com\n\nteam={SLACK}\n")
    file.chmod(0o600)
    environment = {
        "FLOWS_NOTIFY_PHONE": f"tgram://123456789:AAabcdefghijklmnopqrstuvwxyz1234567/{SECRET}",
        "FLOWS_NOTIFY_EMPTY": "",
        "FLOWS_NOTIFY_CHAT": "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7",
        "FLOWS_NOTIFY_TEAMS": f"workflows://prod-1.westeurope.logic.azure.com:443/643e69f83c8944/{SECRET}",
        "FLOWS_NOTIFY_OWN": f"https://me:{SECRET}@example.com:8443/{SECRET}?{SECRET}",
        "CLEARML_WEBHOOK_URL": "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7",
    }
    found = find_channels(file, environment)
    assert {name: (one.address, one.plain_webhook) for name, one in found.items()} == {
        "webhook": ("https://hooks.slack.com/…", True),
        "chat": ("slack://…", False),
        "own": ("https://example.com:8443/…", True),
        "phone": ("tgram://…", False),
        "teams": ("workflows://prod-1.westeurope.logic.azure.com/…", False),
        "ops": ("mailtos://example.com/…", False),
        "team": ("slack://…", False),
    }
    assert SECRET not in repr(found)


@pytest.mark.parametrize("form", re.findall(r"`((?:\w+)://[^`]+)`", TABLE))
def test_each_url_that_the_manual_shows_is_one(tmp_path: Path, form: str) -> None:
    for name, value in VALUES.items():
        form = form.replace(name, value)
    (found,) = find_channels(tmp_path / "none", {"FLOWS_NOTIFY_TEAM": form}).values()
    assert found.plain_webhook == form.startswith("https://chat.example.com")


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notify.urls"
    file.write_text(f"team = {SLACK}\n")
    file.chmod(0o640)
    with pytest.raises(BadInput) as refused:
        find_channels(file, {})
    assert str(refused.value) == (
        f"{file} is readable by others (mode 0640), but its URLs are secrets: run `chmod 600` on it"
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (SLACK.encode(), "line 1 of FILE is not `name = URL`"),
        (b"\nteam = ", "line 2 of FILE is not `name = URL`"),
        (
            b"https://example.com/?s3sam0pen=1",
            "line 1 of FILE names a channel: expected up to 32 of a-z, 0-9, - and _",
        ),
        (b"all = json://localhost", "line 1 of FILE names a channel 'all': expected"),
        (b"a = json://localhost\na = json://localhost", "both FILE and FILE have a channel a; rename one"),
        (b"a = json://\xff", "FILE cannot be read: it is not UTF-8"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: bytes, sentence: str) -> None:
    file = tmp_path / "notify.urls"
    file.write_bytes(text)
    file.chmod(0o600)
    with pytest.raises(BadInput) as refused:
        find_channels(file, {})
    assert sentence in str(refused.value).replace(str(file), "FILE")
    assert SECRET not in str(refused.value)
    assert "T1JJ3T3L2" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (f"slak://{SECRET}/x", "is not a URL that apprise accepts"),
        (f"slack://{SECRET}", "is not a URL that apprise accepts"),
        (f"{SECRET}", "is not a URL that apprise accepts"),
        (f"json://localhost/{SECRET}?verify=no", "has verify=no, but certificates are always verified"),
        (f"json://localhost/{SECRET}?redirect=yes", "has redirect=yes, but redirects are not followed"),
        (f"json://localhost/{SECRET}?optional=yes", "has optional=yes, which hides failures"),
        (f"mailto://me:{SECRET}@example.com", "would send its password unencrypted; use mailtos://"),
        (f"https:///{SECRET}", "is not the URL of a web server"),
        (f"https://example.com:port/{SECRET}", "is not the URL of a web server"),
        (f"https://example.com/{SECRET} x", "has a space in its URL"),
        (f"https://example.com/{SECRET}\nHost: x", "has a space in its URL"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_and_not_shown(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], url: str, sentence: str
) -> None:
    with pytest.raises(BadInput) as refused:
        find_channels(tmp_path / "none", {"FLOWS_NOTIFY_TEAM": url})
    assert str(refused.value).startswith("the channel team in FLOWS_NOTIFY_TEAM ")
    assert sentence in str(refused.value)
    assert SECRET not in str(refused.value)
    assert "".join(capfd.readouterr()) == ""


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"CLEARML_WEBHOOK_URL": SLACK}, "CLEARML_WEBHOOK_URL is not an http:// or https:// URL"),
        ({"FLOWS_NOTIFY_ALL": SLACK}, "FLOWS_NOTIFY_ALL names a channel 'all'"),
        ({"FLOWS_NOTIFY_": SLACK}, "FLOWS_NOTIFY_ names a channel"),
        (
            {"CLEARML_WEBHOOK_URL": "http://a", "FLOWS_NOTIFY_WEBHOOK": "http://b"},
            "both CLEARML_WEBHOOK_URL and FLOWS_NOTIFY_WEBHOOK have a channel webhook; rename one",
        ),
    ],
)
def test_a_mistake_in_the_environment_is_named(tmp_path: Path, environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        find_channels(tmp_path / "none", environment)


def test_routes(tmp_path: Path) -> None:
    channels = find_channels(tmp_path / "none", {"FLOWS_NOTIFY_A": "http://a", "FLOWS_NOTIFY_B": "http://b"})
    routes = find_routes(Notify(routes={"failed": ("b",), "completed": ("all",), "lost": ()}), channels)
    assert (routes["failed"], routes["completed"], routes["lost"]) == (["b"], ["a", "b"], [])
    assert (routes["stuck"], routes["missed"], routes["skipped"]) == (["a", "b"], ["a", "b"], [])
    assert find_routes(Notify(routes={"failed": ("b", "c")}), channels, strict=False)["failed"] == ["b"]
    with pytest.raises(BadInput, match="has the kind 'faild', which is unknown; did you mean 'failed'"):
        find_routes(Notify(routes={"faild": ("b",)}), channels)
    with pytest.raises(BadInput, match="sends failed to the channel 'c', which is not configured; there are a, b"):
        find_routes(Notify(routes={"failed": ("c",)}), channels)
    with pytest.raises(BadInput, match="the channel 'c', which is not configured; no channel is configured"):
        find_routes(Notify(routes={"failed": ("c",)}), {})


@pytest.mark.parametrize(
    "lines",
    [
        f'team = "{SLACK}"',
        f'routes = {{ failed = ["{SLACK}"] }}',
        f'[notify.channels]\nteam = "{SLACK}"',
        f'urls_file = "{SLACK}"',
    ],
)
def test_a_url_in_the_settings_is_refused_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str
) -> None:
    (tmp_path / "settings.toml").write_text(f"[notify]\n{lines}\n")
    monkeypatch.setenv("FLOWS_SETTINGS", str(tmp_path / "settings.toml"))
    with pytest.raises(BadInput) as refused:
        load()
    assert str(refused.value).startswith("there is a URL in [notify] of the settings, and URLs of channels are secrets")
    assert "T1JJ" not in str(refused.value)


def test_a_url_in_an_option_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWS__NOTIFY__ROUTES", f'{{"failed": ["{SLACK}"]}}')
    with pytest.raises(BadInput, match="there is a URL in") as refused:
        load()
    assert "T1JJ" not in str(refused.value)
