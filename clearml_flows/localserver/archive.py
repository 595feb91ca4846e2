"""The backup file: a zip archive with a manifest, ending in a sha256 of all other bytes.

Extraction trusts only the manifest. Names are checked like those of uploads, and sizes and hashes must match.
Only regular files are written.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from clearml_flows.localserver.state import FILES, Failure
from clearml_flows.localserver.storage import RefusedPath, split_path, sync_folder

KIND, FORMAT = "localserver", 1
_MANIFEST = "manifest.json"
_MAX_MANIFEST_BYTES = 512 * 1024**2
_SEAL = b"sha256:"
_DIGEST = 64
_CHUNK = 1 << 20
_DATABASE_NAME = re.compile(r"[A-Za-z0-9_-]+\.sqlite")


@dataclass
class Manifest:
    """The contents of a backup.

    Attributes:
        made: ISO time of the backup.
        schema: The migrations applied to the store.
        counts: Number of documents by kind, and of files and bytes.
        ports: The server's ports, by name.
        members: {name: {bytes, sha256}}
    """

    made: str
    schema: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    kind: str = KIND
    format: int = FORMAT

    @property
    def bytes(self) -> int:
        """Total size of all members."""
        return sum(member["bytes"] for member in self.members.values())


class Writer:
    """Adds files to an archive and records them in the manifest."""

    def __init__(self, packed: zipfile.ZipFile, manifest: Manifest) -> None:
        self.manifest = manifest
        self._packed = packed

    def add(self, name: str, path: Path) -> None:
        """Add a file to the archive under a name."""
        info = zipfile.ZipInfo(name)
        # Uploaded files are mostly compressed already. Databases shrink to a fifth.
        info.compress_type = zipfile.ZIP_STORED if name.startswith(f"{FILES}/") else zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        digest, size = hashlib.sha256(), 0
        with path.open("rb") as source, self._packed.open(info, "w", force_zip64=True) as out:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                out.write(chunk)
        self.manifest.members[name] = {"bytes": size, "sha256": digest.hexdigest()}


@contextmanager
def writing(target: Path, made: str, force: bool = False) -> Iterator[Writer]:
    """Write an archive. It appears at `target`, complete and synced, if the block succeeds.

    Raises:
        Failure: The file exists and `force` is not set, or it cannot be written.
    """
    check_target(target, force)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "w+b") as file:
            with zipfile.ZipFile(file, "w") as packed:
                packed.comment = _SEAL + b"0" * _DIGEST
                writer = Writer(packed, Manifest(made))
                yield writer
                text = json.dumps(asdict(writer.manifest), ensure_ascii=False)
                packed.writestr(zipfile.ZipInfo(_MANIFEST), text, zipfile.ZIP_DEFLATED)
            _seal(file)
        _arrive(draft, target, force)
    except OSError as error:
        raise Failure(f"cannot write the backup {target}: {error.strerror or error}") from None
    finally:
        draft.unlink(missing_ok=True)


def check_target(target: Path, force: bool) -> None:
    """Check that an archive can be written to `target`; raises Failure."""
    if not target.parent.is_dir():
        raise Failure(f"{target.parent} is not a folder; create it first, or give another path")
    if os.path.lexists(target) and not (force and target.is_file()):
        said = "exists and is not a file" if not target.is_file() else "exists and is not replaced without --force"
        raise Failure(f"{target} {said}; give another path")


def check_space(folder: Path, needed: int) -> None:
    """Check that the disk of a folder has `needed` free bytes; raises Failure."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Failure(f"{folder} needs {needed:,} free bytes, got {free:,}; free up disk space, or give another path")


