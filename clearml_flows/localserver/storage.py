"""Stored files, addressed by URL path.

A path is decoded once and split, and every segment is checked. Paths that could leave the root are refused. Uploads
are written to a staging folder on the same file system. Only complete, synced files move into the root.
"""

import contextlib
import os
import re
import secrets
import shutil
import stat
import unicodedata
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote_to_bytes

from clearml_flows.localserver.state import LEAVING

MAX_PATH_BYTES = 2048
MAX_SEGMENT_BYTES = 255
_DRIVE = re.compile(r"^[A-Za-z]:")
_WINDOWS_SPECIAL = re.compile(r'[<>:"|?*]|[ .]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.IGNORECASE)


class RefusedPath(ValueError):
    """The path does not name a file that may be stored or served. The message says why."""


def decode_url_path(raw: bytes) -> tuple[str, ...]:
    """Decode a URL path once and split it into checked segments; raises RefusedPath."""
    return split_path(unquote_to_bytes(raw))


def split_path(name: bytes) -> tuple[str, ...]:
    """Split a path into checked segments; raises RefusedPath. One leading slash is allowed."""
    if len(name) > MAX_PATH_BYTES:
        raise RefusedPath(f"the path is longer than {MAX_PATH_BYTES} bytes")
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        raise RefusedPath("the path is not valid UTF-8") from None
    segments = tuple(text.removeprefix("/").split("/"))
    for segment in segments:
        problem = _problem(segment)
        if problem:
            raise RefusedPath(f"the path has {problem}")
    return segments


def _problem(segment: str) -> str | None:
    if segment in ("", ".", ".."):
        return f"the segment '{segment}', which names no file"
    if len(segment.encode("utf-8")) > MAX_SEGMENT_BYTES:
        return f"a segment longer than {MAX_SEGMENT_BYTES} bytes"
    if "\\" in segment:
        return "a backslash"
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in segment):
        return "a control character"
    if _DRIVE.match(segment) or (os.name == "nt" and _WINDOWS_SPECIAL.search(segment)):
        return "a drive letter or a name that is a device on Windows"
    return None


class Storage:
    """Files below `root`. `staging` is on the same file system and is emptied at start."""

    def __init__(self, root: Path, staging: Path) -> None:
        self.root = root
        self.staging = staging
        root.mkdir(parents=True, exist_ok=True)
        if staging.is_symlink():
            raise RefusedPath(f"{staging} is a symbolic link; remove it")
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()

    def find(self, segments: tuple[str, ...]) -> tuple[Path, os.stat_result]:
        """Return the path and lstat of a regular file.

        Raises:
            FileNotFoundError: There is no file, or it is a folder or a symbolic link.
        """
        self._check_folders(segments)
        path = self.root.joinpath(*segments)
        try:
            found = path.lstat()
        except NotADirectoryError:
            raise FileNotFoundError(str(path)) from None
        if not stat.S_ISREG(found.st_mode):
            raise FileNotFoundError(str(path))
        return path, found

    def delete(self, segments: tuple[str, ...]) -> None:
        """Remove one regular file; raises FileNotFoundError."""
        path, _ = self.find(segments)
        self.keep(path)
        path.unlink()
        sync_folder(path.parent)

    def delete_all(self, segments: tuple[str, ...]) -> None:
        """Remove a file, or a folder with its contents.

        Raises:
            FileNotFoundError: Nothing exists at this path.
            NotADirectoryError: The path is neither a regular file nor a folder.
        """
        try:
            self.delete(segments)
            return
        except FileNotFoundError:
            self._check_folders(segments)
        folder = self.root.joinpath(*segments)
        if not stat.S_ISDIR(folder.lstat().st_mode):
            raise NotADirectoryError(str(folder))
        for place, folders, names in os.walk(folder, topdown=False):
            for name in names:
                self.keep(Path(place, name))
                Path(place, name).unlink()
            for name in folders:
                path = Path(place, name)
                path.unlink() if path.is_symlink() else path.rmdir()
        folder.rmdir()
        sync_folder(folder.parent)

    def keep(self, path: Path) -> None:
        """Link a file that will be removed or replaced into the folder of a running backup.

        Does nothing if no backup is running: the folder exists only during a backup.
        """
        place = self.root.parent / LEAVING / secrets.token_hex(8)
        try:
            place.mkdir()
            *folders, name = path.relative_to(self.root).parts
            for part in folders:
                # Not mkdir(parents=True): the backup may rename the folder at any time, which must stop this loop.
                place = place / part
                place.mkdir()
            link(path, place / name)
        except FileNotFoundError:
            return  # no backup is running, it ended just now, or the file does not exist

    def receive(self) -> "Upload":
        """Return an Upload context. Its `commit` stores all files or none."""
        return Upload(self)

    def make_folders(self, segments: tuple[str, ...]) -> None:
        """Create the parent folders of a file.

        Raises:
            RefusedPath: A parent exists and is not a folder.
        """
        folder = self.root
        for segment in segments[:-1]:
            parent, folder = folder, folder / segment
            try:
                folder.mkdir()
            except FileExistsError:
                self._check_folder(folder)
            else:
                sync_folder(parent)

    def _check_folders(self, segments: tuple[str, ...]) -> None:
        folder = self.root
        for segment in segments[:-1]:
            folder = folder / segment
            try:
                self._check_folder(folder)
            except RefusedPath:
                raise FileNotFoundError(str(folder)) from None

    @staticmethod
    def _check_folder(folder: Path) -> None:
        if not stat.S_ISDIR(folder.lstat().st_mode):
            raise RefusedPath(f"the path goes through '{folder.name}', which is not a folder")


