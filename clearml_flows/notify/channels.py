"""Channels of notifications: URLs from the environment or from a private file."""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from clearml_flows.errors import BadInput
from clearml_flows.events import KINDS
from clearml_flows.notify.safe_text import Style, plain
from clearml_flows.settings import Notify
from clearml_flows.spelling import did_you_mean

PREFIX = "FLOWS_NOTIFY_"
WEBHOOK_VARIABLE = "CLEARML_WEBHOOK_URL"
WEBHOOK = "webhook"
EVERY = "all"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
QUIET_KINDS = ("completed", "skipped")


@dataclass(frozen=True)
class Channel:
    """A target of notifications.

    Attributes:
        name: name in settings and commands.
        url: the URL, a secret.
        source: the variable or file that has the URL.
    """

    name: str
    url: str = field(repr=False)
    source: str

    @cached_property
    def plain_webhook(self) -> bool:
        """True if the channel gets an event's JSON document; an apprise service gets a text."""
        if not self.url.lower().startswith(("http://", "https://")):
            return False
        if self.source == WEBHOOK_VARIABLE:
            return True
        from clearml_flows.notify.services import is_native

        return not is_native(self.url)

    @cached_property
    def service(self) -> Any:
        from clearml_flows.notify.services import open_service

        try:
            return open_service(self.url)
        except BadInput as wrong:
            raise BadInput(f"the channel {self.name} in {self.source} {wrong}") from None

    @property
    def address(self) -> str:
        """The URL without its secrets."""
        if self.plain_webhook:
            parts = urlsplit(self.url)
            return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}/…"
        from clearml_flows.notify.services import address

        return address(self.service)

    @property
    def style(self) -> Style:
        if self.plain_webhook:
            return plain
        from clearml_flows.notify.services import style_of

        return style_of(self.service)

    def limit(self, most: int) -> int:
        """Return the size limit of a message for this channel in bytes, at most `most`."""
        if self.plain_webhook:
            return most
        from clearml_flows.notify.services import limit_of

        return min(most, limit_of(self.service))

    def check(self) -> None:
        """Raise BadInput, without the URL in the message, if the channel cannot be used."""
        if re.search(r"[\s\x00-\x20]", self.url):
            raise BadInput(f"the channel {self.name} in {self.source} has a space in its URL")
        if not self.plain_webhook:
            _ = self.service
        elif not _has_host(self.url):
            raise BadInput(f"the channel {self.name} in {self.source} is not the URL of a web server")


def find_channels(urls_file: Path, environment: Mapping[str, str]) -> dict[str, Channel]:
    """Return all channels by name, after checking them. The file is optional.

    Raises:
        BadInput: a URL cannot be used, two channels have one name, or others can read the file.
    """
    found: dict[str, Channel] = {}
    for channel in (*_of_environment(environment), *_of_file(urls_file)):
        if channel.name in found:
            first = found[channel.name].source
            raise BadInput(f"both {first} and {channel.source} have a channel {channel.name}; rename one")
        found[channel.name] = channel
    for channel in found.values():
        channel.check()
    return found


def find_routes(given: Notify, channels: Mapping[str, Channel], strict: bool = True) -> dict[str, list[str]]:
    """Return the channels of each kind of event.

    Args:
        given: setting `notify`.
        channels: the configured channels by name.
        strict: raise for a channel that is not configured, instead of leaving the channel out.

    Raises:
        BadInput: a kind is unknown, or, with `strict`, a channel.
    """
    for kind, names in given.routes.items():
        if kind not in KINDS:
            raise BadInput(f"notify.routes has the kind {kind!r}, which is unknown{did_you_mean(kind, KINDS)}")
        for name in names:
            if strict and name != EVERY and name not in channels:
                known = did_you_mean(name, channels) or "; no channel is configured"
                raise BadInput(f"notify.routes sends {kind} to the channel {name!r}, which is not configured{known}")
    usual = {kind: () if kind in QUIET_KINDS else (EVERY,) for kind in KINDS}
    routes: dict[str, tuple[str, ...]] = {**usual, **given.routes}
    return {
        kind: [name for name in (channels if EVERY in names else names) if name in channels]
        for kind, names in routes.items()
    }


def _of_environment(environment: Mapping[str, str]) -> Iterator[Channel]:
    if environment.get(WEBHOOK_VARIABLE):
        url = environment[WEBHOOK_VARIABLE].strip()
        if not url.lower().startswith(("http://", "https://")):
            raise BadInput(f"{WEBHOOK_VARIABLE} is not an http:// or https:// URL; use {PREFIX}NAME for other services")
        yield Channel(WEBHOOK, url, WEBHOOK_VARIABLE)
    for variable in sorted(environment):
        if variable.startswith(PREFIX) and environment[variable].strip():
            name = _checked(variable.removeprefix(PREFIX).lower(), variable)
            yield Channel(name, environment[variable].strip(), variable)


def _of_file(path: Path) -> Iterator[Channel]:
    try:
        mode = path.stat().st_mode
        if stat.S_IMODE(mode) & 0o077 and os.name == "posix":
            raise BadInput(f"{path} is readable by others (mode {stat.S_IMODE(mode):04o}), but its URLs are secrets: "
                           "run `chmod 600` on it")  # fmt: skip
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as wrong:
        raise BadInput(f"{path} cannot be read: {getattr(wrong, 'strerror', None) or 'it is not UTF-8'}") from None
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            name, equals, url = line.partition("=")
            if not (equals and url.strip()):
                raise BadInput(f"line {number} of {path} is not `name = URL`")
            yield Channel(_checked(name.strip(), f"line {number} of {path}"), url.strip(), str(path))


def _checked(name: str, where: str) -> str:
    if name == EVERY or not NAME.fullmatch(name):
        shown = "" if "/" in name or len(name) > 40 else f" {name!r}"  # the text may be a URL, which is secret
        raise BadInput(f"{where} names a channel{shown}: expected up to 32 of a-z, 0-9, - and _, but not {EVERY!r}")
    return name


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
