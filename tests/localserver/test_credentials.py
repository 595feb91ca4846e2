import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from clearml_flows.localserver.credentials import (
    CorruptCredentials,
    load_or_create,
    make_private_folder,
    write_config,
)
from tests.support.backend import Backend

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")


def test_credentials_are_made_once_and_differ_between_directories(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    make_private_folder(first)
    make_private_folder(second)
    made = load_or_create(first)
    assert load_or_create(first) == made
    other = load_or_create(second)
    assert not {made.access_key, made.secret_key, made.token_secret} & {
        other.access_key,
        other.secret_key,
        other.token_secret,
    }
    assert made.secret_key not in repr(made)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"access_key": "a", "secret_key": "b", "token_secret": "c"}',
        json.dumps({"access_key": "A" * 20, "secret_key": 'x"\n}' + "y" * 20, "token_secret": "z" * 20}),
        json.dumps({"access_key": "A" * 20, "secret_key": "b" * 20, "token_secret": 5}),
        json.dumps({"access_key": "A" * 20, "secret_key": "b" * 20, "token_secret": "c" * 20, "more": "d"}),
    ],
)
def test_corrupt_credentials_are_refused_by_path_and_kept(tmp_path: Path, text: str) -> None:
    path = tmp_path / "credentials.json"
    path.write_text(text)
    with pytest.raises(CorruptCredentials, match="is not a credentials file"):
        load_or_create(tmp_path)
    assert path.read_text() == text


def test_credentials_that_are_not_text(tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CorruptCredentials):
        load_or_create(tmp_path)


@posix
def test_only_the_owner_can_read_what_is_secret(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    make_private_folder(folder)
    config = write_config(folder, load_or_create(folder), "http://127.0.0.1:1", "http://127.0.0.1:2")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "credentials.json").stat().st_mode) == 0o600


@posix
def test_a_folder_shared_between_users_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    with pytest.raises(PermissionError, match="shared between users"):
        make_private_folder(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777


@pytest.mark.parametrize("package", ["clearml", "clearml_agent"])
def test_official_clients_need_nothing_but_the_config_file(backend: Backend, package: str) -> None:
    code = (
        f"from {package}.backend_api.session import Session\n"
        "session = Session()\n"
        "config = session.config\n"
        "print(session.host, Session.get_app_server_host(config), Session.get_files_server_host(config))\n"
        "print(config.get('sdk.development.report_use_subprocess'))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], env=backend.env(), capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-2:] == [f"{backend.api_url} {backend.api_url} {backend.files_url}", "False"]
