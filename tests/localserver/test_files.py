import base64
import contextlib
import errno
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from starlette.testclient import TestClient

from clearml_flows.localserver.accounts import Accounts
from clearml_flows.localserver.files import files_app
from clearml_flows.localserver.storage import Storage
from clearml_flows.localserver.store.database import open_store
from clearml_flows.localserver.tokens import Tokens
from tests.support.backend import Backend

LIMIT = 200_000


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "files", tmp_path / "incoming")


@pytest.fixture
def tokens() -> Tokens:
    return Tokens("s" * 64)


@pytest.fixture
def accounts(tmp_path: Path, tokens: Tokens) -> Iterator[Accounts]:
    with contextlib.closing(open_store(tmp_path / "store.db")) as store:
        yield Accounts(store, tokens, "key", "secret")


@pytest.fixture
def client(storage: Storage, tokens: Tokens, accounts: Accounts) -> Iterator[TestClient]:
    headers = {"authorization": f"Bearer {tokens.issue('me')}"}
    with TestClient(files_app(storage, accounts, LIMIT), headers=headers) as client:
        yield client


def form(*parts: tuple[str, bytes]) -> dict[str, object]:
    """A multipart body as the SDK makes it: the path is the field's name and the file's."""
    body = b"".join(
        b'--xx\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n'
        b"Content-Type: text/plain\r\n\r\n%s\r\n" % (path.encode(), path.encode(), content)
        for path, content in parts
    )
    return {"content": body + b"--xx--\r\n", "headers": {"content-type": "multipart/form-data; boundary=xx"}}


def files(storage: Storage) -> dict[str, bytes]:
    return {
        str(path.relative_to(storage.root)): path.read_bytes() for path in storage.root.rglob("*") if path.is_file()
    }


def test_stored_file_is_served_in_whole_in_part_and_deleted(client: TestClient) -> None:
    content = bytes(range(256)) * 300
    assert client.post("/", **form(("/p r/ä.bin", content))).status_code == 200  # type: ignore[arg-type]  # one body
    assert client.get("/p%20r/%C3%A4.bin").content == content
    part = client.get("/p%20r/%C3%A4.bin", headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, content[10:20])
    head = client.head("/p%20r/%C3%A4.bin")
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(content)), b"")
    assert client.delete("/p%20r/%C3%A4.bin").status_code == 200
    assert client.get("/p%20r/%C3%A4.bin").status_code == 404
    assert client.delete("/p%20r/%C3%A4.bin").status_code == 404


def test_mixed_upload_is_all_or_nothing(client: TestClient, storage: Storage) -> None:
    good = client.post("/", **form(("a", b"1"), ("b/c", b"2")))  # type: ignore[arg-type]  # one body
    assert good.status_code == 200
    bad = client.post("/", **form(("a", b"9"), ("new", b"9"), ("../out", b"9")))  # type: ignore[arg-type]  # one body
    assert bad.status_code == 400
    assert files(storage) == {"a": b"1", "b/c": b"2"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        b"--xx\r\n",
        b'--xx\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\ncut sho',
        b'--xx\r\nContent-Disposition: form-data; name="a"\r\n\r\nno file name\r\n--xx--\r\n',
        b'--xx\r\nContent-Disposition: form-data; name=""; filename=""\r\n\r\nx\r\n--xx--\r\n',
        b"--xx\r\nX: " + b"y" * 100_000 + b"\r\n\r\nx\r\n--xx--\r\n",
        b'--xx\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\nx\r\n' * 3 + b"--xx--\r\n",
    ],
)
def test_broken_forms_store_nothing(client: TestClient, storage: Storage, body: bytes) -> None:
    answer = client.post("/", content=body, headers={"content-type": "multipart/form-data; boundary=xx"})
    assert answer.status_code == 400
    assert answer.text.strip()
    assert files(storage) == {}
    assert list(storage.staging.iterdir()) == []


def test_body_that_is_no_form(client: TestClient) -> None:
    assert client.post("/", json={}).status_code == 415
    assert client.post("/x", content=b"y").status_code == 405


def test_upload_without_a_length_stops_at_the_limit(client: TestClient, storage: Storage) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'--xx\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n'
        for _ in range(100):
            yield b"z" * 10_000

    answer = client.post("/", content=chunks(), headers={"content-type": "multipart/form-data; boundary=xx"})
    assert answer.status_code == 413
    assert files(storage) == {}
    assert list(storage.staging.iterdir()) == []


def test_full_disk_is_an_answer_and_stores_nothing(
    client: TestClient, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("clearml_flows.localserver.files.os.write", full)
    answer = client.post("/", **form(("a", b"1")))  # type: ignore[arg-type]  # one body
    monkeypatch.undo()
    assert answer.status_code == 500
    assert "No space left on device" in answer.text
    assert files(storage) == {}
    assert list(storage.staging.iterdir()) == []
    assert client.post("/", **form(("a", b"1"))).status_code == 200  # type: ignore[arg-type]  # one body


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "POST"])
def test_everything_needs_a_valid_token(storage: Storage, tokens: Tokens, accounts: Accounts, method: str) -> None:
    (storage.root / "a").write_text("secret")
    payload = jwt.decode(tokens.issue("me"), options={"verify_signature": False})
    refused = [
        "",
        "Bearer",
        "Bearer x",
        f"Bearer {Tokens('t' * 64).issue('me')}",
        f"Bearer {jwt.encode(payload, '', algorithm='none')}",
        f"Bearer {jwt.encode({**payload, 'exp': int(time.time()) - 10}, 's' * 64, algorithm='HS256')}",
        "Basic !!!",
        "Basic " + base64.b64encode(b"key:wrong").decode(),
        "Basic " + base64.b64encode("kéy:\udcff".encode("utf-8", "surrogateescape")).decode(),
    ]
    client = TestClient(files_app(storage, accounts, LIMIT))
    for header in refused:
        answer = client.request(method, "/" if method == "POST" else "/a", headers={"authorization": header})
        assert answer.status_code == 401, header
    assert client.get(f"/a?token={tokens.issue('me')}").status_code == 401
    assert client.get("/a", auth=("key", "secret")).text == "secret"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.png", "image/png"), ("a.JPG", "image/jpeg"), ("a.txt", "text/plain; charset=utf-8")],
)
def test_images_and_text_are_shown(client: TestClient, storage: Storage, name: str, kind: str) -> None:
    (storage.root / name).write_bytes(b"<script>alert(1)</script>")
    answer = client.get(f"/{name}")
    assert answer.headers["content-type"] == kind
    assert answer.headers["content-disposition"].startswith("inline")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("name", ["a.html", "a.svg", "a.xml", "a.js", "a.pdf", "a", "a.png.html", "a.csv"])
