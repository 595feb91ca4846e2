"""Where schedules are kept: in a file of the data directory, or in the backend, as setting `schedule.store` says."""

from flows.backend import connect, data_dir
from flows.errors import BadInput
from flows.settings import Settings
from ops.schedule.shared import Shared
from ops.schedule.store import Store

# The text in the backend is read and written whole.
KEPT_RUNS = 20
KEPT_NOTICES = 300


def in_backend(settings: Settings) -> bool:
    return settings.schedule.store == "backend"


def open_store(settings: Settings) -> Store:
    """The schedules that the settings name. Raises Unreachable, or FlowsError if they cannot be read."""
    return shared_store(open_shared(settings)) if in_backend(settings) else Store(data_dir(settings))


def open_shared(settings: Settings, token: str = "") -> Shared:
    return Shared(connect(settings).api, project(settings), token)


def shared_store(rows: Shared) -> Store:
    return Store(rows, KEPT_RUNS, KEPT_NOTICES)


def project(settings: Settings) -> str:
    """ClearML's project of the schedules and of their scheduler."""
    return f"{settings.project.name}/schedules"


def refuse_backend(settings: Settings) -> None:
    """Raises BadInput where only schedules of this machine will do."""
    if in_backend(settings):
        raise BadInput(
            "the schedules are kept in the backend (setting schedule.store); "
            "`flows schedule start --remote` starts their scheduler"
        )
