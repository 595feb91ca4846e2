"""Measure the overhead of a run: the same seven steps as a script and as a flow.

`python benchmarks/flow_overhead.py [rounds]` runs script and flow in turn, with one cheap model. It prints seconds,
difference and ratio. The backend is up before each flow, and the flow ignores the cache.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROWS = 3500
EXPERIMENT = {"name": "logistic", "family": "LogisticRegression", "params": {"C": 0.05, "max_iter": 2000}}


def main(rounds: int) -> None:
    """Print a line for each round, and the medians."""
    with tempfile.TemporaryDirectory() as folder:
        environment = _environment(Path(folder))
        flows = [sys.executable, "-m", "clearml_flows"]
        _run([*flows, "server", "up"], environment)
        try:
            pairs = [_round(number, environment) for number in range(1, rounds + 1)]
        finally:
            _run([*flows, "server", "down"], environment)
    script, flow = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"median: script {script:.1f} s, flow {flow:.1f} s: {flow - script:.1f} s more, {flow / script:.1f} times")


def _environment(folder: Path) -> dict[str, str]:
    shutil.copyfile(ROOT / "settings.toml", folder / "settings.toml")
    foreign = ("CLEARML_", "TRAINS_", "FLOWS_")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(foreign)}
    return {
        **kept,
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "FLOWS_SETTINGS": str(folder / "settings.toml"),
        "FLOWS__DATA__ROWS": str(ROWS),
        "FLOWS__CHURN__EXPERIMENTS": json.dumps([EXPERIMENT]),
    }


def _round(number: int, environment: dict[str, str]) -> tuple[float, float]:
    script = _run(
        [sys.executable, str(ROOT / "benchmarks" / "bare_script.py"), str(ROWS), json.dumps(EXPERIMENT)], environment
    )
    command = [sys.executable, str(ROOT / "flows" / "churn_flow.py")]
    flow = _run([*command, "--source", "synthetic", "--no-cache", "--no-progress", "--json"], environment)
    print(f"round {number}: script {script:.1f} s, flow {flow:.1f} s, {flow - script:.1f} s more")
    return script, flow


def _run(command: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[1]} ended with exit code {done.returncode}: {done.stderr.strip()[-500:]}")
    return time.perf_counter() - began


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
