"""The schedule that PIPELINE_SCHEDULE_TYPE and related variables define."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from clearml_flows.errors import BadInput
from clearml_flows.schedule import times
from clearml_flows.schedule.api import FROM_ENVIRONMENT, ways
from clearml_flows.schedule.records import Schedule
from clearml_flows.schedule.store import Store
from clearml_flows.settings import Settings

TYPE = "PIPELINE_SCHEDULE_TYPE"
INTERVAL = "PIPELINE_INTERVAL_SECONDS"
TIME = "PIPELINE_SCHEDULE_TIME"
MAX_RUNS = "PIPELINE_MAX_RUNS"


def adopt(store: Store, settings: Settings, variables: Mapping[str, str], now: datetime) -> Schedule | None:
    """Create, replace or remove the schedule `environment` to match the variables.

    An unchanged schedule keeps its count of runs.

    Returns:
        The schedule, or None if PIPELINE_SCHEDULE_TYPE is not set.

    Raises:
        BadInput: a variable is missing or wrong. The message names the variable.
    """
    wanted = _asked_for(settings, variables, now)
    found = next((schedule for schedule in store.schedules() if schedule.name == FROM_ENVIRONMENT), None)
    if found and wanted and all(getattr(found, name) == value for name, value in wanted.items()):
        return found
    with store.together():
        if found:
            store.set_state(found, "removed", now)
        return store.add(FROM_ENVIRONMENT, now, **wanted) if wanted else None


def _asked_for(settings: Settings, variables: Mapping[str, str], now: datetime) -> dict[str, Any] | None:
    kind = variables.get(TYPE, "").strip().lower()
    if not kind:
        alone = [name for name in (INTERVAL, TIME, MAX_RUNS) if variables.get(name)]
        if alone:
            raise BadInput(f"{alone[0]} is set, but not {TYPE}; set {TYPE} to interval, daily or cron")
        return None
    name = INTERVAL if kind == "interval" else TIME
    if kind in ("interval", "daily", "cron") and not variables.get(name):
        raise BadInput(f"{TYPE} is {kind}, but {name} is not set")
    try:
        times.timing(kind, variables.get(name, ""), settings.schedule.timezone, now)
    except BadInput as wrong:
        raise BadInput(f"{TYPE if 'kind of' in str(wrong) else name}: {wrong}") from None
    return ways(settings, kind, variables[name], max_runs=_max_runs(variables.get(MAX_RUNS, "")))


def _max_runs(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10**9):
        raise BadInput(f"{MAX_RUNS} is {text[:40]!r}: expected the total number of runs, 1 or more")
    return int(text)
