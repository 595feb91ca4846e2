"""Headless Chromium for the tests of pages."""

import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SWITCHES = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
SWITCHES += ["--disable-background-networking", "--disable-component-update"]

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (Debian's package: chromium)")


def loaded_page(url: str, profile: Path, *switches: str) -> str:
    """Open a page in a profile folder and return its HTML after loading.

    Raises CalledProcessError if the browser fails.
    """
    assert CHROMIUM
    command = [CHROMIUM, *SWITCHES, f"--user-data-dir={profile}", *switches, "--dump-dom", url]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
