"""The verbs of `clearml-data`, called in this process."""

import contextlib
import importlib
import io
import re
import subprocess
import sys
from pathlib import Path
from unittest import mock

from clearml.backend_api.session.client import APIClient

from tests.contract.child import Document, tell


def data(project: str) -> Document:
    """`clearml-data`: a version, its child, and what is said of both."""
    folder = Path("data")
    folder.mkdir()
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text(name, encoding="utf-8")
    codes: dict[str, int] = {}

    def verb(name: str, *arguments: str) -> str:
        code, text = command("clearml.cli.data.__main__", name, *arguments)
        codes[name] = code
        return text

    first = created(verb("create", "--project", project, "--name", "verbs", "--version", "1.0.0"))
    verb("add", "--files", str(folder))
    verb("remove", "--files", "b.txt")
    verb("upload")
    verb("close")
    (folder / "c.txt").write_text("c", encoding="utf-8")
    # In a process of its own, as by hand: a reporter of this process would send to the version that is deleted below.
    sync = [sys.executable, "-m", "clearml.cli.data", "sync", "--folder", str(folder), "--parents", first]
    synced = subprocess.run(
        [*sync, "--project", project, "--name", "verbs"], capture_output=True, text=True, check=False, timeout=120
    )
    codes["sync"] = synced.returncode
    second = created(synced.stdout)
    listed = verb("list", "--id", second)
    found = verb("search", "--project", project, "--name", "verbs")
    verb("compare", "--source", first, "--target", second)
    verb("verify", "--id", second, "--folder", str(folder))
    verb("get", "--id", second, "--copy", "copy")
    verb("publish", "--id", first)
    verb("delete", "--id", second, "--force")
    left = APIClient().tasks.get_all(id=[first, second], search_hidden=True, _allow_extra_fields_=True)
    return {
        "codes": codes,
        "listed": sorted(set(re.findall(r"\b[abc]\.txt\b", listed))),
        "copied": sorted(path.name for path in Path("copy").iterdir()),
        "found": [version in found for version in (first, second)],
        "left": [task.status for task in left],
    }


def created(text: str) -> str:
    found = re.search(r"id=([0-9a-f]{32})", text)
    assert found, text
    return found[1]


def command(module: str, *arguments: str) -> tuple[int, str]:
    output = io.StringIO()
    main = importlib.import_module(module).main
    with mock.patch.object(sys, "argv", ["command", *arguments]), contextlib.redirect_stdout(output):
        try:
            main()
        except SystemExit as error:
            return int(error.code or 0), output.getvalue()
    return 0, output.getvalue()


tell(data)
