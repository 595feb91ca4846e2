"""The rules that decide whether a model goes into production.

Every function here may travel with a step.
"""

from typing import Any

if __name__ != "__main__":  # ClearML copies unconditional imports into a step's script, where these functions stand.
    from components.metrics import lower_is_better
    from components.moves import was_rolled_back
    from components.registry import model_value


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


def judge(
    candidate: Any, incumbent: Any, moves: list[dict[str, Any]], embedded: bool, problem: str
) -> tuple[bool, str] | None:
    """What is decided without a look at metrics: whether the candidate is in production, and why; None if nothing is.

    `moves` are the records of promotions so far; `problem` tells why the production model could not be scored, if so.
    """
    if incumbent is not None and incumbent.id == candidate.id and "production" in incumbent.data.tags:
        return True, "it is the production model already"
    back = was_rolled_back(moves, candidate.id)
    if back:
        problem = f"it was rolled back on {back['when']} by {back['who']} ({back['why']}): promote it by hand if wanted"
    problem = data_refusal(candidate, incumbent, embedded) or problem
    return (False, problem) if problem else None


def data_refusal(candidate: Any, incumbent: Any, embedded: bool) -> str:
    """Why the data that a model learnt from keep it out of production; empty if they do not."""
    if not is_synthetic(candidate):
        return ""
    if not embedded:
        return "it was trained on synthetic customers, and such a model never goes into production on a server"
    if incumbent is not None and incumbent.id != candidate.id and not is_synthetic(incumbent):
        return "it was trained on synthetic customers, and the production model on real ones"
    return ""


def is_synthetic(entry: Any) -> bool:
    """Whether the model learnt from made-up customers: by its tag, or by its facts if the tag was taken off."""
    return "synthetic" in (entry.data.tags or []) or model_value(entry, "synthetic") == "true"
