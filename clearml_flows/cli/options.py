"""Shared parts of all commands: error messages, examples, `--json`."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import click

from clearml_flows.errors import BadInput, FlowsError
from clearml_flows.localserver.state import Failure

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout and nothing else.")


def one_sentence(command: Callable[..., None]) -> Callable[..., None]:
    """Decorate a command: expected errors become one line on stderr and an exit code."""

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
    """Return the `epilog` of a command: command lines, with `#` before a remark."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def pairs(given: Iterable[str], option: str) -> dict[str, str]:
    """Return the names and values of `name=value` options. Raises BadInput for other texts."""
    split = [text.partition("=") for text in given]
    for name, equals, value in split:
        if not (name.strip() and equals):
            raise BadInput(f"{option} wants name=value, not {name + equals + value!r}")
    return {name.strip(): value.strip() for name, _, value in split}


def _refuse(sentence: str, exit_code: int) -> None:
    click.echo(f"error: {sentence}", err=True)
    raise SystemExit(exit_code)
