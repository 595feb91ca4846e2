"""Archives that are not what their version's record tells."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from clearml_flows.datasets.stored_files import StoredFile, check_path, extract_file
from clearml_flows.errors import FlowsError

ZEROS = b"\x00" * 5_000_000


def archive_of(folder: Path, name: str, content: bytes) -> Path:
    path = folder / "archive.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return path


def stored(path: str, content: bytes, size: int | None = None) -> StoredFile:
    known = len(content) if size is None else size
    return StoredFile(path, known, hashlib.sha256(content).hexdigest(), "d1", "data")


def extracted(archive: Path, file: StoredFile, folder: Path) -> str:
    with zipfile.ZipFile(archive) as opened:
        return extract_file(opened, file, folder)


def test_a_file_that_is_the_one_recorded_is_written(tmp_path: Path) -> None:
    archive = archive_of(tmp_path, "sub/a.bin", b"content")
    assert extracted(archive, stored("sub/a.bin", b"content"), tmp_path / "to") == ""
    assert (tmp_path / "to" / "sub" / "a.bin").read_bytes() == b"content"


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (stored("a.bin", b"other!!"), "is not the file that was stored"),
        (stored("a.bin", ZEROS, size=7), "is not the file that was stored"),
        (stored("b.bin", ZEROS), "cannot be unpacked"),
    ],
    ids=["other", "bomb", "absent"],
)
def test_nothing_is_left_of_a_file_that_is_not(tmp_path: Path, file: StoredFile, words: str) -> None:
    problem = extracted(archive_of(tmp_path, "a.bin", ZEROS), file, tmp_path / "to")
    assert words in problem
    assert not [path for path in (tmp_path / "to").rglob("*") if path.is_file()]


@pytest.mark.parametrize("path", ["../a", "a/../../b", "/a", "\\a", "C:/a", "..\\a", "", "a\x00b", "a\nb"])
def test_a_path_that_leaves_the_folder_is_refused(path: str) -> None:
    with pytest.raises(FlowsError, match="leaves its folder"):
        check_path(path, "d1")
