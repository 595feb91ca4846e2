"""Which model is in production: the rules that decide, and the tags that say so.

Every function here may travel with a step.
"""

from typing import Any

if __name__ != "__main__":  # ClearML copies unconditional imports into a step's script, where these functions stand.
    from components.metrics import lower_is_better


def decide(
    metrics: dict[str, float],
    production: dict[str, float] | None,
    metric: str,
    minimum: float,
    margin: float,
) -> tuple[bool, str]:
    """Whether a candidate with these metrics may go into production, and why, in words.

    `production` holds the production model's metrics on the same rows, or is None where there is no such model.

    Raises:
        ValueError: `metric` is none of the metrics.
    """
    metric = metric if metric in metrics else f"test_{metric}"
    if metric not in metrics:
        wrong, known = metric.removeprefix("test_"), ", ".join(sorted(metrics))
        raise ValueError(f"promotion.metric is {wrong!r}: it can be one of {known}")
    value, sign = metrics[metric], -1 if lower_is_better(metric) else 1
    bound = "above the maximum" if sign < 0 else "below the minimum"
    if sign * value < sign * minimum:
        return False, f"{metric} {value:.4f} is {bound} {minimum:g}"
    if production is None:
        return True, f"{metric} {value:.4f} meets {minimum:g}, and there is no production model to compare with"
    before = production[metric]
    if sign * (value - before) < -margin:
        return (
            False,
            f"{metric} {value:.4f} is more than {margin:g} worse than production's {before:.4f} on the same rows",
        )
    return True, f"{metric} {value:.4f} meets {minimum:g} and holds against production's {before:.4f} on the same rows"


def judge(candidate: Any, incumbent: Any, embedded: bool, problem: str) -> tuple[bool, str] | None:
    """What is decided without a look at metrics: whether the candidate is in production, and why; None if nothing is.

    `problem` tells why the production model could not be scored, if so.
    """
    if incumbent is not None and incumbent.id == candidate.id and "production" in incumbent.data.tags:
        return True, "it is the production model already"
    synthetic = [entry is not None and "synthetic" in (entry.data.tags or []) for entry in (candidate, incumbent)]
    if synthetic[0] and not embedded:
        return False, "it was trained on synthetic customers, and such a model never goes into production on a server"
    if synthetic[0] and incumbent is not None and not synthetic[1]:
        return False, "it was trained on synthetic customers, and the production model on real ones"
    return (False, problem) if problem else None


def find_incumbent(entries: list[Any]) -> Any:
    """The production model among those of a name; else the one that was until a move broke off; else None."""
    for tag in ("production", "previous-production"):
        for entry in entries:
            if tag in (entry.data.tags or []):
                return entry
    return None


def promote_model(client: Any, entries: list[Any], model_id: str) -> None:
    """Moves `production` to this model among those of its name, and `previous-production` to the one that had it.

    ClearML changes one model at a time. So the old one gives `production` up, in the request that makes it the
    previous one, before the new one gets it: stopped in between, there is no production model, never two, and
    `find_incumbent` still knows the previous one.
    """
    tags = {entry.id: list(entry.data.tags or []) for entry in entries}
    old = [one for one in tags if one != model_id and "production" in tags[one]]
    for one in old:
        kept = [tag for tag in tags[one] if tag not in ("production", "candidate", "previous-production")]
        client.models.edit(model=one, tags=[*kept, "previous-production"])
    kept = [tag for tag in tags[model_id] if tag not in ("production", "candidate", "previous-production")]
    client.models.edit(model=model_id, tags=[*kept, "production"])
    for one in tags if old else []:
        if one not in (*old, model_id) and "previous-production" in tags[one]:
            client.models.edit(model=one, tags=[tag for tag in tags[one] if tag != "previous-production"])
