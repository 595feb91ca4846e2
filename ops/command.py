"""What the commands of every noun share: their errors as a sentence, their examples, their `--json`."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from flows.errors import FlowsError
from localserver.state import Failure

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, nothing else there.")


def one_sentence(command: Callable[..., None]) -> Callable[..., None]:
    """The command with its expected errors as a sentence on stderr and an exit code."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except FlowsError as error:
            _refuse(str(error), error.exit_code)
        except Failure as failure:
            _refuse(str(failure), 1)

    return guarded


def examples(*lines: str) -> str:
    """The `epilog` of a command: whole command lines, a `#` before what is to be said of one."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def _refuse(sentence: str, exit_code: int) -> None:
    click.echo(f"error: {sentence}", err=True)
    raise SystemExit(exit_code)
