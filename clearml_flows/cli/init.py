"""Command `flows init`."""

from pathlib import Path

import click

from clearml_flows import project
from clearml_flows.cli.options import examples, one_sentence


@click.command(epilog=examples("flows init shop", "flows init           # in the working directory"))
@click.argument("folder", default=".", metavar="[DIR]", type=click.Path(path_type=Path))
@one_sentence
def init(folder: Path) -> None:
    """Make a project: settings, flows, steps and Docker files.

    A folder that has files of a project is refused.
    """
    project.create(folder)
    click.echo(f"{folder / project.SETTINGS} is written; `flows run churn --source synthetic` runs a flow there")
