"""Thread of the controller that marks lost steps, so that ClearML stops waiting for them."""

import logging
import threading
import time

from clearml_flows.backend.client import Api
from clearml_flows.errors import FlowsError
from clearml_flows.run.ending import settle

LOOK_EVERY = 10.0
_log = logging.getLogger(__name__)


def keep_watch(api: Api, run_id: str, lost_after: float) -> None:
    """Start a thread that marks steps without a report for `lost_after` seconds as failed."""
    threading.Thread(target=_watch, args=(api, run_id, lost_after), daemon=True).start()


def _watch(api: Api, run_id: str, lost_after: float) -> None:
    while True:
        time.sleep(min(LOOK_EVERY, lost_after / 4))
        try:
            lost = settle(api, run_id, lost_after)
        except FlowsError as error:
            # The backend may come back. If not, the SDK gives up, not this thread.
            _log.warning("looking for lost steps: %s", error)
        else:
            for one in lost:
                _log.warning("%s", one.why)
