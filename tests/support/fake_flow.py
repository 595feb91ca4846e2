"""Stands before the command of a scheduled run (setting schedule.prefix) and runs nothing of it: it notes the run.

FAKE_FLOW: a folder. The run adds a line to `runs`, waits for the file `go`, and ends with the code in `exit`, if any.
"""

import json
import os
import sys
import time
from pathlib import Path

folder = Path(os.environ["FAKE_FLOW"])
with (folder / "runs").open("a") as runs:
    runs.write(
        json.dumps(
            {
                "tags": os.environ["FLOWS_TAGS"].split(","),
                "command": sys.argv[1:],
                "pid": os.getpid(),
                "shared": os.environ["FLOWS_SHARED"],
            }
        )
        + "\n"
    )
deadline = time.monotonic() + 60
while not (folder / "go").exists() and time.monotonic() < deadline:
    time.sleep(0.02)
code = folder / "exit"
exit_code = int(code.read_text()) if code.exists() else 0
if exit_code in (0, 3):
    sys.stdout.write(json.dumps({"run_id": "0" * 32}))
else:
    sys.stderr.write("error: told by the flow\n")
raise SystemExit(exit_code)
