"""The pages in a real browser: what a hostile client stored never runs."""

import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from clearml_flows.localserver.pages.app import pages_app
from clearml_flows.localserver.storage import Storage
from clearml_flows.localserver.store.database import Store
from tests.localserver.pages.conftest import FILES_URL, Records
from tests.localserver.pages.test_app import PAGES, Elements, fill
from tests.support.browser import loaded_page, needs_browser

MARK = "document.documentElement.setAttribute('data-evil','1')"
EVIL = f'<script>{MARK}</script><img src=x onerror="{MARK}">"\'><svg/onload="{MARK}">'

pytestmark = needs_browser


def root_attributes(url: str, profile: Path) -> dict[str, str | None]:
    """Open a page and return the attributes of its root element."""
    return next(attributes for tag, attributes in Elements(loaded_page(url, profile)).found if tag == "html")


@pytest.fixture
def address(store: Store, storage: Storage) -> Iterator[str]:
    config = uvicorn.Config(pages_app(store, storage, FILES_URL), port=0, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    listener = config.bind_socket()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


def test_the_mark_shows_where_scripts_do_run(tmp_path: Path) -> None:
    page = "data:text/html," + urllib.parse.quote(f"<!doctype html><html><body>{EVIL}</body></html>")
    assert root_attributes(page, tmp_path / "profile").get("data-evil") == "1"


def test_nothing_a_client_stored_runs(
    address: str, records: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.localserver.pages.test_app.EVIL", EVIL)
    monkeypatch.setattr("tests.localserver.pages.test_app.EVIL_LINK", f"javascript:{MARK}")
    fill(records)
    for path in PAGES:
        assert "data-evil" not in root_attributes(address + path, tmp_path / "profile")
