from collections.abc import Iterator

import hypothesis
import pytest

from tests.support.backend import Backend, running_backend

# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """One real server process for all tests that only read from it or write under names of their own."""
    with running_backend(tmp_path_factory.mktemp("backend") / "data") as running:
        yield running
