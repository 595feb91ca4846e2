"""The gate: the rules that a model must hold to go into production, each told with its numbers.

A rule is `{rule, passed, why}`. Every function here may travel with a step.
"""

from typing import Any

if __name__ != "__main__":  # ClearML copies unconditional imports into a step's script, where these functions stand.
    from clearml_flows.tabular.judging.metrics import lower_is_better
    from clearml_flows.tabular.judging.synthetic_rule import data_refusal
    from clearml_flows.tabular.registry.moves import promote_model, was_rolled_back, who_asks


def make_rule(rule: str, passed: bool, why: str) -> dict[str, Any]:
    """One rule and what came of it."""
    return {"rule": rule, "passed": passed, "why": why}


def full_metric(metrics: dict[str, float], metric: str) -> str:
    """The name of the metric as it stands in `metrics`, where `test_` may be left out.

    Raises:
        ValueError: it is none of them.
    """
    name = metric if metric in metrics else f"test_{metric}"
    if name not in metrics:
        wrong, known = metric.removeprefix("test_"), ", ".join(sorted(metrics))
        raise ValueError(f"the gate's metric is {wrong!r}: it can be one of {known}")
    return name


def origin_rules(candidate: Any, incumbent: Any, moves: list[dict[str, Any]], embedded: bool) -> list[dict[str, Any]]:
    """Whether the model's data and its past in production allow it there; `moves` are the records of promotions."""
    refusal = data_refusal(candidate, incumbent, embedded)
    back = was_rolled_back(moves, candidate.id)
    past = (
        f"it was rolled back on {back['when']} by {back['who']} ({back['why']}): promote it by hand if wanted"
        if (back)
        else "it was not rolled back before"
    )
    return [
        make_rule("data", not refusal, refusal or "the data that it learnt from allow it"),
        make_rule("history", not back, past),
    ]


def result_rules(
    scored: dict[str, Any],
    production: dict[str, Any] | None,
    judged: dict[str, Any],
    problem: str,
    limits: dict[str, Any],
) -> list[dict[str, Any]]:
    """Whether what the test rows tell of the candidate and the production model is good enough.

    Args:
        scored: the candidate, as `score_model` returns it.
        production: the production model on the same rows, or None.
        judged: what `judge_models` returns of them.
        problem: why the production model could not be measured; empty if it could, or if there is none.
        limits: `metric`, `minimum`, `margin`, `calibration_maximum`, `segment_minimum` and `segment_drop`.

    Raises:
        ValueError: the metric is not one of the candidate's.
    """
    metrics, before = scored["metrics"], production and production["metrics"]
    metric = full_metric(metrics, limits["metric"])
    difference = next((one for one in judged["comparison"] if one["metric"] == metric), None)
    rules = [
        minimum_rule(metrics, metric, limits["minimum"]),
        production_rule(metrics, before, metric, limits["margin"], difference, problem),
    ]
    if "calibration" not in judged:
        return rules
    overall, lowest = metrics["test_roc_auc"], (limits["segment_minimum"], limits["segment_drop"])
    return [
        *rules,
        calibration_rule(judged["calibration"], limits["calibration_maximum"]),
        segment_rule(judged["segments"], overall, *lowest),
    ]


def minimum_rule(metrics: dict[str, float], metric: str, minimum: float) -> dict[str, Any]:
    """Whether the metric is good enough by itself."""
    value, lower = metrics[metric], lower_is_better(metric)
    passed = value <= minimum if lower else value >= minimum
    words = "meets" if passed else "is above the maximum" if lower else "is below the minimum"
    return make_rule("minimum", passed, f"{metric} {value:.4f} {words} {minimum:g}")


