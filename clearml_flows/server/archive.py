"""Backup file of the server in Docker: a tar that contains a tar for each volume.

A manifest has the sha256 of each volume, and a second member has the sha256 of the manifest.
"""

import hashlib
import json
import os
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from clearml_flows.errors import BadInput

KIND = "ClearML Server in Docker"
FORMAT = 1
CHUNK = 1 << 20
_MANIFEST, _SUM = "manifest.json", "manifest.sha256"
_BLOCK = 512


@dataclass(frozen=True)
class Part:
    """Size in bytes and sha256 of a volume's tar."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """Content of a backup. `images` are the releases that can read it. `created` is in UTC."""

    created: str
    images: dict[str, str]
    parts: dict[str, Part]


class Writer:
    """Write a backup file. If the `with` block raises, the file has no manifest."""

    def __init__(self, path: Path, created: str, images: dict[str, str]) -> None:
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._created, self._images = created, images
        self._parts: dict[str, Part] = {}

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._file:
            if error is None:
                self._end()

    def add(self, name: str, chunks: Iterable[bytes]) -> None:
        """Add a volume from a stream of chunks. The size need not be known."""
        self._parts[name] = self._member(f"{name}.tar", chunks)

    @property
    def manifest(self) -> Manifest:
        """Return the manifest of the volumes that are written so far."""
        return Manifest(self._created, self._images, self._parts)

    def _end(self) -> None:
        text = json.dumps({"kind": KIND, "format": FORMAT, **asdict(self.manifest)}, indent=1).encode()
        self._member(_MANIFEST, [text])
        self._member(_SUM, [hashlib.sha256(text).hexdigest().encode()])
        self._file.write(bytes(2 * _BLOCK))
        self._file.flush()
        os.fsync(self._file.fileno())

    def _member(self, name: str, chunks: Iterable[bytes]) -> Part:
        # A tar has the size of a member before its bytes. The header is reserved, and written when the size is known.
        header, digest, size = self._file.tell(), hashlib.sha256(), 0
        self._file.write(bytes(_BLOCK))
        for chunk in chunks:
            self._file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        self._file.write(bytes(-size % _BLOCK))
        end = self._file.tell()
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        self._file.seek(header)
        self._file.write(info.tobuf(tarfile.GNU_FORMAT))
        self._file.seek(end)
        return Part(size, digest.hexdigest())


def verify(path: Path) -> Manifest:
    """Read a whole backup and return its manifest.

    Raises BadInput if the file is no backup, is cut short or was changed.
    """
    found: dict[str, Part] = {}
    texts: dict[str, bytes] = {}
    with _opened(path) as file:
        for member in file:
            found[member.name], texts[member.name] = _digest(file, member)
    manifest = _manifest(path, texts)
    expected = {f"{name}.tar": part for name, part in manifest.parts.items()}
    for name, part in expected.items():
        if found.get(name) != part:
            raise BadInput(f"{path} is damaged: {name} is not what was saved; use another backup")
    if found.keys() - {_MANIFEST, _SUM} != expected.keys():
        raise BadInput(f"{path} is damaged: it holds what was not saved; use another backup")
    return manifest


def chunks(path: Path, name: str, part: Part) -> Iterator[bytes]:
    """Yield a volume's tar in chunks.

    Raises BadInput after the last chunk if the sha256 differs from the manifest.
    """
    digest = hashlib.sha256()
    with _opened(path) as file:
        for chunk in _pieces(file.extractfile(f"{name}.tar")):
            digest.update(chunk)
            yield chunk
    if digest.hexdigest() != part.sha256:
        raise BadInput(f"{path} changed while it was read; use another backup")


def _manifest(path: Path, texts: dict[str, bytes]) -> Manifest:
    text = texts.get(_MANIFEST, b"")
    if not text or _SUM not in texts:
        raise BadInput(f"{path} is no whole backup: it has no manifest; use another one")
    if hashlib.sha256(text).hexdigest().encode() != texts[_SUM]:
        raise BadInput(f"{path} is damaged: its manifest is not what was saved; use another backup")
    said: dict[str, Any] = json.loads(text)
    if said.get("kind") != KIND or said.get("format") != FORMAT:
        raise BadInput(
            f"{path} is a backup of {said.get('kind')}, format {said.get('format')}, and {KIND}, format {FORMAT}, is "
            "wanted; use the command and the release that it was made with"
        )
    parts = {name: Part(**part) for name, part in said["parts"].items()}
    return Manifest(said["created"], said["images"], parts)


def _digest(file: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[Part, bytes]:
    """Return size and sha256 of a member, and its content if it is at most CHUNK bytes."""
    digest, kept = hashlib.sha256(), b""
    for chunk in _pieces(file.extractfile(member)):
        digest.update(chunk)
        if member.size <= CHUNK:
            kept += chunk
    return Part(member.size, digest.hexdigest()), kept


def _pieces(stream: IO[bytes] | None) -> Iterator[bytes]:
    while stream is not None and (chunk := stream.read(CHUNK)):
        yield chunk


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path, "r:") as file:
            yield file
    except (tarfile.TarError, EOFError, KeyError) as error:
        raise BadInput(f"{path} is no whole backup ({error}); use another one") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}; give the path of a backup") from None
