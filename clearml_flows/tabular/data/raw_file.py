"""Raw data files as they come: a path that a user gave, an archive that a download brought. Both are distrusted.

These functions travel with a step: list those used in its `helper_functions=[…]`.
"""

from typing import Any


def local_path(source: str, file: str) -> str:
    """The path to read: the source itself unless it is a word, `file` for `auto` if anything is there; else empty."""
    import os

    if source not in ("auto", "kaggle", "synthetic"):
        return source
    return file if source == "auto" and file and os.path.lexists(file) else ""


def check_sha256(path: str, found: str, expected: str) -> None:
    """Raises ValueError if a file's sha256 is not the one expected; an empty expectation is met by any."""
    from pathlib import Path

    if expected and found != expected:
        raise ValueError(
            f"bad data: {Path(path).name} has sha256 {found}, not {expected}: it is another version or was changed; "
            "look at it, then change the setting sha256"
        )


def copy_raw(path: str, folder: str, max_bytes: int) -> str:
    """Copies a user's file into the folder, under its own name.

    Returns:
        The copy's path.

    Raises:
        ValueError: it is missing, no regular file, unreadable, empty or larger than `max_bytes`.
    """
    import shutil
    from pathlib import Path

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
    """Takes the one CSV file out of a zip; a file that is no zip is taken as the CSV itself.

    Of several CSV files the one called `file_name` is taken. Nothing but that file is written, to `folder/file_name`
    (its own name where `file_name` is empty), whatever paths the archive names.

    Returns:
        The CSV's path.

    Raises:
        ValueError: the archive is damaged, encrypted or suspicious, or there is not one such CSV in it.
    """
    import zipfile
    import zlib
    from pathlib import Path

    with Path(path).open("rb") as file:
        zipped = file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    if not zipped:
        return str(Path(path).rename(Path(folder, Path(file_name).name or "data.csv")))
    try:
        with zipfile.ZipFile(path) as archive:
            member = choose_csv(archive.infolist(), file_name, max_bytes, max_ratio, max_files)
            target = Path(folder, Path(file_name or member.filename).name)
            with archive.open(member) as source, target.open("wb") as file:
                # The sizes that an archive tells may be lies.
                for chunk in iter(lambda: source.read(1 << 16), b""):
                    file.write(chunk)
                    if file.tell() > max_bytes:
                        raise ValueError(f"bad data: the zip unpacks to more than the {max_bytes} bytes allowed")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"bad data: the zip is damaged or of a kind not supported: {error}") from error
    return str(target)


def choose_csv(members: Any, file_name: str, max_bytes: int, max_ratio: int, max_files: int) -> Any:
    """The member of a zip that is the CSV wanted; see `unpack_csv`."""
    import stat
    from pathlib import PurePosixPath

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