def test_everything_else_is_a_download(client: TestClient, storage: Storage, name: str) -> None:
    (storage.root / name).write_bytes(b"<script>alert(1)</script>")
    answer = client.get(f"/{name}")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_folders_are_not_listed(client: TestClient, storage: Storage) -> None:
    (storage.root / "a").mkdir()
    (storage.root / "a" / "b").write_text("x")
    assert client.get("/").text == "OK"
    for path in ("/a", "/a/"):
        assert client.get(path).status_code == 404
    for path in ("/", "/a", "/a/"):
        assert client.delete(path).status_code in (404, 405)
    assert files(storage) == {"a/b": b"x"}


def delete_many(client: TestClient, *names: object) -> Any:
    return client.post("/delete_many", json={"files": names}).json()


def test_many_files_and_folders_are_deleted(client: TestClient, storage: Storage) -> None:
    for name in ("a/b/c", "a/b/d.txt", "a b", "e", "f"):
        (storage.root / name).parent.mkdir(parents=True, exist_ok=True)
        (storage.root / name).write_text("x")
    outside = storage.root.parent / "outside"
    outside.write_text("x")
    (storage.root / "a" / "b" / "link").symlink_to(outside)
    answer = delete_many(client, "a/b", "a%20b", "/e/", "nope", "../outside", "", "/", "a%2F..%2F..%2Foutside")
    assert answer == {
        "deleted": {"a/b": "a/b", "a%20b": "a b", "/e/": "/e/"},
        "errors": {
            "Not found": ["nope", "../outside", "a%2F..%2F..%2Foutside"],
            "Empty path not allowed": ["", "/"],
        },
    }
    assert files(storage) == {"f": b"x"}
    assert outside.read_text() == "x"


def test_what_is_neither_file_nor_folder_is_not_deleted(client: TestClient, storage: Storage) -> None:
    (storage.root / "link").symlink_to("/nowhere")
    assert delete_many(client, "link", "link/x") == {
        "deleted": {},
        "errors": {"Not a file or folder": ["link"], "Not found": ["link/x"]},
    }
    assert (storage.root / "link").is_symlink()


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"x", b'{"files": []}', b'{"files": "a"}', b'{"files": [1]}'])
def test_a_deletion_names_its_files(client: TestClient, storage: Storage, body: bytes) -> None:
    (storage.root / "a").write_text("x")
    assert client.post("/delete_many", content=body).status_code == 400
    assert files(storage) == {"a": b"x"}


def test_a_download_is_never_shown(client: TestClient, storage: Storage) -> None:
    (storage.root / "a.png").write_bytes(b"x")
    shown = client.get("/a.png").headers["content-disposition"]
    assert (shown, client.head("/a.png").headers["content-disposition"]) == ('inline; filename="a.png"',) * 2
    assert client.get("/a.png?download=1").headers["content-disposition"] == 'attachment; filename="a.png"'


def test_a_further_key_pair_is_accepted_until_it_is_revoked(
    storage: Storage, accounts: Accounts, tmp_path: Path
) -> None:
    (storage.root / "a").write_text("x")
    with contextlib.closing(open_store(tmp_path / "store.db")) as store:
        with store.write() as db:
            pair = accounts.create(db, None)
        client = TestClient(files_app(storage, accounts, LIMIT))
        assert client.get("/a", auth=pair).text == "x"
        with store.write() as db:
            db.keys.delete(pair[0])
    assert client.get("/a", auth=pair).status_code == 401


SDK = """
import hashlib, json, sys
from pathlib import Path
from clearml import StorageManager
from clearml.storage.helper import StorageHelper
base, folder = sys.argv[1], Path(sys.argv[2])
found = {}
names = ["plain.bin", "with blank.txt", "ünï字.csv", "per%20cent.txt", "quo'te(1)[2].js", "a+b&c=d.txt", 'dou"ble.txt']
for name in names:
    local = folder / "up"
    local.write_bytes(name.encode() * 50_000)
    url = StorageManager.upload_file(str(local), f"{base}/My project/run.0123/artifacts/{name}")
    fetched = StorageManager.get_local_copy(url, force_download=True)
    same = fetched is not None and Path(fetched).read_bytes() == local.read_bytes()
    helper = StorageHelper.get(url)
    exists = StorageManager.exists_file(url)
    deleted = helper.delete(url)
    found[name] = [same, exists, deleted, StorageManager.exists_file(url)]
print(json.dumps(found))
"""


def test_official_sdk_stores_and_fetches_under_any_name(backend: Backend, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", SDK, backend.files_url, str(tmp_path)],
        env=backend.env(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout.splitlines()[-1])
    assert {name: [True, True, True, False] for name in found} == found
    assert len(found) == 7
