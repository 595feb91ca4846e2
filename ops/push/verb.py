"""One push, from the settings to its report."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.backend import data_dir, start_embedded, use_embedded
from flows.lock import only_one
from flows.settings import Settings
from localserver.state import read_state
from ops.command import quiet
from ops.push.run import Push, Report
from ops.push.source import Source
from ops.push.target import open_target


def push(
    settings: Settings,
    config: Path | None,
    project: str,
    dry_run: bool,
    say: Callable[[str], None],
) -> Report:
    """Carry what the embedded backend holds to the server that `config` names; without one to the configured server.

    Args:
        settings: of the project whose data directory is pushed from; its backend is started if it is down.
        config: a clearml.conf.
        project: only this project and those below it; empty: all of them.
        dry_run: carry nothing.
        say: told of each Task and model, before it is carried.

    Raises:
        BadInput: there is no such project, no server is configured, or it is the embedded backend.
        Locked: another push is under way.
        Unreachable: the server does not answer, or not any more; what is there by then is gone on from.
    """
    folder = data_dir(settings)
    with only_one(folder, "push", "another push is under way", "wait for it"):
        status = start_embedded(settings)
        state = read_state(folder)
        target = open_target(settings, config, state.instance if state else "")
        # Bypasses proxies for both, too.
        source = Source(use_embedded(status, settings), str(status["files_url"]))
        with quiet(), _scratch(folder) as scratch:
            work = Push(source, target, project.strip("/"), scratch, say)
            return work.plan() if dry_run else work.run()


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A folder beside the files, where there is room for the largest; what a killed push left in it is removed."""
    scratch = folder / "push-draft"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
