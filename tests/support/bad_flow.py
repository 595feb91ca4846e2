"""A flow of one step that behaves badly: `bad_flow.py flood|disk|memory|killed|asleep`."""

import sys

from clearml import PipelineDecorator

from clearml_flows.flow import result
from clearml_flows.run.controller import run
from clearml_flows.settings import load


@PipelineDecorator.component(return_values=["done"], packages=["clearml>=2.1.12,<2.2"])
def misbehave(kind: str) -> str:
    """Prints 20 MB, or takes more disk or memory than it may have, or is killed for that, or sleeps."""
    import os
    import resource
    import signal
    import tempfile
    import time

    if kind == "flood":
        for _ in range(20_000):
            print("x" * 1000)  # noqa: T201 - a step's console is what is to be flooded
    if kind == "disk":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
        with tempfile.TemporaryFile() as file:
            file.write(b"x" * 2_000_000)
    if kind == "memory":
        resource.setrlimit(resource.RLIMIT_AS, (4_000_000_000, 4_000_000_000))
        bytearray(8_000_000_000)
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "asleep":
        time.sleep(600)
    return kind


def misbehaving(kind: str) -> None:
    """One step."""
    result(misbehave(kind))


if __name__ == "__main__":
    run("misbehaving", misbehaving, load(), {"kind": sys.argv[1]})
