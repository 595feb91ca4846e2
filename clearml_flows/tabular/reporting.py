"""Send events about a Task immediately and in order, with the SDK's API client.

A `Logger` would leave a thread for every Task, and sends later.
"""

import json
import platform
import time
from typing import Any


def make_client() -> Any:
    """Create an `APIClient` for the configured API; an error answer raises `APIError`."""
    from clearml.backend_api.session.client import APIClient

    return APIClient()


def send_report(client: Any, task_id: str, events: list[dict[str, Any]]) -> None:
    """Send events, built by the functions below, about a Task.

    Raises:
        RuntimeError: the backend did not accept all of them.
    """
    now = int(time.time() * 1000)
    added = client.events.add_batch(requests=[{**event, "task": task_id, "timestamp": now} for event in events])
    if added.errors:
        raise RuntimeError(
            f"{added.errors} of {len(events)} reports about task {task_id} were not taken by the backend"
        )


def value_events(values: dict[str, float]) -> list[dict[str, Any]]:
    """Convert each metric to a scalar and a single value.

    ClearML compares scalars in plots and single values in tables.
    """
    scalar = {"type": "training_stats_scalar", "iter": 0}
    scalars = [{**scalar, "metric": name, "variant": name, "value": value} for name, value in values.items()]
    return [*single_events(values), *scalars]


def single_events(values: dict[str, float]) -> list[dict[str, Any]]:
    """Convert each number to a single value only, without a plot."""
    # The SDK's `Logger.report_single_value` writes a scalar of this iteration.
    summary = {"type": "training_stats_scalar", "metric": "Summary", "iter": -(2**31)}
    return [{**summary, "variant": name, "value": value} for name, value in values.items()]


def series_events(series: dict[str, list[float]], first: int = 1) -> list[dict[str, Any]]:
    """Convert the metrics of each fold to scalars; the iteration counts the folds from `first`."""
    return [
        {"type": "training_stats_scalar", "metric": name, "variant": "fold", "iter": number, "value": value}
        for name, values in series.items()
        for number, value in enumerate(values, start=first)
    ]


def stage_events(stages: dict[str, dict[str, list[tuple[int, float]]]]) -> list[dict[str, Any]]:
    """Convert scores by stage, `{part: {metric: [(stage, value)]}}`, to a series for each part."""
    return [
        {
            "type": "training_stats_scalar",
            "metric": f"{name} by stage",
            "variant": part,
            "iter": stage,
            "value": value,
        }
        for part, scores in stages.items()
        for name, points in scores.items()
        for stage, value in points
    ]


def figure_events(figures: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Convert plotly figures to plots with their titles."""
    return [
        {"type": "plot", "metric": title, "variant": title, "iter": 0, "plot_str": json.dumps(figure, allow_nan=False)}
        for title, figure in figures.items()
    ]


def console_events(lines: list[str]) -> list[dict[str, Any]]:
    """Convert lines of text to lines of the Task's console."""
    return [{"type": "log", "level": "info", "worker": platform.node(), "msg": line} for line in lines]
