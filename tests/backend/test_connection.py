from collections.abc import Iterator
from pathlib import Path

import pytest

from clearml_flows.backend.connection import connect, data_dir, is_embedded
from clearml_flows.errors import FlowsError, Unreachable
from clearml_flows.localserver import launcher
from clearml_flows.settings import ClearML, Server, Settings, load

MINIMAL = '[[churn.experiments]]\nname = "forest"\nfamily = "RandomForest"\n'


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FLOWS_SETTINGS", str(tmp_path / "settings.toml"))
    (tmp_path / "settings.toml").write_text(MINIMAL, "utf-8")
    return tmp_path


@pytest.fixture
def running(home: Path) -> Iterator[launcher.Status]:
    yield launcher.up(home / ".flows")
    launcher.down(home / ".flows")


def with_tables(settings: Settings, **tables: object) -> Settings:
    return settings.model_copy(update=tables)


def test_without_any_configuration_the_embedded_backend_is_used(home: Path) -> None:
    assert is_embedded(load())


def test_a_variable_a_setting_or_a_conf_file_names_a_server(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_embedded(with_tables(load(), clearml=ClearML(api_host="http://127.0.0.1:1")))
    (home / "clearml.conf").write_text('api { api_server: "http://127.0.0.1:1" }', "utf-8")
    assert not is_embedded(load())
    (home / "clearml.conf").write_text("sdk { development { } }", "utf-8")
    assert is_embedded(load())
    monkeypatch.setenv("CLEARML_API_HOST", "http://127.0.0.1:1")
    assert not is_embedded(load())


def test_the_embedded_backends_own_conf_names_the_embedded_backend(
    home: Path, running: launcher.Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARML_CONFIG_FILE", running.config_file)
    assert is_embedded(load())


def test_connect_starts_the_embedded_backend_once(home: Path, running: launcher.Status) -> None:
    backend = connect(load())
    backend.api.close()
    assert backend.kind == "embedded"
    assert backend.web_url == running.web_url
    assert backend.environment == {"CLEARML_CONFIG_FILE": running.config_file}


def test_connect_takes_credentials_from_a_conf_file(
    home: Path, running: launcher.Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = Path(running.config_file).read_text("utf-8")
    (home / "clearml.conf").write_text(conf, "utf-8")
    backend = connect(load())
    backend.api.close()
    assert backend.kind == "server"
    assert backend.environment == {}
    assert backend.web_url == running.web_url


def test_wrong_credentials_are_refused_without_naming_them(
    home: Path, running: launcher.Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARML_API_HOST", str(running.api_url))
    monkeypatch.setenv("CLEARML_API_ACCESS_KEY", "a-wrong-key")
    monkeypatch.setenv("CLEARML_API_SECRET_KEY", "a-wrong-secret")
    with pytest.raises(Unreachable, match="does not take the configured ClearML credentials") as caught:
        connect(load())
    assert "a-wrong" not in str(caught.value)


def test_a_conf_that_cannot_be_seen_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARML_CONFIG_FILE", f"/{'x' * 300}/clearml.conf")
    with pytest.raises(FlowsError, match=r"clearml\.conf cannot be checked: File name too long"):
        is_embedded(load())


def test_a_conf_that_is_not_hocon_is_named(home: Path) -> None:
    (home / "clearml.conf").write_text("api { api_server: [", "utf-8")
    with pytest.raises(FlowsError, match=r"clearml\.conf is not a clearml\.conf"):
        is_embedded(load())


def test_the_data_directory_is_relative_to_the_settings_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert data_dir(load()) == home / ".flows"
    assert data_dir(with_tables(load(), server=Server(data_dir=str(home / "else")))) == home / "else"


def test_an_embedded_backend_that_cannot_start_says_why(home: Path) -> None:
    (home / ".flows").write_text("not a folder", "utf-8")
    with pytest.raises(FlowsError, match=r"\.flows"):
        connect(load())
