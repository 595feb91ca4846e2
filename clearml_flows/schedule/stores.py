"""Open the schedules' store: a local file or the backend, as `schedule.store` says."""

from clearml_flows.backend.connection import connect, data_dir
from clearml_flows.errors import BadInput
from clearml_flows.schedule.shared import Shared
from clearml_flows.schedule.store import Store
from clearml_flows.settings import Settings

# The JSON in the backend is read and written whole, so fewer records are kept there.
KEPT_RUNS = 20
KEPT_NOTICES = 300


def in_backend(settings: Settings) -> bool:
    return settings.schedule.store == "backend"


def open_store(settings: Settings) -> Store:
    """Open the configured store. Raises Unreachable, or FlowsError if the store cannot be read."""
    return shared_store(open_shared(settings)) if in_backend(settings) else Store(data_dir(settings))


def open_shared(settings: Settings, token: str = "") -> Shared:
    return Shared(connect(settings).api, project(settings), token)


def shared_store(rows: Shared) -> Store:
    return Store(rows, KEPT_RUNS, KEPT_NOTICES)


def project(settings: Settings) -> str:
    """Return the ClearML project of the schedules and their scheduler."""
    return f"{settings.project.name}/schedules"


def refuse_backend(settings: Settings) -> None:
    """Raise BadInput if the schedules are in the backend."""
    if in_backend(settings):
        raise BadInput(
            "the schedules are kept in the backend (setting schedule.store); "
            "`flows schedule start --remote` starts their scheduler"
        )
