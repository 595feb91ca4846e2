"""Data directories of the embedded backend that say one word everywhere, and work that is killed in their midst."""

import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from clearml_flows.localserver.state import DATABASE, FILES
from clearml_flows.localserver.storage import Storage
from clearml_flows.localserver.store.database import open_store


def folder_with(folder: Path, word: str, files: int = 2) -> Path:
    """A data directory as a stopped server leaves it, in which everything says `word`."""
    folder.mkdir(mode=0o700)
    store, storage = open_store(folder / DATABASE), Storage(folder / FILES, folder / "incoming")
    with store.write() as session:
        session.tasks.insert({"id": word, "name": word, "status": "created"})
    store.close()
    with storage.receive() as upload:
        for number in range(files):
            descriptor = upload.open((word, f'a "b" ü {number}'))
            os.write(descriptor, word.encode())
            upload.close(descriptor)
        upload.commit()
    with closing(sqlite3.connect(folder / "schedules.sqlite")) as connection:
        connection.execute("PRAGMA journal_mode = PERSIST")
        connection.execute("CREATE TABLE schedules AS SELECT ? AS word", (word,))
    (folder / "ports.json").write_text(json.dumps({"word": len(word)}))
    (folder / "credentials.json").write_text(f"of {word}")
    return folder


def said_by(folder: Path) -> set[str]:
    """What the parts of a data directory say: one word, unless they are a mixture."""
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        words = {word for (word,) in connection.execute("SELECT id FROM tasks")}
    with closing(sqlite3.connect(folder / "schedules.sqlite")) as connection:
        words |= {word for (word,) in connection.execute("SELECT word FROM schedules")}
    stored = [path for path in (folder / FILES).rglob("*") if path.is_file()]
    assert len(stored) == 2
    words |= {path.read_text() for path in stored} | {path.parent.name for path in stored}
    ports = json.loads((folder / "ports.json").read_text())
    return words | {word for word in ("old", "newer") if ports.get("word") == len(word)}


def survived(work: Callable[[], object], folder: Path, step: int) -> bool:
    """Whether `work` came to its end in a child that is killed before its `step`-th change below `folder`."""
    child = os.fork()
    if child == 0:
        left = [step]

        def audit(event: str, arguments: tuple[Any, ...]) -> None:
            writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_CREAT)
            changes = event in ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "sqlite3.connect")
            if (writes or changes) and str(folder) in str(arguments[:2]):
                left[0] -= 1
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(audit)
        try:
            work()
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1] == 0
