"""Compare tasks side by side: parameters, values, curves, plots and images."""

from typing import Any

from clearml_flows.localserver.pages import reports, views
from clearml_flows.localserver.pages.charts import Series, chart
from clearml_flows.localserver.pages.reports import Links
from clearml_flows.localserver.pages.shapes import mapping, text
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.store.session import Session

MOST = 24
# The style sheet has eight colours.
DRAWN = 8

Json = dict[str, Any]
# A name and a cell for each task.
Row = tuple[str, list[Any]]


def compare(db: Session, ids: str, links: Links) -> Json | None:
    """Return the data of the comparison page, or None if no task exists.

    Args:
        ids: ids of tasks, separated by commas. Only the first MOST are used.
    """
    asked = dict.fromkeys(ids.split(",")[:MOST])
    found = [task for task in (db.tasks.get(id) for id in asked) if task is not None]
    if not found:
        return None
    drawn = {task["id"]: text(task.get("name"), 80) for task in found[:DRAWN]}
    curves, singles = reports.curves(db, [task["id"] for task in found])
    parameters = _rows([_parameters(task) for task in found])
    return {
        "tasks": views.task_rows(db, found),
        "different": [row for row in parameters if not _is_same(row)],
        "same": [row for row in parameters if _is_same(row)],
        "values": _rows([singles.get(task["id"], {}) for task in found]),
        "charts": _charts(curves, drawn),
        "plots": _by_title([(name, reports.plots(db, id, links)) for id, name in drawn.items()]),
        "images": _by_title([(name, reports.images(db, id, links)) for id, name in drawn.items()]),
        "left_out": len(found) - len(drawn),
    }


def _parameters(task: Document) -> dict[str, Any]:
    return {
        f"{text(section, 100)}/{text(name, 200)}": text(mapping(entry).get("value"), 500)
        for section, entries in mapping(task.get("hyperparams")).items()
        for name, entry in mapping(entries).items()
    }


def _rows(columns: list[dict[str, Any]]) -> list[Row]:
    names = sorted({name for column in columns for name in column})
    return [(name, [column.get(name) for column in columns]) for name in names]


def _is_same(row: Row) -> bool:
    return all(cell == row[1][0] for cell in row[1])


def _charts(curves: reports.Curves, names: dict[str, str]) -> list[Any]:
    charts = []
    for metric, found in curves.items():
        shown = {key: points for key, points in found.items() if key[0] in names}
        several = len({variant for _, variant in shown}) > 1
        series = [
            Series(f"{names[id]}, {text(variant, 80)}" if several else names[id], points)
            for (id, variant), points in shown.items()
        ]
        if series:
            charts.append(chart(text(metric, 200), series))
    return charts


def _by_title(found: list[tuple[str, list[tuple[str, Any]]]]) -> list[tuple[str, list[tuple[str, Any]]]]:
    """Group entries by title: (title, [(name of the task, entry)])."""
    titles = dict.fromkeys(title for _, entries in found for title, _ in entries)
    return [
        (title, [(name, entry) for name, entries in found for own, entry in entries if own == title])
        for title in titles
    ]
