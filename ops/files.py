"""Files and folders that commands write: whole or not there."""

import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from flows.errors import BadInput, FlowsError


@contextmanager
def whole_file(target: Path | None) -> Iterator[TextIO]:
    """A file to write that becomes `target` when the block ends well; when it does not, nothing is changed.

    Standard output, and what is no regular file, such as a device or a pipe, gets all of it at the end.
    """
    if target is None or (target.exists() and not target.is_file()):
        yield from _at_the_end(target)
    else:
        yield from _in_place_of(target.resolve())


def save_text(target: Path | None, text: str) -> None:
    """Writes the text to a file, whole or not at all, or to standard output (None).

    Raises FlowsError, in a sentence that says why, if it cannot be written.
    """
    try:
        with whole_file(target) as file:
            file.write(text)
    except OSError as error:
        raise FlowsError(f"{target or 'standard output'} cannot be written: {error.strerror or error}") from error


def check_target(target: Path) -> None:
    """Raises BadInput if this cannot be the path of a file to write."""
    if target.is_dir() or not target.absolute().parent.is_dir():
        what = "is a folder" if target.is_dir() else "is in a folder that is not there"
        raise BadInput(f"{target} {what}; give the path of a file to write, or - for standard output")


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


def _at_the_end(target: Path | None) -> Iterator[TextIO]:
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as draft:
        yield draft
        draft.seek(0)
        if target is None:
            shutil.copyfileobj(draft, sys.stdout)
        else:
            with target.open("w", encoding="utf-8", newline="") as final:
                shutil.copyfileobj(draft, final)


def _in_place_of(target: Path) -> Iterator[TextIO]:
    path = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        with path.open("x", encoding="utf-8", newline="") as draft:
            yield draft
        path.replace(target)
    finally:
        path.unlink(missing_ok=True)


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
