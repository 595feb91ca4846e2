"""A flow of three steps that count how often they were started in a folder: `cache_flow.py FOLDER FACTOR`.

`world` always runs, `work` may be cached, `last` fails for as long as the folder has a file `broken`.
"""

import sys

from clearml import PipelineDecorator

from clearml_flows.flow import result
from clearml_flows.run.controller import run
from clearml_flows.settings import load


def count(folder: str, name: str) -> None:
    """Adds a character to the file of this name."""
    from pathlib import Path

    with Path(folder, name).open("a", encoding="utf-8") as file:
        file.write("x")


@PipelineDecorator.component(return_values=["seen"], packages=["clearml>=2.1.12,<2.2"], helper_functions=[count])
def world(folder: str) -> str:
    """Returns always the same."""
    count(folder, "world")
    return "seen"


@PipelineDecorator.component(
    return_values=["done"], packages=["clearml>=2.1.12,<2.2"], cache=True, helper_functions=[count]
)
def work(seen: str, folder: str, factor: float) -> str:
    """Returns what it got, as text."""
    count(folder, "work")
    return f"{seen} {factor}"


@PipelineDecorator.component(
    return_values=["told"], packages=["clearml>=2.1.12,<2.2"], cache=True, helper_functions=[count]
)
def last(done: str, folder: str) -> str:
    """Fails if it is told to."""
    from pathlib import Path

    count(folder, "last")
    if Path(folder, "broken").exists():
        raise RuntimeError("broken")
    return done


def counting(folder: str, factor: float) -> None:
    """One step after the other."""
    last(result(work(result(world(folder)), folder, factor)), folder)


if __name__ == "__main__":
    run("counting", counting, load(), {"folder": sys.argv[1], "factor": float(sys.argv[2])})
