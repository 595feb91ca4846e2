"""Export experiments to CSV, JSON, Markdown or HTML."""

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from clearml_flows.experiments.api import experiments
from clearml_flows.files import check_target, save_text
from clearml_flows.plain_text import cell
from clearml_flows.tabular.data.problems import escape_cell
from clearml_flows.tabular.report.page import html_page

_ALWAYS = ("id", "name", "project", "status", "tags", "created", "started", "completed")
_CODE = ("commit", "repository", "branch", "entry_point")


def export_experiments(target: Path | None, format: str, ids: Sequence[str] = (), **filters: Any) -> int:  # noqa: A002
    """Write experiments to a file or to stdout (None), and return their number.

    The file is written completely or not at all.

    Args:
        format: csv, json, md or html. CSV cells cannot act as formulas, and HTML text not as markup.
        ids: ids of experiments, or their beginnings. Without ids, `filters` select the experiments.
        filters: those of `experiments.query.Query`.

    Raises:
        BadInput: the path is no valid target, or an id or filter matches nothing.
        FlowsError: the file cannot be written.
    """
    if target is not None:
        check_target(target)
    found = experiments(ids, **filters)
    save_text(target, FORMATS[format](found))
    return len(found)


def table_of(found: Sequence[dict[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    """Return header and rows of a table of all experiments.

    It has a column `parameter …` or `metric …` for each name that any experiment has.
    """
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
    # Numbers are not escaped: spreadsheets do not take a number as a formula, not even a negative one.
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
