"""Files and folders that arrive whole at the place a user named, or leave nothing there."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.errors import BadInput


@contextmanager
def arriving(target: Path, replace: bool = False) -> Iterator[Path]:
    """A path, beside the target, to make a file or folder at; it becomes the target when the block ends well.

    Args:
        target: what is to be made. An empty folder there is taken; a file only with `replace`.
        replace: whether a file there may be replaced.

    Raises:
        BadInput: something is there, the folder around it is not, or it cannot be written to.
    """
    target = target.expanduser().absolute()
    check_free(target, replace)
    try:
        draft = tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    except OSError as error:
        raise _refused(target, error) from error
    try:
        made = Path(draft, target.name)
        yield made
        _move(made, target, replace)
    finally:
        shutil.rmtree(draft)


def check_free(target: Path, replace: bool = False) -> None:
    """Raises BadInput unless something can be made at `target`."""
    if not target.parent.is_dir():
        raise BadInput(f"{target.parent} is no folder; make it first, or give another place")
    if target.is_dir() and not any(target.iterdir()):
        return
    if os.path.lexists(target) and not (replace and target.is_file()):
        what = "is a folder that is not empty" if target.is_dir() else "is there already"
        raise BadInput(f"{target} {what}, and nothing is overwritten; give another place")


def _move(made: Path, target: Path, replace: bool) -> None:
    try:
        if made.is_dir() or replace:
            made.replace(target)
        else:
            # A rename would replace what came there meanwhile; a link fails.
            os.link(made, target)
    except OSError as error:
        raise _refused(target, error) from error


def _refused(target: Path, error: OSError) -> BadInput:
    return BadInput(f"{target} cannot be written: {(error.strerror or str(error)).lower()}; give another place")
