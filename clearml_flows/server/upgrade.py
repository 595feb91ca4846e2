"""Upgrade the server to the releases in docker/compose.yaml."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from clearml_flows.errors import FlowsError
from clearml_flows.server import lifecycle, machine, releases
from clearml_flows.server.backup import save
from clearml_flows.server.stack import Stack
from clearml_flows.settings import Docker


@dataclass(frozen=True)
class Upgrade:
    """Releases before and after, and the path of the backup.

    `backup` is None if there was nothing to upgrade.
    """

    before: str
    after: str
    backup: str | None


def upgrade(stack: Stack, docker: Docker, say: Callable[[str], None]) -> Upgrade:
    """Fetch the new images, make a backup and start them. Does nothing if there are no new ones.

    Raises FlowsError if the compose file is older than the data, or if the upgraded server is not healthy. The second
    message names the backup.
    """
    machine.check_docker()
    with stack.locked():
        values = stack.values()
        last, images = releases.from_line(values.get("SERVER_IMAGES", "")), stack.images()
        if last == images:
            return Upgrade(releases.as_line(last), releases.as_line(images), None)
        releases.check_newer(last, images)
        file, agents = _target(stack, last), stack.agents_run()
        # Fetch before the server is stopped: a failed or slow download then causes no downtime.
        lifecycle.fetch(stack, docker, values, say, agents)
        save(stack, docker, file, say, start=False)
        say(f"upgrading: {releases.differences(last, images)}")
        try:
            lifecycle.run(stack, docker, values, say, agents)
        except (FlowsError, KeyboardInterrupt) as error:
            back = f"take the checkout from before and `flows server restore {file} --docker`"
            raise FlowsError(f"{str(error) or 'interrupted'}; to go back, {back}") from error
    return Upgrade(releases.as_line(last), releases.as_line(images), str(file))


def _target(stack: Stack, last: dict[str, str]) -> Path:
    folder = stack.folder / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return folder / f"before-upgrade-of-{last.get('clearml/server', 'unknown')}-{stamp}.tar"
