"""Write files and folders completely or not at all."""

import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from clearml_flows.errors import BadInput, FlowsError


@contextmanager
def whole_file(target: Path | None) -> Iterator[TextIO]:
    """Yield a file to write that replaces `target` when the block ends without an error.

    Stdout (None), devices and pipes get the text at the end of the block.
    """
    if target is None or (target.exists() and not target.is_file()):
        yield from _at_the_end(target)
    else:
        yield from _in_place_of(target.resolve())


def save_text(target: Path | None, text: str) -> None:
    """Write the text to a file, completely or not at all, or to stdout (None).

    Raises FlowsError if the file cannot be written.
    """
    try:
        with whole_file(target) as file:
            file.write(text)
    except OSError as error:
        raise FlowsError(f"{target or 'standard output'} cannot be written: {error.strerror or error}") from error


def check_target(target: Path) -> None:
    """Raise BadInput if `target` cannot be the path of a file to write."""
    if target.is_dir() or not target.absolute().parent.is_dir():
        what = "is a folder" if target.is_dir() else "is in a folder that is not there"
        raise BadInput(f"{target} {what}; give the path of a file to write, or - for standard output")


@contextmanager
def arriving(target: Path, replace: bool = False) -> Iterator[Path]:
    """Yield a path beside `target`. Its file or folder becomes `target` when the block ends.

    Args:
        target: the path to make. It may be an empty folder, or a file if `replace` is true.
        replace: whether an existing file may be replaced.

    Raises:
        BadInput: `target` exists, its folder is missing, or the folder is not writable.
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
    """Raise BadInput unless a file or folder can be made at `target`."""
    if not target.parent.is_dir():
        raise BadInput(f"{target.parent} is no folder; make it first, or give another path")
    if target.is_dir() and not any(target.iterdir()):
        return
    if os.path.lexists(target) and not (replace and target.is_file()):
        what = "is a folder that is not empty" if target.is_dir() else "is there already"
        raise BadInput(f"{target} {what}, and nothing is overwritten; give another path")


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
            # A rename would replace a file made in the meantime; a link fails instead.
            os.link(made, target)
    except OSError as error:
        raise _refused(target, error) from error


def _refused(target: Path, error: OSError) -> BadInput:
    return BadInput(f"{target} cannot be written: {(error.strerror or str(error)).lower()}; give another path")
