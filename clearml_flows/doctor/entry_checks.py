"""Checks of scheduler entries and running processes for modules of earlier releases."""

import re
from contextlib import suppress

import psutil

from clearml_flows.backend.connection import data_dir
from clearml_flows.doctor.check_result import CheckResult, failed, ok, warning
from clearml_flows.localserver.state import own_process, read_state
from clearml_flows.schedule.install import installed
from clearml_flows.settings import Settings

# In earlier releases the commands were `python -m ops.cli`, and the embedded backend `python -m localserver`.
OLD_COMMAND = re.compile(r'^[^#\n]*-m"?\s+"?ops\.cli\b', re.MULTILINE)
OLD_BACKEND = "localserver"


def check_entries(_settings: Settings) -> CheckResult:
    """Entries that an earlier release wrote start a module that this one does not have."""
    old = [scheduler for scheduler, text in installed().items() if OLD_COMMAND.search(text)]
    if not old:
        return ok("entries", "none in this machine's scheduler starts a command of an earlier release")
    told = f"the entry of {old[0]} starts `python -m ops.cli`, a command of an earlier release"
    return failed("entries", told, f"flows schedule install --{old[0]} --apply")


def check_release(settings: Settings) -> CheckResult:
    """Check that no earlier release started the running backend.

    Such a backend no longer finds its modules and pages.
    """
    state = read_state(data_dir(settings))
    process = own_process(state) if state else None
    with suppress(psutil.Error):
        if process is not None and OLD_BACKEND in process.cmdline():
            told = f"process {process.pid} is the embedded backend of an earlier release"
            return warning("release", told, "flows server down && flows server up")
    return ok("release", "no embedded backend of an earlier release runs")
