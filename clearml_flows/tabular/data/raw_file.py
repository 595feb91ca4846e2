"""Read raw data files: a user's path or a downloaded archive. Neither is trusted."""

import os
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any


def local_path(source: str, file: str) -> str:
    """Return the path to read, or an empty text if the source is no local file.

    A source other than `auto`, `kaggle` or `synthetic` is a path itself. `auto` means `file` if it exists.
    """
    if source not in ("auto", "kaggle", "synthetic"):
        return source
    return file if source == "auto" and file and os.path.lexists(file) else ""


def check_sha256(path: str, found: str, expected: str) -> None:
    """Raise ValueError if a file's sha256 is not `expected`; empty: accept any file."""
    if expected and found != expected:
        raise ValueError(
            f"bad data: {Path(path).name} has sha256 {found}, not {expected}: it is another version or was changed; "
            "inspect it, then change the setting sha256"
        )


def copy_raw(path: str, folder: str, max_bytes: int) -> str:
    """Copy a user's file into the folder, under its own name.

    Returns:
        The copy's path.

    Raises:
        ValueError: the file is missing, not regular, unreadable or larger than `max_bytes`.
    """
    source = Path(path).expanduser()
    if source.is_symlink() and not source.exists():
        raise ValueError(f"bad data: {path} is a link to a file that is not there")
    if not source.exists():
        raise ValueError(f"bad data: there is no file {path} on this machine: check the path")
    if not source.is_file():
        raise ValueError(f"bad data: {path} is a folder or a device: give the path of a CSV file")
    size = source.stat().st_size
    if size > max_bytes:
        raise ValueError(f"bad data: {path} has {size} bytes, more than the {max_bytes} allowed: raise the limit")
    target = Path(folder, source.name)
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise ValueError(f"bad data: {path} cannot be read: {error.strerror}") from error
    return str(target)


def unpack_csv(
    path: str, file_name: str, folder: str, max_bytes: int, max_ratio: int = 200, max_files: int = 50
) -> str:
    """Extract the one CSV file of a zip; a file that is not a zip is taken as the CSV itself.

    If the zip has several CSV files, the one called `file_name` is extracted. Nothing else is written.
    The target is `folder/file_name`, or the file's own name if `file_name` is empty. Paths in the zip are ignored.

    Returns:
        The CSV's path.

    Raises:
        ValueError: the archive is damaged, encrypted or suspicious, or has no such CSV or several.
    """
    with Path(path).open("rb") as file:
        zipped = file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    if not zipped:
        return str(Path(path).rename(Path(folder, Path(file_name).name or "data.csv")))
    try:
        with zipfile.ZipFile(path) as archive:
            member = choose_csv(archive.infolist(), file_name, max_bytes, max_ratio, max_files)
            target = Path(folder, Path(file_name or member.filename).name)
            with archive.open(member) as source, target.open("wb") as file:
                # The sizes recorded in an archive cannot be trusted.
                for chunk in iter(lambda: source.read(1 << 16), b""):
                    file.write(chunk)
                    if file.tell() > max_bytes:
                        raise ValueError(f"bad data: the zip unpacks to more than the {max_bytes} bytes allowed")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"bad data: the zip is damaged or of a kind not supported: {error}") from error
    return str(target)


def choose_csv(members: Any, file_name: str, max_bytes: int, max_ratio: int, max_files: int) -> Any:
    """Return the zip member that holds the CSV; see `unpack_csv`."""
    if len(members) > max_files:
        raise ValueError(f"bad data: the zip holds {len(members)} files, more than the {max_files} allowed")
    for member in members:
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        if ".." in parts or member.filename.startswith(("/", "\\")) or ":" in member.filename:
            raise ValueError(f"bad data: the zip holds a file that leaves its folder: {member.filename!r:.100}")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise ValueError(f"bad data: the zip holds a link: {member.filename!r:.100}")
    tables = [member for member in members if member.filename.lower().endswith(".csv")]
    if len(tables) > 1:
        tables = [member for member in tables if PurePosixPath(member.filename).name == file_name]
    if len(tables) != 1:
        raise ValueError(
            f"bad data: one CSV file was expected in the zip, found {[m.filename for m in members]!r:.300}"
        )
    member = tables[0]
    if member.file_size > max_bytes or member.file_size > max(member.compress_size, 1) * max_ratio:
        raise ValueError(
            f"bad data: the zip would unpack {member.compress_size} bytes to {member.file_size}, "
            f"more than {max_bytes} bytes or {max_ratio} times as many"
        )
    return member
