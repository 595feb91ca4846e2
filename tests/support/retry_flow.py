"""A flow whose first step fails until it was started often enough: `retry_flow.py COUNTER passing|lasting TRIES`."""

import sys

from clearml import PipelineDecorator

from clearml_flows.flow import result
from clearml_flows.run.controller import run
from clearml_flows.settings import load
from clearml_flows.tabular.failure import tell_failure, tell_transient


@PipelineDecorator.component(
    return_values=["tries"], packages=["clearml>=2.1.12,<2.2"], helper_functions=[tell_failure, tell_transient]
)
def shaky(counter: str, kind: str, passes: int) -> int:
    """Fails until it was started `passes` times; a failure that is `passing` says so."""
    from pathlib import Path

    from clearml import Task

    tries = int(Path(counter).read_text("utf-8")) + 1
    Path(counter).write_text(str(tries), "utf-8")
    if tries < passes:
        if kind == "passing":
            tell_transient()
        raise RuntimeError(tell_failure(Task.current_task(), f"{kind} failure {tries}"))
    return tries


@PipelineDecorator.component(return_values=["text"], packages=["clearml>=2.1.12,<2.2"])
def after(tries: str) -> str:
    """Returns what it got."""
    return tries


def retries(counter: str, kind: str, passes: int) -> None:
    """One step after the other."""
    result(after(result(shaky(counter, kind, passes))))


if __name__ == "__main__":
    run("retries", retries, load(), {"counter": sys.argv[1], "kind": sys.argv[2], "passes": int(sys.argv[3])})
