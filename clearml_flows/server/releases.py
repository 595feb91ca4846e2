"""Releases that last used the data, and checks against those of the compose file."""

import re

from clearml_flows.errors import FlowsError

_SERVER = "clearml/server"


def as_line(images: dict[str, str]) -> str:
    return " ".join(f"{name}:{tag}" for name, tag in sorted(images.items()))


def from_line(line: str) -> dict[str, str]:
    return {name: tag for name, _, tag in (word.rpartition(":") for word in line.split())}


def check_same(values: dict[str, str], images: dict[str, str]) -> None:
    """Raise FlowsError unless the data was last used by these releases, or by none."""
    last = from_line(values.get("SERVER_IMAGES", ""))
    if last and last != images:
        check_newer(last, images)
        raise FlowsError(
            f"the data is ClearML Server {last.get(_SERVER)}'s and docker/compose.yaml is {images.get(_SERVER)}'s "
            f"({differences(last, images)}); `flows server upgrade --docker` makes a backup and upgrades"
        )


def check_newer(last: dict[str, str], images: dict[str, str]) -> None:
    """Raise FlowsError if an image is older than the data, or MongoDB skips a major release."""
    older = [name for name in images if _numbers(images[name]) < _numbers(last.get(name, ""))]
    if older:
        raise FlowsError(
            f"the data was last used by {', '.join(f'{name} {last[name]}' for name in older)} and docker/compose.yaml "
            f"has {', '.join(images[name] for name in older)}, which cannot read it; use the newer checkout, or "
            "`flows server restore` a backup of the older one"
        )
    before, after = _numbers(last.get("mongo", "")), _numbers(images.get("mongo", ""))
    if before and after and after[0] > before[0] + 1:
        raise FlowsError(
            f"MongoDB can be upgraded from one major release to the next, not from {last['mongo']} to "
            f"{images['mongo']}; upgrade with the checkouts in between first"
        )


def differences(last: dict[str, str], images: dict[str, str]) -> str:
    names = sorted({*last, *images})
    return ", ".join(
        f"{name} {last.get(name, 'none')} → {images.get(name, 'none')}"
        for name in names
        if last.get(name) != images.get(name)
    )


def _numbers(tag: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", tag)))
