"""Profit of making an offer to the customers whom the model predicts to leave.

Each offer costs `cost`. The share `success` of leavers stays because of it, which is worth `value` each. Customers
who would stay anyway only cause the cost.
"""

from typing import Any, NamedTuple

import numpy as np

from clearml_flows.tabular.report.plots import make_layout, make_line


class Prices(NamedTuple):
    """Prices of the settings table `[business]`, as shares and amounts of money."""

    customer_value: float
    offer_cost: float
    offer_success: float


def break_even(value: float, cost: float, success: float) -> float:
    """Return the lowest probability at which an offer pays; above 1 if no offer pays.

    If the probabilities are true, no other threshold has a higher profit. It depends on the prices only, not on rows.
    """
    return cost / (value * success)


def offer_profits(y: Any, value: float, cost: float, success: float) -> Any:
    """Return the expected profit of an offer to each customer, given the true outcome."""
    return y * value * success - cost


def profit_at(y: Any, p: Any, threshold: float, value: float, cost: float, success: float) -> dict[str, float]:
    """Return offers and profit per 1,000 customers at the threshold, with a 95 % interval."""
    earned = offer_profits(y, value, cost, success) * (p >= threshold)
    mean, reach = 1000 * float(earned.mean()), 1960 * float(earned.std()) / len(y) ** 0.5
    offers = 1000 * float((p >= threshold).mean())
    return {"threshold": threshold, "offers": offers, "profit": mean, "low": mean - reach, "high": mean + reach}


def profit_table(
    y: Any, scored: dict[str, Any], trained: float | None, value: float, cost: float, success: float
) -> list[dict[str, Any]]:
    """Return the profit per 1,000 customers for each way of choosing whom to make an offer.

    `trained` is the `best_profit_threshold` of training rows, out of fold, or None. The best threshold of the test rows
    comes last and is descriptive only, since these rows chose it.
    """
    prices = value, cost, success
    p, best = scored["p"], best_profit_threshold(y, scored["p"], *prices)
    ways = {
        "decision threshold, best F1 of training rows": scored["threshold"],
        "break-even threshold, from the prices": break_even(*prices),
        **({} if trained is None else {"profit threshold, best profit of training rows": trained}),
        "an offer to everybody": 0.0,
        "best threshold of these rows, descriptive only": best,
    }
    return [{"whom": way, **profit_at(y, p, threshold, *prices)} for way, threshold in ways.items()]


def best_profit_threshold(y: Any, p: Any, value: float, cost: float, success: float) -> float:
    """Return the threshold with the highest profit on these rows.

    If no offer pays, this is just above the highest score.
    """
    scores, group = np.unique(-p, return_inverse=True)
    earned = np.cumsum(np.bincount(group, weights=offer_profits(y, value, cost, success)))
    best = int(np.argmax(earned))
    return float(-scores[best]) if earned[best] > 0 else float(np.nextafter(-scores[0], np.inf))


def profit_figure(
    y: Any, scores: dict[str, Any], value: float, cost: float, success: float
) -> dict[str, dict[str, Any]]:
    """Plot profit per 1,000 customers by threshold; `scores` maps labels to probabilities."""
    prices, thresholds = (value, cost, success), np.linspace(0, 1, 101)
    earned, lines = offer_profits(y, *prices), []
    for label, p in scores.items():
        profits = [1000 * float((earned * (p >= threshold)).mean()) for threshold in thresholds]
        lines.append(make_line(label, thresholds, profits))
    edge = break_even(*prices)
    span = [min(min(line["y"]) for line in lines), max(max(line["y"]) for line in lines)]
    if edge <= 1:
        lines.append({**make_line("break-even", [edge, edge], span), "line": {"dash": "dot"}})
    layout = make_layout("Profit", "threshold", "profit per 1,000 customers")
    return {"Profit": {"data": lines, "layout": layout}}
