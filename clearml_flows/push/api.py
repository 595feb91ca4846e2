"""Run one push from the settings to its report."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from clearml_flows.backend.connection import data_dir, start_embedded, use_embedded
from clearml_flows.backend.quiet import quiet
from clearml_flows.localserver.state import read_state
from clearml_flows.lock import only_one
from clearml_flows.push.everything import Push, Report
from clearml_flows.push.source import Source
from clearml_flows.push.target import open_target
from clearml_flows.settings import Settings


def push(
    settings: Settings,
    config: Path | None,
    project: str,
    dry_run: bool,
    say: Callable[[str], None],
) -> Report:
    """Push the embedded backend's content to a ClearML Server.

    Args:
        settings: name the data directory of the source. Its backend is started if it is down.
        config: the clearml.conf of the server. None: the configured server.
        project: push only this project and its subprojects. Empty: everything.
        dry_run: change nothing.
        say: gets a message before each Task and model.

    Raises:
        BadInput: the project does not exist, or no server is configured.
        Locked: another push is running.
        Unreachable: the server does not answer. The next push continues from there.
    """
    folder = data_dir(settings)
    with only_one(folder, "push", "another push is under way", "wait for it"):
        status = start_embedded(settings)
        state = read_state(folder)
        target = open_target(settings, config, state.instance if state else "")
        # Also bypasses proxies for both addresses.
        source = Source(use_embedded(status, settings), str(status["files_url"]))
        with quiet(), _scratch(folder) as scratch:
            work = Push(source, target, project.strip("/"), scratch, say)
            return work.plan() if dry_run else work.run()


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """Yield an empty folder in the data directory. Removes the files of a killed push."""
    scratch = folder / "push-draft"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
