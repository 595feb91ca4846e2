"""A run beside its record: its document and the text of its pages, without what differs between any two runs."""

import html
import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import requests

LIBRARIES = ("numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops")
MASKS = {
    r"http://127\.0\.0\.1:\d+": "BACKEND",
    r"\b[0-9a-f]{32}\b": "ID",
    r"\b[0-9a-f]{40}\b": "COMMIT",
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?(\+00:00|Z)?": "TIME",
    r"by \S+@\S+": "by USER",
    r"\b(\d+ min )?[\d.]+ s\b": "SECONDS",
    r"(?<=cpu_seconds\n)[\d.]+": "SECONDS",
    r"(?<=process\n)\S+ \d+ [\d.]+": "PROCESS",
    r"(?<=libraries\n)\{.*\}": "LIBRARIES",
    r"(?<=\"seconds\": )[\d.]+": "0",
}


def libraries() -> dict[str, str]:
    """The releases that decide about a model's bytes."""
    return {name: version(name) for name in LIBRARIES}


def masked(text: str, folder: Path) -> str:
    """The text without ids, times, addresses, and the paths below a folder."""
    text = text.replace(str(folder), "FOLDER")
    for pattern, name in MASKS.items():
        text = re.sub(pattern, name, text)
    return text


def observe(document: dict[str, Any], folder: Path) -> dict[str, str]:
    """What is recorded of a run, by the names of the files: its document, its pages, its model card.

    Args:
        document: what `--json` printed.
        folder: the project of the run.
    """
    root = document["web_url"].partition("/pipelines/")[0]
    best = f"{root}/projects/*/experiments/{document['experiments']['best']['task_id']}"
    model = f"{root}/projects/*/models/{document['model']['id']}"
    card = re.search(r'href="(/files/[^"]*/model_card\.md)"', _get(document["report"]))
    assert card
    texts = {
        "document.json": json.dumps(document, indent=2) + "\n",
        "run.txt": _text(_get(document["web_url"])),
        "experiment.txt": _text(_get(best)),
        "model.txt": _text(_get(model)),
        "model_card.md": _get(root + html.unescape(card[1])),
    }
    return {name: masked(text, folder) for name, text in texts.items()}


def _get(url: str) -> str:
    return requests.get(url, timeout=30).text


def _text(page: str) -> str:
    """A page's text up to the configuration objects, which hold the code."""
    shown = re.sub(r"<[^>]+>", "\n", page.partition('<section id="configuration">')[0])
    lines = [line.strip() for line in html.unescape(shown).splitlines()]
    return "\n".join(line for line in lines if line) + "\n"