def production_rule(
    metrics: dict[str, float],
    before: dict[str, float] | None,
    metric: str,
    margin: float,
    difference: dict[str, float] | None,
    problem: str,
) -> dict[str, Any]:
    """Whether the metric holds against that of the production model on the same rows.

    Args:
        metrics: the candidate's.
        before: the production model's, or None.
        metric: the one that decides.
        margin: how much worse the candidate may be.
        difference: `low`, `high` and `p_value` of candidate less production.
        problem: why the production model could not be measured; empty if it could, or if there is none.
    """
    if problem or before is None:
        return make_rule("production", not problem, problem or "there is no production model to compare with")
    value, other, sign = metrics[metric], before[metric], -1 if lower_is_better(metric) else 1
    passed = sign * (value - other) >= -margin
    words = "holds against" if passed else f"is more than {margin:g} worse than"
    why = f"{metric} {value:.4f} {words} production's {other:.4f} on the same rows"
    if difference:
        low, high, p_value = (difference[key] for key in ("low", "high", "p_value"))
        why += f", difference {value - other:+.4f}, 95 % interval {low:+.4f} to {high:+.4f}, p {p_value:.3f}"
    return make_rule("production", passed, why)


def calibration_rule(facts: dict[str, float], maximum: float) -> dict[str, Any]:
    """Whether the probabilities are right, as far as so many rows can tell; `facts` come from `calibration_facts`."""
    error, chance = facts["expected_calibration_error"], facts["calibration_error_by_chance"]
    said = f"mean prediction {facts['mean_predicted']:.3f}, share of positives {facts['share_of_positives']:.3f}"
    if error <= maximum:
        return make_rule("calibration", True, f"calibration error {error:.4f} is within {maximum:g}")
    if error <= chance:
        why = f"calibration error {error:.4f} is above {maximum:g}"
        return make_rule("calibration", True, f"{why}, but on so few rows chance alone makes up to {chance:.4f}")
    return make_rule("calibration", False, f"calibration error {error:.4f} is above {maximum:g} ({said})")


def segment_rule(table: list[dict[str, Any]], overall: float, minimum: float, drop: float) -> dict[str, Any]:
    """Whether the model ranks the customers of every segment that has enough rows.

    A segment collapses where even the upper end of its ROC-AUC's interval is below `minimum`, or more than `drop` below
    the ROC-AUC of all rows: with a dozen segments, one is always low by chance.
    """
    limit = max(minimum, overall - drop)
    judged = [one for one in table if one["roc_auc"] is not None]
    low = [one for one in judged if one["high"] < limit]
    if low:
        named = ", ".join(f"{one['segment']} {one['roc_auc']:.4f} (at most {one['high']:.4f})" for one in low)
        return make_rule("segments", False, f"roc_auc collapses below {limit:.4f} for {named}")
    if not judged:
        return make_rule("segments", True, f"none of {len(table)} segments has enough rows to judge")
    worst = min(judged, key=lambda one: one["roc_auc"])
    why = f"none of {len(judged)} segments collapses below roc_auc {limit:.4f}"
    return make_rule("segments", True, f"{why}, the lowest is {worst['segment']} with {worst['roc_auc']:.4f}")


def verdict(rules: list[dict[str, Any]], in_production: bool) -> tuple[bool, str]:
    """Whether the model goes into production, and why: every rule that failed, or all that were held.

    A model that is there stays there: to take it out is a decision for people, who are told of what it fails.
    """
    failed = "; ".join(rule["why"] for rule in rules if not rule["passed"])
    if in_production:
        return True, "it is the production model already" + (
            f", though by now it would stay out: {failed}" if failed else ""
        )
    return not failed, failed or "; ".join(rule["why"] for rule in rules if rule["rule"] not in ("data", "history"))


def decide(client: Any, task: Any, entry: Any, incumbent: Any, rules: list[dict[str, Any]]) -> tuple[bool, str]:
    """Moves `production` to the candidate if the rules allow it; the incumbent is the production model or None.

    Returns:
        Whether the candidate is in production now, and why or why not.
    """
    present = incumbent is not None and incumbent.id == entry.id and "production" in incumbent.data.tags
    promoted, reason = verdict(rules, present)
    if not promoted:
        return False, reason
    told = {"who": who_asks(client), "via": f"task {task.id}", "why": reason}
    refused = promote_model(client, entry, incumbent.id if incumbent else "", told)
    return not refused, refused or reason
