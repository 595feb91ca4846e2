"""The verbs of `clearml-data`, each in a process of its own."""

import re
import subprocess
import sys
from pathlib import Path

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
        # In a process of its own, as by hand: a reporter of this process could send to the version that is deleted.
        command = [sys.executable, "-m", "clearml.cli.data", name, *arguments]
        ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=120)
        codes[name] = ended.returncode
        return ended.stdout

    first = created(verb("create", "--project", project, "--name", "verbs", "--version", "1.0.0"))
    verb("add", "--files", str(folder))
    verb("remove", "--files", "b.txt")
    verb("upload")
    verb("close")
    (folder / "c.txt").write_text("c", encoding="utf-8")
    second = created(verb("sync", "--folder", str(folder), "--parents", first, "--project", project, "--name", "verbs"))
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


tell(data)
