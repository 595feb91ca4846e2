"""Questions to a person at a terminal, on stderr. Secrets are not shown."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from getpass import getpass

import click

from clearml_flows.errors import BadInput

_LIMIT = 100_000


def is_attended() -> bool:
    """Return whether stdin and stderr are terminals."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def ask(question: str, default: str = "") -> str:
    """Return a one-line answer. Enter alone gives the default, if there is one."""
    answer: str = click.prompt(question, default=default or None, err=True)
    return answer.strip()


def ask_secret(question: str) -> str:
    """Return the typed text without showing it. Empty for Enter alone."""
    return getpass(f"{question} (not shown): ").strip()


def ask_block(question: str, or_line: bool = False) -> str:
    """Return a pasted block without showing it, up to its closing brace or an empty line.

    With `or_line`, a first line without a brace is the whole answer.
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
    """Return all text from stdin. Raises BadInput if there is none."""
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
    # TCSADRAIN keeps text that was pasted before the echo is off.
    termios.tcsetattr(terminal, termios.TCSADRAIN, silent)
    try:
        yield sys.stdin.readline
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
