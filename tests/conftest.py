"""Isolation: no test sees this machine's home, ClearML or Kaggle configuration, nor settings from the environment."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

FOREIGN = (
    "CLEARML_",
    "TRAINS_",
    "KAGGLE_",
    "PIPELINE_",
    "FLOWS__",
    "FLOWS_NOTIFY_",
    "FLOWS_SETTINGS",
    "FLOWS_RUN",
    "FLOWS_FRESH",
    "FLOWS_QUEUE",
    "FLOWS_TAGS",
    "FLOWS_KEY",
    "FLOWS_SHARED",
    "FLOWS_FORCE",
    "FLOWS_RESUME",
    "FLOWS_HEARTBEAT_URL",
)

TESTS = Path(__file__).parent
# A test below a folder of this name is in this tier; all others are in `make test`.
TIERS = {"soak": "soak", "agents": "e2e", "browser": "e2e", "e2e": "e2e"}


@pytest.hookimpl(tryfirst=True)  # before pytest drops what `-m` leaves out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folders = item.path.relative_to(TESTS).parts[:-1]
        for tier in [tier for folder, tier in TIERS.items() if folder in folders][:1]:
            item.add_marker(tier)


@pytest.fixture(scope="session", autouse=True)
def heard_signals() -> None:
    """A shell in the background ignores SIGINT, `nohup` ignores SIGHUP, and what tests start would inherit that."""
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, usual)


@pytest.fixture(scope="session", autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(FOREIGN):
                patch.delenv(name)
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("MPLBACKEND", "Agg")
        yield


@pytest.fixture(autouse=True)
def kept_settings() -> Iterator[None]:
    """What an option sets is a variable of its process: of this one, where a test runs a command in it."""
    before = {name: value for name, value in os.environ.items() if name.startswith("FLOWS__")}
    yield
    for name in [name for name in os.environ if name.startswith("FLOWS__")]:
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder with the real CSV files; tests that want them skip without it."""
    folder = Path(os.environ.get("FLOWS_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"the real data files are not in {folder.name} beside the project, nor named by FLOWS_TEST_DATA")
    return folder
