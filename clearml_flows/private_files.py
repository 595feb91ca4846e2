"""Read files with secrets, and replace them by files that only their owner can read."""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from clearml_flows.errors import FlowsError

_LIMIT_BYTES = 1_000_000


def read_text(path: Path) -> str:
    """Return the file's text with its line ends. Empty if there is no file.

    Raises FlowsError with the path if the file cannot be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            what = "a folder" if path.is_dir() else "a device or a pipe"
            raise FlowsError(f"{path} is {what}, and no file; move it away, or name another one")
        with path.open("rb") as file:
            data = file.read(_LIMIT_BYTES + 1)
    except FileNotFoundError:
        return ""
    except OSError as wrong:
        raise FlowsError(f"{path} cannot be read: {wrong.strerror or wrong}") from None
    if len(data) > _LIMIT_BYTES:
        raise FlowsError(f"{path} has more than {_LIMIT_BYTES:,} bytes, which is no such file")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise FlowsError(f"{path} is not UTF-8 text") from None


def replace_private(path: Path, old: str, new: str) -> Path | None:
    """Replace the file's text atomically, with mode 0600. A symbolic link keeps pointing to it.

    Returns:
        The backup of the earlier file (its name and `.bak`), or None if there was none or the text is equal.

    Raises:
        FlowsError: the file cannot be written. Nothing was changed.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise FlowsError(f"{target} is no file; nothing was changed")
    backup = _free(target) if old and new != old else None
    try:
        if new == old:
            make_private(target)
            return None
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if backup:
            _write(backup, old, target)
        _write(target, new, target)
    except BaseException as wrong:
        if backup:
            backup.unlink(missing_ok=True)
        if isinstance(wrong, OSError):
            raise FlowsError(f"{target} cannot be written: {wrong.strerror or wrong}; nothing was changed") from None
        raise
    return backup


def make_private(path: Path) -> bool:
    """Remove the access of others to the file. Return whether others had access. Raises OSError."""
    if os.name != "posix" or not path.stat().st_mode & 0o077:
        return False
    path.chmod(0o600)
    return True


def _free(target: Path) -> Path:
    """Return an unused name for a backup. Earlier backups may be the user's own and stay."""
    names = (f"{target.name}.bak{number or ''}" for number in range(1000))
    return next(path for name in names if not os.path.lexists(path := target.with_name(name)))


def _write(path: Path, text: str, like: Path) -> None:
    staged = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(descriptor)
        _give_to_owner_of(like, staged)
        staged.replace(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise


def _give_to_owner_of(like: Path, path: Path) -> None:
    """Keep the file's owner under sudo."""
    with suppress(FileNotFoundError, AttributeError):
        known = like.stat()
        if known.st_uid != path.stat().st_uid:
            os.chown(path, known.st_uid, known.st_gid)
