"""What it earns to make an offer to the customers whom the model calls likely to leave.

An offer costs `cost`, whoever gets it. One customer in `1/success` of those who would leave stays for it, which is
worth `value`. Customers who would stay anyway bring nothing but the cost. Every function here may travel with a step.
"""

from typing import Any

if __name__ != "__main__":  # ClearML copies unconditional imports into a step's script, where these functions stand.
    from clearml_flows.tabular.report.plots import make_layout, make_line


def break_even(value: float, cost: float, success: float) -> float:
    """The probability from which on an offer earns more than it costs; above 1 if none does.

    For true probabilities this threshold has the highest profit there is. It follows from the prices: no rows chose it.
    """
    return cost / (value * success)


def offer_profits(y: Any, value: float, cost: float, success: float) -> Any:
    """What the offer to each customer is expected to earn, given whether that customer leaves."""
    return y * value * success - cost


def profit_at(y: Any, p: Any, threshold: float, value: float, cost: float, success: float) -> dict[str, float]:
    """Offers made at the threshold, and the profit per 1,000 customers with its 95 % interval."""
    earned = offer_profits(y, value, cost, success) * (p >= threshold)
    mean, reach = 1000 * float(earned.mean()), 1960 * float(earned.std()) / len(y) ** 0.5
    offers = 1000 * float((p >= threshold).mean())
    return {"threshold": threshold, "offers": offers, "profit": mean, "low": mean - reach, "high": mean + reach}


def profit_table(
    y: Any, scored: dict[str, Any], trained: float | None, value: float, cost: float, success: float
) -> list[dict[str, Any]]:
    """The profit, per 1,000 customers, of each way to choose whom to make an offer.

    `trained` is the `best_profit_threshold` of training rows, out of fold, if it is known. The best threshold of the
    test rows is told last and for what it is: no promise, since these rows chose it.
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
    """The threshold of the highest profit on these rows; just above the highest score if no offer pays."""
    import numpy as np

    scores, group = np.unique(-p, return_inverse=True)
    earned = np.cumsum(np.bincount(group, weights=offer_profits(y, value, cost, success)))
    best = int(np.argmax(earned))
    return float(-scores[best]) if earned[best] > 0 else float(np.nextafter(-scores[0], np.inf))


def profit_figure(
    y: Any, scores: dict[str, Any], value: float, cost: float, success: float
) -> dict[str, dict[str, Any]]:
    """The profit per 1,000 customers against the threshold; `scores` are the probabilities of several models."""
    import numpy as np

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
