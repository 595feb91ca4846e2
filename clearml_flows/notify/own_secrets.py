"""Secret keys in this machine's files, to be masked.

Some of them have the form of a Task id.
"""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from clearml_flows.backend.configuration import in_force
from clearml_flows.errors import FlowsError
from clearml_flows.localserver.credentials import CREDENTIALS
from clearml_flows.settings import Settings

SHORTEST = 16  # a shorter value is a name, not a key


def of_server(settings: Settings) -> list[str]:
    """Return the keys of the configured ClearML Server."""
    with suppress(FlowsError):
        found = in_force(settings)
        return [found.access_key, found.secret_key]
    return []


def of_files(folder: Path) -> Iterator[str]:
    """Yield the keys of the embedded backend and of Kaggle. Missing files are skipped."""
    kaggle = Path(os.environ.get("KAGGLE_CONFIG_DIR") or Path("~/.kaggle").expanduser())
    for path in (folder / CREDENTIALS, kaggle / "kaggle.json"):
        with suppress(OSError, ValueError, AttributeError):
            values = json.loads(path.read_text("utf-8")).values()
            yield from (value for value in values if isinstance(value, str) and len(value) >= SHORTEST)
