"""Tables of experiments: side by side, and ranked by a metric."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from clearml_flows.errors import BadInput
from clearml_flows.plain_text import cell

if TYPE_CHECKING:
    import pandas as pd

Experiment = dict[str, Any]
_OF_EXPERIMENTS = ("name", "status", "tags")
# Metrics whose values are between 0 and 1.
_SHARES = ("roc_auc", "average_precision", "f1_score", "accuracy", "precision", "recall", "brier")


def compared(found: Sequence[Experiment]) -> list[dict[str, Any]]:
    """Return the lines of a comparison: `{part, name, values, differs, deltas}` for each value.

    `deltas` are the differences of a metric to the first experiment, None without two values.

    Raises:
        BadInput: there are fewer than two experiments.
    """
    if len(found) < 2:
        what = f"only {found[0]['name']} {found[0]['id']} is" if found else "none is"
        raise BadInput(f"comparing takes two experiments or more, but {what} meant")
    parts = {
        "experiment": [{name: one[name] for name in _OF_EXPERIMENTS} for one in found],
        "parameter": [one["parameters"] for one in found],
        "metric": [one["metrics"] for one in found],
        "dataset": [one["dataset"] for one in found],
        "code": [one["code"] for one in found],
    }
    return side_by_side(parts)


def side_by_side(parts: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return the lines of a comparison, as `compared` does, from the values by part."""
    return [
        _line(part, name, [values.get(name) for values in sides])
        for part, sides in parts.items()
        for name in dict.fromkeys(name for values in sides for name in values)
    ]


def side_by_side_frame(ids: Sequence[str], lines: Sequence[dict[str, Any]]) -> "pd.DataFrame":
    """Return the lines as a DataFrame, indexed by `part` and `name`.

    It has a column for each id, `differs`, and `delta <id>` for each id but the first.
    """
    import pandas as pd

    index = pd.MultiIndex.from_tuples([(line["part"], line["name"]) for line in lines], names=["part", "name"])
    columns: dict[str, list[Any]] = {one: [line["values"][place] for line in lines] for place, one in enumerate(ids)}
    columns["differs"] = [line["differs"] for line in lines]
    columns |= {f"delta {one}": [line["deltas"][place] for line in lines] for place, one in enumerate(ids) if place}
    return pd.DataFrame(columns, index=index)


def side_by_side_rows(lines: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Return the lines as table rows.

    A * marks different values. Metrics show the difference to the first experiment.
    """
    return [["*" if line["differs"] else "", line["part"], line["name"], *_sides(line)] for line in lines]


def ranked(found: Sequence[Experiment], metric: str, lowest: bool) -> dict[str, Any]:
    """Return the experiments with the metric, best first: `{metric, experiments, reason}`.

    Each is `{place, id, name, value, low, high, dataset}`. `low` and `high` are the 95 % interval if it is known: from
    the metrics `<metric>_low` and `<metric>_high`, or computed from `<metric>_std` over the folds.
    """
    having = [one for one in found if metric in one["metrics"]]
    best = sorted(having, key=lambda one: (one["metrics"][metric] * (1 if lowest else -1), one["name"]))
    rows = []
    for place, one in enumerate(best, start=1):
        low, high = _interval(one, metric)
        value = one["metrics"][metric]
        told = {"place": place, "id": one["id"], "name": one["name"], "value": value, "low": low, "high": high}
        rows.append({**told, "dataset": one["dataset"]["id"]})
    return {"metric": metric, "experiments": rows, "reason": _reason(best, metric, lowest)}


def _sides(line: dict[str, Any]) -> list[str]:
    return [
        f"{cell(value)} ({delta:+.4f})" if delta is not None else cell(value)
        for value, delta in zip(line["values"], line["deltas"], strict=True)
    ]


def _line(part: str, name: str, values: list[Any]) -> dict[str, Any]:
    first = values[0]
    deltas = [value - first if part == "metric" and None not in (first, value) else None for value in values]
    differs = any(value != first for value in values)
    return {"part": part, "name": name, "values": values, "differs": differs, "deltas": [None, *deltas[1:]]}


def _interval(one: Experiment, metric: str) -> tuple[float | None, float | None]:
    from clearml_flows.tabular.report.sections import mean_interval

    metrics = one["metrics"]
    if f"{metric}_low" in metrics and f"{metric}_high" in metrics:
        return metrics[f"{metric}_low"], metrics[f"{metric}_high"]
    low, high = mean_interval(metrics[metric], metrics.get(f"{metric}_std"), *_folds(one))
    if metric.endswith(_SHARES):
        low, high = (None if edge is None else min(max(edge, 0.0), 1.0) for edge in (low, high))
    return low, high


def _folds(one: Experiment) -> tuple[int, int]:
    told = (one["parameters"].get(f"General/{name}") or "" for name in ("folds", "repeats"))
    folds, repeats = (int(text) if text.isdecimal() else 0 for text in told)
    return folds, max(repeats, 1)


def _reason(best: Sequence[Experiment], metric: str, lowest: bool) -> str:
    if not best:
        return f"no experiment has {metric}"
    first = best[0]
    order = "lowest" if lowest else "highest"
    text = f"{first['name']} leads: its {metric}, {first['metrics'][metric]:.4f}, is the {order}"
    if len(best) == 1:
        return f"{text}; no other experiment has one"
    second = best[1]
    lead = abs(first["metrics"][metric] - second["metrics"][metric])
    if not lead:
        return f"{text}, but {second['name']} has the same: the names decide"
    low, high = _interval(first, metric)
    if low is not None and high is not None:
        inside = low <= second["metrics"][metric] <= high
        chance = "inside its 95 % interval, so that may be chance" if inside else "outside its 95 % interval"
        text += f", {lead:.4f} before {second['name']}, which lies {chance}"
    else:
        text += f", {lead:.4f} before {second['name']}; whether that is chance is not known: it has no interval"
    if first["dataset"] != second["dataset"]:
        text += "; they saw different datasets, which makes them hard to compare"
    return text
