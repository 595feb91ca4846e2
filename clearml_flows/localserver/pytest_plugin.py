"""pytest plugin with the fixtures `clearml_backend` and `fresh_clearml_backend`.

Every pytest run of the installation loads this module, so it imports only pytest until a fixture is used.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from clearml_flows.localserver.sandbox import ClearMLBackend


@pytest.fixture(scope="session")
def clearml_backend(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[ClearMLBackend]":
    """ClearML backend shared by all tests of this process, configured for the SDK."""
    with _backend(tmp_path_factory.mktemp("clearml-backend")) as backend:
        yield backend


@pytest.fixture
def fresh_clearml_backend(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[ClearMLBackend]":
    """Empty ClearML backend for one test, configured for the SDK."""
    with _backend(tmp_path_factory.mktemp("fresh-clearml-backend")) as backend:
        yield backend


@contextmanager
def _backend(folder: Path) -> "Iterator[ClearMLBackend]":
    from clearml_flows.localserver.sandbox import running_backend
    from clearml_flows.localserver.state import Failure

    try:
        with running_backend(folder) as backend:
            yield backend
    except Failure as failure:
        pytest.fail(str(failure), pytrace=False)
