"""Tags that a step gives its Task, while the SDK's threads read that Task anew."""

import json
import subprocess
import sys
from pathlib import Path

from tests.support.backend import running_backend

TAGS = """
import json, threading
from clearml import Task
from clearml_flows.tabular.failure import tell_tags
task = Task.init(project_name="tags", task_name="tagged")
done = threading.Event()

def read_anew():
    while not done.is_set():
        task.reload()

thread = threading.Thread(target=read_anew)
thread.start()
for number in range(30):
    tell_tags(task, [f"tag {number}"])
done.set()
thread.join()
print("TAGS", json.dumps(Task.get_task(task_id=task.id).data.tags), flush=True)
"""


def test_no_tag_is_lost_while_the_task_is_read_anew(tmp_path: Path) -> None:
    with running_backend(tmp_path / "data") as backend:
        child = subprocess.run(
            [sys.executable, "-c", TAGS],
            cwd=tmp_path,
            env=backend.env(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert child.returncode == 0, child.stderr
    told = next(line for line in child.stdout.splitlines() if line.startswith("TAGS "))
    assert sorted(json.loads(told.removeprefix("TAGS "))) == sorted(f"tag {number}" for number in range(30))
