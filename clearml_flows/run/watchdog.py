"""The controller's look at its own run, now and then: what was lost of it is marked, so that ClearML stops waiting."""

import logging
import threading
import time

from clearml_flows.backend.client import Api
from clearml_flows.errors import FlowsError
from clearml_flows.run.ending import settle

LOOK_EVERY = 10.0
_log = logging.getLogger(__name__)


def keep_watch(api: Api, run_id: str, lost_after: float) -> None:
    """Look for lost steps for as long as this process lives; one without a report for `lost_after` seconds is lost."""
    threading.Thread(target=_watch, args=(api, run_id, lost_after), daemon=True).start()


def _watch(api: Api, run_id: str, lost_after: float) -> None:
    while True:
        time.sleep(min(LOOK_EVERY, lost_after / 4))
        try:
            lost = settle(api, run_id, lost_after)
        except FlowsError as error:
            # A backend that is away comes back, or the SDK gives up: that is not for this look to decide.
            _log.warning("looking for lost steps: %s", error)
        else:
            for one in lost:
                _log.warning("%s", one.why)
