import ast
import gc
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from clearml_flows.backend.sdk import parse_one_at_a_time

STATEMENTS = "a = [1, (2, 3), f(4)]\n" * 2000


def test_two_threads_parse_at_once_without_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ast, "parse", ast.parse)
    parse_one_at_a_time()
    parsed: list[int] = []
    threads = [threading.Thread(target=lambda: parsed.append(len(ast.parse(STATEMENTS).body))) for _ in range(4)]

    def let_others_run(phase: str, _info: dict[str, int]) -> None:
        time.sleep(0.0002)

    gc.callbacks.append(let_others_run)
    usual = gc.get_threshold()
    gc.set_threshold(50)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        gc.set_threshold(*usual)
        gc.callbacks.remove(let_others_run)
    assert parsed == [2000] * 4


_CHILDREN_OF_A_TASK = """
import sys
import psutil
from clearml import Task
from clearml_flows.backend import sdk
if sys.argv[1] == "ours":
    sdk.report_without_fork()
task = Task.init("tests", "reports", auto_connect_frameworks=False, auto_resource_monitoring=False)
print("children", len(psutil.Process().children()))
task.close()
"""


@pytest.mark.parametrize(("mode", "children"), [("the SDK's own", 1), ("ours", 0)])
def test_a_controller_forks_no_reporter(tmp_path: Path, mode: str, children: int) -> None:
    config = tmp_path / "clearml.conf"
    config.write_text("sdk.development.report_use_subprocess: true\n", "utf-8")
    offline = {
        "CLEARML_OFFLINE_MODE": "1",
        "CLEARML_CONFIG_FILE": str(config),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    done = subprocess.run(
        [sys.executable, "-c", _CHILDREN_OF_A_TASK, mode],
        env={**os.environ, **offline, "HOME": str(tmp_path), "CLEARML_CACHE_DIR": str(tmp_path / "cache")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert f"children {children}" in done.stdout, done.stdout + done.stderr
