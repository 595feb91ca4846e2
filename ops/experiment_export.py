"""Experiments as a file: CSV, JSON, Markdown or HTML, with parameters, metrics, dataset and commit of each."""

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from components.problems import escape_cell
from components.report_page import html_page
from ops.experiments import experiments
from ops.files import check_target, save_text
from ops.tables import cell

_ALWAYS = ("id", "name", "project", "status", "tags", "created", "started", "completed")
_CODE = ("commit", "repository", "branch", "entry_point")


def export_experiments(target: Path | None, format: str, ids: Sequence[str] = (), **filters: Any) -> int:  # noqa: A002
    """Writes experiments to a file, or to standard output (None), whole or not at all; returns how many.

    Args:
        format: csv, json, md or html. In CSV and HTML nothing can act as a formula or as markup.
        ids: of the experiments, or the beginnings of them; without ids the `filters` say which.
        filters: those of `ops.experiment_query.Query`.

    Raises:
        BadInput: the path cannot be that of a file, or an id or a filter means nothing.
        FlowsError: the file cannot be written.
    """
    if target is not None:
        check_target(target)
    found = experiments(ids, **filters)
    save_text(target, FORMATS[format](found))
    return len(found)


def table_of(found: Sequence[dict[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    """The head and the rows of one table with all of the experiments: `parameter …` and `metric …` for each of any."""
    names = {
        kind: list(dict.fromkeys(name for one in found for name in sorted(one[kind])))
        for kind in ("parameters", "metrics")
    }
    head = [*_ALWAYS, "dataset_id", "dataset_sha256", *_CODE]
    head += [f"parameter {name}" for name in names["parameters"]] + [f"metric {name}" for name in names["metrics"]]
    rows = [
        [
            *(one[name] for name in _ALWAYS),
            *(one["dataset"][name] for name in ("id", "sha256")),
            *(one["code"][name] for name in _CODE),
            *(one[kind].get(name) for kind in names for name in names[kind]),
        ]
        for one in found
    ]
    return head, rows


def _csv(found: Sequence[dict[str, Any]]) -> str:
    head, rows = table_of(found)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    # Numbers stay as they are, also negative ones: no spreadsheet takes a number for a formula.
    writer.writerows(
        [[one if isinstance(one, float) else escape_cell(cell(one)) for one in row] for row in (head, *rows)]
    )
    return text.getvalue()


def _json(found: Sequence[dict[str, Any]]) -> str:
    return json.dumps(found, indent=2) + "\n"


def _markdown(found: Sequence[dict[str, Any]]) -> str:
    head, rows = table_of(found)
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_markdown_cell(one) for one in line)} |\n" for line in lines)


def _markdown_cell(value: Any) -> str:
    text = re.sub(r"([\\|\[\]`])", r"\\\1", cell(value))
    return text.replace("<", "&lt;").replace(">", "&gt;")


def _html(found: Sequence[dict[str, Any]]) -> str:
    head, rows = table_of(found)
    shown = [[cell(value) for value in row] for row in rows]
    table = {"title": "Experiments", "blocks": [{"kind": "table", "head": head, "rows": shown}]}
    return html_page("Experiments", f"{len(found)} experiments", [table])


FORMATS: dict[str, Callable[[Sequence[dict[str, Any]]], str]] = {
    "csv": _csv,
    "json": _json,
    "md": _markdown,
    "html": _html,
}
