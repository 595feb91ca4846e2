"""Stands before the command of a scheduled run (setting schedule.prefix) on an agent, and runs nothing of it: it makes
the run's Task, which goes on by itself, notes it in a file, and prints what `--remote --detach` does.

    python -P tests/support/fake_remote_flow.py FILE
"""

import json
import os
import sys
from pathlib import Path

from clearml_flows.backend.connection import connect
from clearml_flows.settings import load

api = connect(load()).api
task = api.call("tasks.create", name="churn", type="controller", tags=os.environ["FLOWS_TAGS"].split(","))["id"]
api.call("tasks.started", task=task)
note = {"key": os.environ["FLOWS_KEY"], "command": sys.argv[2:], "own": os.environ.get("CLEARML_TASK_ID")}
with Path(sys.argv[1]).open("a") as notes:
    notes.write(json.dumps(note) + "\n")
sys.stdout.write(json.dumps({"run_id": task, "status": "queued"}))
