"""A process that tells of events and is killed.

    python -m tests.support.telling FOLDER put|deliver KEY...

`put` keeps an event for each KEY, says so, and waits to be killed; `deliver` then sends them.
"""

import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from clearml_flows.events import Event
from clearml_flows.notify.notifier import Notifier
from clearml_flows.settings import load

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
folder, verb, *keys = sys.argv[1:]
notifier = Notifier(load(), Path(folder))
for key in keys:
    notifier.put(Event(key, "failed", NOON, "churn failed"))
if verb == "deliver":
    notifier.deliver(NOON)
sys.stdout.write("done\n")
sys.stdout.flush()
signal.pause()
