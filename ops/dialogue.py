"""Questions to a person at a terminal, on stderr; what is secret is not shown while it is typed or pasted."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from getpass import getpass

import click

from flows.errors import BadInput

_LIMIT = 100_000


def is_attended() -> bool:
    """Whether somebody can be asked."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def ask(question: str, default: str = "") -> str:
    """An answer of one line; Enter alone is the default, if there is one."""
    answer: str = click.prompt(question, default=default or None, err=True)
    return answer.strip()


def ask_secret(question: str) -> str:
    """What is typed, without showing it; empty for Enter alone."""
    return getpass(f"{question} (not shown): ").strip()


def ask_block(question: str, or_line: bool = False) -> str:
    """What is pasted, without showing it: up to the brace that closes the first one, or an empty line.

    With `or_line`, a first line without a brace is all of it.
    """
    click.echo(f"{question} (not shown):", err=True)
    text = ""
    with _unseen() as read_line:
        while line := read_line():
            text += line
            closed = 0 < text.count("{") <= text.count("}")
            if not line.strip() or closed or (or_line and "{" not in text) or len(text) > _LIMIT:
                break
    return text.strip()


def read_stdin() -> str:
    """All that is piped in. Raises BadInput if nothing is."""
    try:
        text = sys.stdin.read(_LIMIT) if sys.stdin is not None else ""
    except (OSError, ValueError) as wrong:
        raise BadInput(f"stdin cannot be read ({type(wrong).__name__}); pipe the secret in") from None
    if not text.strip():
        raise BadInput("stdin is empty or closed; pipe the secret in")
    return text


@contextmanager
def _unseen() -> Iterator[Callable[[], str]]:
    try:
        import termios
    except ImportError:  # Windows
        yield lambda: getpass("") + "\n"
        return
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    silent = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    # TCSADRAIN: what was pasted before the echo is off is not lost.
    termios.tcsetattr(terminal, termios.TCSADRAIN, silent)
    try:
        yield sys.stdin.readline
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
