"""A user's path and Kaggle's archive."""

import io
import shutil
import stat
import zipfile
from pathlib import Path

import pytest

from clearml_flows.tabular.data.raw_file import check_sha256, copy_raw, local_path, unpack_csv


def packed(folder: Path, files: dict[str, bytes]) -> str:
    path = folder / "kaggle.download"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return str(path)


def test_local_path(tmp_path: Path) -> None:
    there = tmp_path / "a.csv"
    dangling = tmp_path / "dangling.csv"
    dangling.symlink_to(tmp_path / "gone.csv")
    there.touch()
    assert local_path("auto", str(there)) == str(there)
    assert local_path("auto", str(dangling)) == str(dangling)
    assert local_path("auto", str(tmp_path / "b.csv")) == ""
    assert local_path("kaggle", str(there)) == ""
    assert local_path("my.csv", str(there)) == "my.csv"


def test_copy_raw_keeps_name_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "a.csv").write_bytes(b"a,b\r\n")
    copy = Path(copy_raw(str(tmp_path / "a.csv"), str(tmp_path / "in"), 5))
    assert (copy.name, copy.read_bytes()) == ("a.csv", b"a,b\r\n")


def test_copy_raw_refuses(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"a,b\r\n")
    (tmp_path / "dangling.csv").symlink_to(tmp_path / "gone.csv")
    for path, said in [
        (tmp_path / "a.csv", "more than the 4 allowed"),
        (tmp_path / "gone.csv", "there is no file"),
        (tmp_path / "dangling.csv", "link to a file that is not there"),
        (tmp_path, "is a folder or a device"),
        (Path("/dev/null"), "is a folder or a device"),
    ]:
        with pytest.raises(ValueError, match=f"^bad data: .*{said}"):
            copy_raw(str(path), str(tmp_path / "in"), 4)


def test_copy_raw_tells_that_permission_is_denied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def copyfile(*_: object) -> None:
        raise PermissionError(13, "Permission denied")  # root, who may run the tests, may read everything

    monkeypatch.setattr(shutil, "copyfile", copyfile)
    (tmp_path / "a.csv").touch()
    with pytest.raises(ValueError, match=r"^bad data: .*a\.csv cannot be read: Permission denied"):
        copy_raw(str(tmp_path / "a.csv"), str(tmp_path), 4)


def test_check_sha256() -> None:
    check_sha256("a.csv", "ab", "")
    check_sha256("a.csv", "ab", "ab")
    with pytest.raises(ValueError, match=r"^bad data: a\.csv has sha256 ab, not cd"):
        check_sha256("/x/a.csv", "ab", "cd")


def test_a_file_that_is_no_zip_is_the_csv(tmp_path: Path) -> None:
    (tmp_path / "kaggle.download").write_bytes(b"a,b\n")
    path = Path(unpack_csv(str(tmp_path / "kaggle.download"), "telco.csv", str(tmp_path), 100))
    assert (path, path.read_bytes()) == (tmp_path / "telco.csv", b"a,b\n")


@pytest.mark.parametrize("name", ["telco.csv", "deep/er/telco.csv", "only.CSV"])
def test_the_csv_comes_out_under_the_name_asked_for(tmp_path: Path, name: str) -> None:
    archive = packed(tmp_path, {name: b"a,b\n", "readme.txt": b""})
    path = Path(unpack_csv(archive, "telco.csv", str(tmp_path), 100))
    assert (path, path.read_bytes()) == (tmp_path / "telco.csv", b"a,b\n")


def test_of_several_the_one_asked_for(tmp_path: Path) -> None:
    archive = packed(tmp_path, {"other.csv": b"x", "in/telco.csv": b"a,b\n"})
    assert Path(unpack_csv(archive, "telco.csv", str(tmp_path), 100)).read_bytes() == b"a,b\n"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"../telco.csv": b"a"}, "leaves its folder"),
        ({"telco.csv": b"a", "/etc/x": b""}, "leaves its folder"),
        ({"..\\telco.csv": b"a"}, "leaves its folder"),
        ({"C:\\telco.csv": b"a"}, "leaves its folder"),
        ({"a.csv": b"a", "b.csv": b"b"}, "one CSV file was expected"),
        ({"readme.txt": b""}, "one CSV file was expected"),
        ({}, "one CSV file was expected"),
        ({f"{i}.csv": b"" for i in range(51)}, "51 files"),
        ({"telco.csv": b"0" * 101}, "would unpack"),
        ({"telco.csv": b""}, "would unpack"),
    ],
    ids=["up", "absolute", "backslash", "drive", "two", "none", "empty", "many", "large", "ratio"],
)
def test_suspicious_archives_are_refused(tmp_path: Path, files: dict[str, bytes], said: str) -> None:
    ratio = 200
    if files == {"telco.csv": b""}:
        files, ratio = {"telco.csv": b"0" * 90}, 2
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(ValueError, match=f"^bad data: .*{said}"):
        unpack_csv(packed(tmp_path, files), "telco.csv", str(folder), 100, ratio)
    assert list(folder.iterdir()) == []


def test_a_link_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "kaggle.download", "w") as archive:
        link = zipfile.ZipInfo("telco.csv")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ValueError, match="holds a link"):
        unpack_csv(str(tmp_path / "kaggle.download"), "telco.csv", str(tmp_path), 100)


def test_an_archive_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("telco.csv", b"0" * 5000)
    told, claimed = (5000).to_bytes(4, "little"), (50).to_bytes(4, "little")
    (tmp_path / "kaggle.download").write_bytes(made.getvalue().replace(told, claimed))
    with pytest.raises(ValueError, match=r"^bad data: "):
        unpack_csv(str(tmp_path / "kaggle.download"), "telco.csv", str(tmp_path), 100)


@pytest.mark.parametrize("keep", [6, 60, -30])
def test_a_zip_cut_short_is_refused(tmp_path: Path, keep: int) -> None:
    archive = Path(packed(tmp_path, {"telco.csv": b"a,b\n1,2\n"}))
    archive.write_bytes(archive.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"^bad data: the zip is damaged"):
        unpack_csv(str(archive), "telco.csv", str(tmp_path), 100)
