"""What is told about a Task, sent at once and in order, over the SDK's own API client.

A `Logger` would leave a thread for every Task that it reports for, and sends later. Every function here may travel with
a step.
"""

from typing import Any


def make_client() -> Any:
    """A client of the API that the SDK is configured for. An error answer raises `APIError`."""
    from clearml.backend_api.session.client import APIClient

    return APIClient()


def send_report(client: Any, task_id: str, events: list[dict[str, Any]]) -> None:
    """Sends events, as the functions below make them, about a Task.

    Raises:
        RuntimeError: the backend did not take all of them.
    """
    import time

    now = int(time.time() * 1000)
    added = client.events.add_batch(requests=[{**event, "task": task_id, "timestamp": now} for event in events])
    if added.errors:
        raise RuntimeError(
            f"{added.errors} of {len(events)} reports about task {task_id} were not taken by the backend"
        )


def value_events(values: dict[str, float]) -> list[dict[str, Any]]:
    """Each metric as a scalar, which ClearML compares in plots, and as a single value, which it compares in tables."""
    scalar = {"type": "training_stats_scalar", "iter": 0}
    scalars = [{**scalar, "metric": name, "variant": name, "value": value} for name, value in values.items()]
    return [*single_events(values), *scalars]


def single_events(values: dict[str, float]) -> list[dict[str, Any]]:
    """Each number as a single value only: what is not worth a plot."""
    # The SDK's `Logger.report_single_value` writes a scalar of this iteration.
    summary = {"type": "training_stats_scalar", "metric": "Summary", "iter": -(2**31)}
    return [{**summary, "variant": name, "value": value} for name, value in values.items()]


def series_events(series: dict[str, list[float]], first: int = 1) -> list[dict[str, Any]]:
    """The metric of each fold as one scalar; the iteration is the number of the fold, from `first` on."""
    return [
        {"type": "training_stats_scalar", "metric": name, "variant": "fold", "iter": number, "value": value}
        for name, values in series.items()
        for number, value in enumerate(values, start=first)
    ]


def stage_events(stages: dict[str, dict[str, list[tuple[int, float]]]]) -> list[dict[str, Any]]:
    """Scores by stage, `{part: {metric: [(stage, value)]}}`, as a scalar for each metric with a line for each part."""
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
    """The plotly figures as plots of their titles."""
    import json

    return [
        {"type": "plot", "metric": title, "variant": title, "iter": 0, "plot_str": json.dumps(figure, allow_nan=False)}
        for title, figure in figures.items()
    ]


def console_events(lines: list[str]) -> list[dict[str, Any]]:
    """Lines of the Task's console."""
    import platform

    return [{"type": "log", "level": "info", "worker": platform.node(), "msg": line} for line in lines]
