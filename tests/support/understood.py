"""Whether a command line that a page or a help text shows is one that the `flows` command understands."""

import shlex

import click

from clearml_flows.cli.main import main as flows


def check_understood(line: str) -> None:
    """Parses the whole line `flows …` and runs nothing. Raises what click raises for what it does not know."""
    context = click.Context(flows, info_name="flows")
    command: click.Command = flows
    words = shlex.split(line)[1:]
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        command, context = found, click.Context(found, parent=context, info_name=name)
    command.make_context(context.info_name, words, parent=context.parent)
