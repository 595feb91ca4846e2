"""A real embedded backend in a process of its own, for the tests of every package."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clearml_flows.localserver import launcher

_DROPPED = ("CLEARML_", "TRAINS_", "KAGGLE_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@dataclass(frozen=True)
class Backend:
    """A running backend; `home` is an empty home directory for the clients that use it."""

    status: launcher.Status
    home: Path

    @property
    def api_url(self) -> str:
        assert self.status.api_url is not None
        return self.status.api_url

    @property
    def files_url(self) -> str:
        assert self.status.files_url is not None
        return self.status.files_url

    def env(self, **more: str) -> dict[str, str]:
        """Return the whole environment of a client process: this backend's clearml.conf, its own home, no proxies."""
        kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(_DROPPED)}
        return {
            **kept,
            "HOME": str(self.home),
            "USERPROFILE": str(self.home),
            "CLEARML_CONFIG_FILE": self.status.config_file,
            "CLEARML_SUPPRESS_UPDATE_MESSAGE": "1",
            **more,
        }


@contextmanager
def running_backend(data_dir: Path) -> Iterator[Backend]:
    """Run the backend of a data directory for as long as the context lasts."""
    home = data_dir.parent / f"{data_dir.name}-home"
    home.mkdir(exist_ok=True)
    status = launcher.up(data_dir)
    try:
        yield Backend(status, home)
    finally:
        launcher.down(data_dir)
