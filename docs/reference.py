"""Write docs/commands.md and docs/settings.md from the commands and the settings.

python docs/reference.py docs
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from pydantic_core import PydanticUndefined

from clearml_flows.cli.main import main as flows
from clearml_flows.settings import keys, tables, variable

WIDTH = 100
COMMANDS = """# Commands

Written by `make docs` from the commands themselves; a test fails when it is stale.

Exit codes: 0 done · 1 failed · 2 bad data or usage · 3 the gate said no · 4 another run holds the lock ·
5 no backend answers.
`--json` prints one JSON document on stdout and nothing else there. An ID may be shortened to its beginning.
"""
SETTINGS = """# Settings

Written by `make docs` from settings.toml and the code that reads it; a test fails when it is stale.

A value comes from, in this order: an option (`--set table.key=value`), the environment, settings.toml, the default.
"""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
def main(folder: Path) -> None:
    """Write commands.md and settings.md to FOLDER."""
    (folder / "commands.md").write_text(commands_page(), "utf-8")
    text = (Path(__file__).parents[1] / "settings.toml").read_text("utf-8")
    (folder / "settings.md").write_text(settings_page(text), "utf-8")


def commands_page() -> str:
    sections = [f"\n## {context.command_path}\n\n```\n{_help(context)}\n```\n" for context in commands()]
    return COMMANDS + "".join(sections)


def commands() -> Iterator[click.Context]:
    """Yield a context for each command, groups before their commands."""
    words: dict[str, Any] = {"info_name": "flows", "terminal_width": WIDTH, "max_content_width": WIDTH}
    yield from _below(click.Context(flows, **words, **flows.context_settings))


def settings_page(text: str) -> str:
    """Return the page for the text of settings.toml. Its comments are the manual."""
    manuals = dict(_manuals(text))
    lines = [SETTINGS]
    table = ""
    for key in keys():
        if key.partition(".")[0] != table:
            table = key.partition(".")[0]
            lines.append(f"## {table}\n")
        lines.append(f"### {key}\n\n{manuals.get(key, '')}\n\n{_default(key)} · environment: `{variable(key)}`\n")
    return "\n".join(lines)


def _below(context: click.Context) -> Iterator[click.Context]:
    yield context
    if isinstance(context.command, click.Group):
        for name, command in sorted(context.command.commands.items()):
            yield from _below(click.Context(command, parent=context, info_name=name))


def _help(context: click.Context) -> str:
    return "\n".join(line.rstrip() for line in context.get_help().splitlines())


def _manuals(text: str) -> Iterator[tuple[str, str]]:
    """Yield (key, comment above it) for each key and each array of tables."""
    table, comment = "", []
    for line in text.splitlines():
        if line.startswith("#"):
            comment.append(line.lstrip("# "))
            continue
        array, header = re.match(r"\[\[(.+)\]\]", line), re.match(r"\[([^\[\]]+)\]", line)
        key = re.match(r"(\w+) *=", line)
        if array and comment:
            yield array[1], " ".join(comment)
        elif header:
            table = header[1]
        elif key and comment and table:
            yield f"{table}.{key[1]}", " ".join(comment)
        if line.strip():
            comment = []


def _default(key: str) -> str:
    table, name = key.split(".")
    value = tables()[table].model_fields[name].default
    return "No default" if value is PydanticUndefined else f"Default: `{value!r}`"


if __name__ == "__main__":
    main()
