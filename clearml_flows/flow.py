"""Flows: pipelines that a file `flows/NAME_flow.py` declares with `@flow`."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from clearml_flows import project
from clearml_flows.errors import FlowsError
from clearml_flows.run.options import is_controller
from clearml_flows.run.parameters import Models, Source

__all__ = ["Flow", "Models", "Source", "flow", "here", "result"]
T = TypeVar("T")


@dataclass(frozen=True)
class Flow:
    """A declared flow. `function` is its pipeline."""

    name: str
    function: Callable[..., None]


def flow(name: str) -> Callable[[Callable[..., None]], Flow]:
    """Declare a pipeline function as the flow of this name.

    Its parameters are groups (tables of the settings, `Source`, `Models`) and plain values with defaults. The file is
    `flows/NAME_flow.py`.
    `python flows/NAME_flow.py` and `flows run NAME` run it.
    """

    def declare(function: Callable[..., None]) -> Flow:
        declared = Flow(name, function)
        # Not the function's module: a file may give the function of another flow a second name.
        if sys._getframe(1).f_globals["__name__"] == "__main__":
            # Imported here: a process that reads the file must not import ClearML.
            from clearml_flows.run.controller import run_flow

            run_flow(declared.name, declared.function)
        return declared

    return declare


def result(output: Any) -> str:
    """Wait for a step and return its result as text.

    A text becomes a parameter of the next step, unlike a reference to the step's Task. Users can read and edit it on
    the ClearML page, and equal values hit the cache.

    Raises RuntimeError if the step has no result. ClearML returns None in this case.
    """
    text = str(output)
    if text in ("", "None"):
        raise RuntimeError("a step ended without its result; its console says why")
    return text


def here(work: Callable[..., T], *arguments: Any) -> T:
    """Call a function in the controller. If it fails, write the error to the run's Task."""
    try:
        return work(*arguments)
    except (ValueError, RuntimeError, FlowsError) as error:
        if is_controller():
            from clearml import Task

            from clearml_flows.tabular.failure import tell_failure

            tell_failure(Task.current_task(), str(error))
        raise


def _begin() -> None:
    """Run the flow's command if a person started its file.

    In a controller, only make the project importable.
    """
    script = Path(getattr(sys.modules["__main__"], "__file__", None) or "")
    if not (script.name.endswith("_flow.py") and script.parent.name == "flows"):
        return
    project.enter(script)
    if is_controller():
        project.add_to_path()
        return
    from clearml_flows.cli.run import run_command

    run_command(script.name.removesuffix("_flow.py")).main()


# At the import, before the flow's file imports its steps: they import ClearML, which takes seconds, and the process
# that waits for a run does not need it.
_begin()
