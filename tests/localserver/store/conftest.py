from collections.abc import Iterator
from pathlib import Path

import pytest

from clearml_flows.localserver.store.database import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "store.db")
    yield store
    store.close()
