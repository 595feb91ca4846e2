"""Two tests for two workers of pytest-xdist, which wait for each other."""

import time
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize("number", [0, 1])
def test_each_worker_has_a_backend(clearml_backend: Any, number: int) -> None:
    Path(f"worker-{number}").write_text(clearml_backend.api_url)
    other = Path(f"worker-{1 - number}")
    deadline = time.monotonic() + 60
    while not other.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert other.read_text() != clearml_backend.api_url
