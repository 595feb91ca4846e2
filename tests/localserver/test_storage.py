import os
import stat
import string
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearml_flows.localserver.storage import RefusedPath, Storage, decode_url_path, split_path

HOSTILE = [
    b"",
    b"/",
    b"//etc/passwd",
    b"a//b",
    b"a/",
    b".",
    b"..",
    b"/../etc/passwd",
    b"a/../../etc/passwd",
    b"a/./b",
    b"%2e%2e/etc/passwd",
    b"..%2fetc%2fpasswd",
    b"%2E%2E%2F%2E%2E%2Fetc",
    b"%2fetc%2fpasswd/..",
    b"%2F%2Fetc",
    b"..\\windows",
    b"a%5c..%5cb",
    b"C:/windows",
    b"c%3a/windows",
    b"C:",
    b"a/C:b",
    b"a%00.txt",
    b"a\x00",
    b"a%0d%0ab",
    b"a\x1b[2J",
    b"a%7f",
    b"%c0%ae%c0%ae/etc",
    b"%e0%80%ae",
    b"%ff",
    b"\xff",
    b"%ed%a0%80",
    b"a%e2%80%a8b",
    b"x" * 300,
    b"%61" * 256,
    b"x/" * 2000 + b"x",
]


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "files", tmp_path / "incoming")


def store(storage: Storage, contents: dict[str, bytes]) -> None:
    with storage.receive() as upload:
        for name, content in contents.items():
            descriptor = upload.open(split_path(name.encode()))
            os.write(descriptor, content)
            upload.close(descriptor)
        upload.commit()


def read(storage: Storage, name: str) -> bytes:
    return storage.find(split_path(name.encode()))[0].read_bytes()


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("raw", HOSTILE)
def test_hostile_paths_are_refused(raw: bytes) -> None:
    with pytest.raises(RefusedPath):
        decode_url_path(raw)


def test_paths_are_decoded_once() -> None:
    assert decode_url_path(b"/a%20b/%252e%252e/c%25") == ("a b", "%2e%2e", "c%")


@given(st.binary(max_size=80) | st.text(alphabet="./\\%2eEfF5cC:0\x00a ", max_size=40).map(str.encode))
def test_no_path_leaves_the_root(raw: bytes) -> None:
    root = Path("/root/of/files")
    try:
        segments = decode_url_path(raw)
    except RefusedPath:
        return
    path = Path(os.path.normpath(root.joinpath(*segments)))
    assert path != root
    assert path.is_relative_to(root)
    assert path == root.joinpath(*segments)


names = st.text(alphabet=string.ascii_letters + " äß字%#?&='\"()[]{}~^;,+@!$-_", min_size=1, max_size=20)


@given(st.lists(names.filter(lambda name: name not in (".", "..")), min_size=1, max_size=5))
def test_any_ordinary_name_comes_back_from_its_url(segments: list[str]) -> None:
    assert decode_url_path(quote("/" + "/".join(segments)).encode()) == tuple(segments)


def test_stored_files_are_read_back_and_overwritten(storage: Storage) -> None:
    store(storage, {"a/b/c.txt": b"one", "d": b""})
    store(storage, {"a/b/c.txt": b"two"})
    assert read(storage, "a/b/c.txt") == b"two"
    assert read(storage, "/d") == b""
    assert tree(storage.staging) == []


def test_upload_that_fails_leaves_nothing(storage: Storage) -> None:
    store(storage, {"a": b"old"})
    with storage.receive() as upload:
        upload.close(upload.open(("a",)))
    with pytest.raises(RefusedPath):
        store(storage, {"a": b"new", "../b": b"new"})
    assert tree(storage.root) == ["a"]
    assert tree(storage.staging) == []
    assert read(storage, "a") == b"old"


def test_commit_that_fails_in_the_middle_puts_everything_back(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(storage, {"a": b"old"})
    replace = Path.replace

    def fail_on_third(self: Path, target: Path) -> Path:
        if target.name == "c":
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail_on_third)
    with pytest.raises(OSError, match="No space"):
        store(storage, {"a": b"new", "b": b"new", "c": b"new"})
    assert tree(storage.root) == ["a"]
    assert read(storage, "a") == b"old"


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot sync a folder")
def test_content_is_on_disk_before_its_name_and_the_name_before_the_answer(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    replace, fsync = Path.replace, os.fsync

    def recorded_fsync(descriptor: int) -> None:
        fsync(descriptor)
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")

    def recorded_replace(self: Path, target: Path) -> Path:
        done.append("name")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(Path, "replace", recorded_replace)
    store(storage, {"a": b"x"})
    assert done == ["file", "name", "folder"]
    store(storage, {"b/c": b"x"})
    assert done[3:] == ["file", "folder", "name", "folder"]


@pytest.mark.parametrize(("first", "second"), [("a/b", "a"), ("a", "a/b")])
def test_files_and_folders_do_not_replace_each_other(storage: Storage, first: str, second: str) -> None:
    store(storage, {first: b"x"})
    with pytest.raises(RefusedPath):
        store(storage, {second: b"x"})
    assert read(storage, first) == b"x"


def test_an_upload_names_a_path_once(storage: Storage) -> None:
    with pytest.raises(RefusedPath):
        store(storage, {"x": b"1", "/x": b"2"})


@pytest.mark.skipif(os.name == "nt", reason="Windows lets only administrators make symbolic links")
def test_links_and_devices_are_never_followed(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "folder").mkdir()
    (storage.root / "link").symlink_to(tmp_path / "secret")
    (storage.root / "folder").symlink_to(tmp_path / "folder")
    os.mkfifo(storage.root / "pipe")
    for name in ("link", "pipe", "folder", "folder/x"):
        with pytest.raises(FileNotFoundError):
            storage.find(tuple(name.split("/")))
        with pytest.raises(FileNotFoundError):
            storage.delete(tuple(name.split("/")))
        with pytest.raises(RefusedPath):
            store(storage, {name: b"x"})
    assert (tmp_path / "secret").read_text() == "secret"
    assert tree(tmp_path / "folder") == []


def test_delete_removes_one_file_and_no_folder(storage: Storage) -> None:
    store(storage, {"a/b": b"1", "a/c": b"2"})
    storage.delete(("a", "b"))
    assert tree(storage.root) == ["a", "a/c"]
    for name in ("a", "a/b", "nothing", "a/c/d"):
        with pytest.raises(FileNotFoundError):
            storage.delete(tuple(name.split("/")))


def test_what_a_killed_server_was_receiving_is_removed_at_start(tmp_path: Path) -> None:
    before = Storage(tmp_path / "files", tmp_path / "incoming")
    upload = before.receive().__enter__()
    os.close(upload.open(("a",)))
    Storage(tmp_path / "files", tmp_path / "incoming")
    assert tree(tmp_path) == ["files", "incoming"]
