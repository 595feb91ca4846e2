"""The gate: rules that a model must pass to go into production, each with its numbers.

A rule is `{rule, passed, why}`.
"""

from dataclasses import dataclass
from typing import Any

from clearml_flows.tabular.judging.metric_names import lower_is_better
from clearml_flows.tabular.judging.synthetic_rule import data_refusal
from clearml_flows.tabular.registry.moves import promote_model, was_rolled_back, who_asks


@dataclass(frozen=True)
class GateLimits:
    """Limits of the gate, as in the settings table `[promotion]`."""

    metric: str
    minimum: float
    margin: float
    calibration_maximum: float
    segment_minimum: float
    segment_drop: float


def make_rule(rule: str, passed: bool, why: str) -> dict[str, Any]:
    """Build a rule's result."""
    return {"rule": rule, "passed": passed, "why": why}


def full_metric(metrics: dict[str, float], metric: str) -> str:
    """Return the metric's name as in `metrics`; the prefix `test_` may be omitted.

    Raises:
        ValueError: `metrics` has no such metric.
    """
    name = metric if metric in metrics else f"test_{metric}"
    if name not in metrics:
        wrong, known = metric.removeprefix("test_"), ", ".join(sorted(metrics))
        raise ValueError(f"the gate's metric is {wrong!r}: it can be one of {known}")
    return name


def origin_rules(candidate: Any, incumbent: Any, moves: list[dict[str, Any]], embedded: bool) -> list[dict[str, Any]]:
    """Check the model's training data and its history in production.

    `moves` are the records of promotions and rollbacks.
    """
    refusal = data_refusal(candidate, incumbent, embedded)
    back = was_rolled_back(moves, candidate.id)
    past = (
        f"it was rolled back on {back['when']} by {back['who']} ({back['why']}): promote it by hand if wanted"
        if back
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
    limits: GateLimits,
) -> list[dict[str, Any]]:
    """Check the results of the candidate and the production model on the test rows.

    Args:
        scored: the candidate, from `score_model`.
        production: the production model on the same rows, or None.
        judged: the result of `judge_models`.
        problem: why the production model could not be scored, else empty.
        limits: the limits of the gate.

    Raises:
        ValueError: the candidate has no such metric.
    """
    metrics, before = scored["metrics"], production and production["metrics"]
    metric = full_metric(metrics, limits.metric)
    difference = next((one for one in judged["comparison"] if one["metric"] == metric), None)
    rules = [
        minimum_rule(metrics, metric, limits.minimum),
        production_rule(metrics, before, metric, limits.margin, difference, problem),
    ]
    if "calibration" not in judged:
        return rules
    overall, lowest = metrics["test_roc_auc"], (limits.segment_minimum, limits.segment_drop)
    return [
        *rules,
        calibration_rule(judged["calibration"], limits.calibration_maximum),
        segment_rule(judged["segments"], overall, *lowest),
    ]


def minimum_rule(metrics: dict[str, float], metric: str, minimum: float) -> dict[str, Any]:
    """Compare the metric with the minimum, or the maximum if lower is better."""
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
    """Compare the metric with the production model's on the same rows.

    Args:
        metrics: the candidate's metrics.
        before: the production model's metrics, or None.
        metric: the metric that decides.
        margin: how much worse the candidate may be.
        difference: `low`, `high` and `p_value` of candidate less production.
        problem: why the production model could not be scored, else empty.
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
    """Compare the calibration error with the maximum, or with the error expected by chance.

    `facts` come from `calibration_facts`.
    """
    error, chance = facts["expected_calibration_error"], facts["calibration_error_by_chance"]
    said = f"mean prediction {facts['mean_predicted']:.3f}, share of positives {facts['share_of_positives']:.3f}"
    if error <= maximum:
        return make_rule("calibration", True, f"calibration error {error:.4f} is within {maximum:g}")
    if error <= chance:
        why = f"calibration error {error:.4f} is above {maximum:g}"
        return make_rule("calibration", True, f"{why}, but on so few rows chance alone makes up to {chance:.4f}")
    return make_rule("calibration", False, f"calibration error {error:.4f} is above {maximum:g} ({said})")


def segment_rule(table: list[dict[str, Any]], overall: float, minimum: float, drop: float) -> dict[str, Any]:
    """Check the ROC-AUC of every segment that has enough rows.

    A segment fails if the upper end of its interval is below `minimum`, or more than `drop` below the ROC-AUC of all
    rows. The upper end is used because one of a dozen segments is always low by chance.
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
    """Return if the model may be in production, and why: all failed rules, or all passed ones.

    A model that is in production stays there. Its failed rules are reported, and people decide.
    """
    failed = "; ".join(rule["why"] for rule in rules if not rule["passed"])
    if in_production:
        return True, "it is the production model already" + (
            f", though by now it would stay out: {failed}" if failed else ""
        )
    return not failed, failed or "; ".join(rule["why"] for rule in rules if rule["rule"] not in ("data", "history"))


def decide(client: Any, task: Any, entry: Any, incumbent: Any, rules: list[dict[str, Any]]) -> tuple[bool, str]:
    """Move `production` to the candidate if the rules allow it.

    `incumbent` is the production model or None.

    Returns:
        True if the candidate is now in production, and the reason.
    """
    present = incumbent is not None and incumbent.id == entry.id and "production" in incumbent.data.tags
    promoted, reason = verdict(rules, present)
    if not promoted:
        return False, reason
    told = {"who": who_asks(client), "via": f"task {task.id}", "why": reason}
    refused = promote_model(client, entry, incumbent.id if incumbent else "", told)
    return not refused, refused or reason