class Upload:
    """Files that are being received. Files that are not committed are removed at exit."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._folder = storage.staging / secrets.token_hex(8)
        self._staged: list[tuple[tuple[str, ...], Path]] = []

    def __enter__(self) -> "Upload":
        self._folder.mkdir()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def open(self, segments: tuple[str, ...]) -> int:
        """Start a file and return its descriptor for writing. Pass the descriptor to `close`.

        Raises:
            RefusedPath: The upload already has a file with this path.
        """
        if any(segments == staged for staged, _ in self._staged):
            raise RefusedPath("the upload contains the same path twice")
        path = self._folder / str(len(self._staged))
        self._staged.append((segments, path))
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)

    @staticmethod
    def close(descriptor: int) -> None:
        """Sync a received file to disk and close it."""
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def commit(self) -> None:
        """Move all received files to their paths. If one fails, all are restored.

        Raises:
            RefusedPath: A path exists and is not a file, or a parent is not a folder.
            OSError: A file cannot be moved.
        """
        targets = [(path, self._prepare(segments)) for segments, path in self._staged]
        with contextlib.ExitStack() as undo:
            for staged, target in targets:
                if len(targets) > 1:
                    undo.callback(self._way_back(staged, target))
                self._storage.keep(target)
                staged.replace(target)
            undo.pop_all()
        for folder in {target.parent for _, target in targets}:
            sync_folder(folder)

    def _prepare(self, segments: tuple[str, ...]) -> Path:
        self._storage.make_folders(segments)
        target = self._storage.root.joinpath(*segments)
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISREG(target.lstat().st_mode):
                raise RefusedPath(f"'{segments[-1]}' exists and is not a file")
        return target

    @staticmethod
    def _way_back(staged: Path, target: Path) -> Callable[[], object]:
        backup = staged.with_suffix(".before")
        try:
            backup.hardlink_to(target)
        except FileNotFoundError:
            return partial(target.unlink, missing_ok=True)
        return partial(backup.replace, target)


def link(path: Path, second: Path) -> None:
    """Hard-link a file, or copy it if the disk has no links; raises FileNotFoundError."""
    try:
        second.hardlink_to(path)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(path, second)


def sync_folder(folder: Path) -> None:
    """Make the entries of a folder durable. Does nothing on Windows, which has no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