class Archive:
    """An intact archive with a checked manifest. The members are checked by `extract`."""

    def __init__(self, path: Path, packed: zipfile.ZipFile) -> None:
        self._path = path
        self._packed = packed
        self.manifest = self._read_manifest()

    def extract(self, folder: Path) -> None:
        """Write every member below an empty folder and sync it to disk.

        Raises:
            Failure: The size or sha256 of a member differs from the manifest.
        """
        for name, member in self.manifest.members.items():
            target = folder.joinpath(*name.split("/"))
            target.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
            with os.fdopen(descriptor, "wb") as out, self._packed.open(name) as source:
                digest, size = hashlib.sha256(), 0
                # Read at most one byte more than recorded, so that a huge member cannot fill the disk.
                while size <= member["bytes"] and (chunk := source.read(min(_CHUNK, member["bytes"] + 1 - size))):
                    digest.update(chunk)
                    size += len(chunk)
                    out.write(chunk)
                out.flush()
                os.fsync(descriptor)
            if (size, digest.hexdigest()) != (member["bytes"], member["sha256"]):
                raise Failure(f"{self._path} is damaged: {name} differs from the manifest; use another copy")
        for parent in {folder, *(path for path in folder.rglob("*") if path.is_dir())}:
            sync_folder(parent)

    def _read_manifest(self) -> Manifest:
        names = self._packed.namelist()
        if _MANIFEST not in names or self._packed.getinfo(_MANIFEST).file_size > _MAX_MANIFEST_BYTES:
            raise _no_backup(self._path)
        with self._packed.open(_MANIFEST) as file:
            found = json.loads(file.read(_MAX_MANIFEST_BYTES))
        if not isinstance(found, dict) or found.get("kind") != KIND:
            kind = found.get("kind") if isinstance(found, dict) else found
            raise Failure(f"{self._path} is not a backup of the embedded backend: its kind is {kind!r:.60}")
        if found.get("format") != FORMAT:
            raise Failure(
                f"{self._path} has the format {found.get('format')!r:.20} of a later release; install that release"
            )
        manifest = Manifest(**found)
        if sorted(names) != sorted([*manifest.members, _MANIFEST]):
            raise Failure(f"{self._path} contains other files than its manifest; use another copy")
        for name in manifest.members:
            _check_name(self._path, name)
        return manifest


@contextmanager
def reading(path: Path) -> Iterator[Archive]:
    """Open an archive whose checksum is correct; raises Failure for any other file."""
    try:
        with path.open("rb") as file:
            _check_seal(path, file)
            with zipfile.ZipFile(file) as packed:
                yield Archive(path, packed)
    except OSError as error:
        raise Failure(f"cannot read the backup {path}: {error.strerror or error}") from None
    except (zipfile.BadZipFile, ValueError, TypeError, KeyError, NotImplementedError, RuntimeError) as error:
        raise Failure(f"{path} is not a valid backup ({error}); use another copy") from None


def _check_name(path: Path, name: str) -> None:
    try:
        first, *rest = split_path(name.encode("utf-8"))
    except RefusedPath as error:
        raise Failure(f"{path} contains a file that cannot be restored: {error}") from None
    if name.startswith("/") or not ((first == FILES and rest) or (not rest and _DATABASE_NAME.fullmatch(first))):
        raise Failure(f"{path} contains {name!r:.100}, which is not part of a backup; use another copy")


def _no_backup(path: Path) -> Failure:
    return Failure(f"{path} is not a backup of the embedded backend, or is incomplete; use another copy")


def _seal(file: IO[bytes]) -> None:
    size = file.seek(0, os.SEEK_END) - _DIGEST
    sha256 = _sha256(file, size)
    file.seek(size)
    file.write(sha256.encode())
    file.flush()
    os.fsync(file.fileno())


def _check_seal(path: Path, file: IO[bytes]) -> None:
    size = file.seek(0, os.SEEK_END) - _DIGEST
    if size < len(_SEAL):
        raise _no_backup(path)
    file.seek(size - len(_SEAL))
    seal, told = file.read(len(_SEAL)), file.read()
    if seal != _SEAL:
        raise _no_backup(path)
    if _sha256(file, size).encode() != told:
        raise Failure(f"{path} is damaged: its sha256 does not match; use another copy")
    file.seek(0)


def _sha256(file: IO[bytes], size: int) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while size and (chunk := file.read(min(_CHUNK, size))):
        digest.update(chunk)
        size -= len(chunk)
    return digest.hexdigest()


def _arrive(draft: Path, target: Path, force: bool) -> None:
    if force:
        draft.replace(target)
    else:
        try:
            # A rename would replace a file created in the meantime. A link fails instead.
            os.link(draft, target)
        except FileExistsError:
            raise Failure(f"{target} was created in the meantime and is not replaced; give another path") from None
        except OSError:  # a disk without links
            draft.replace(target)
    sync_folder(target.parent)
