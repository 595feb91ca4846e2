import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearml_flows.tabular.judging.profit import (
    best_profit_threshold,
    break_even,
    offer_profits,
    profit_at,
    profit_figure,
    profit_table,
)

PRICES = (500.0, 50.0, 0.4)
RNG = np.random.default_rng(0)
P = RNG.beta(1, 2, 20_000)
Y = (RNG.random(20_000) < P).astype(int)


def profit(y: Any, p: Any, threshold: float) -> float:
    return profit_at(y, p, threshold, *PRICES)["profit"]


def test_an_offer_to_a_customer_who_leaves_earns_and_any_other_costs() -> None:
    assert offer_profits(np.array([1, 0]), *PRICES).tolist() == [150.0, -50.0]
    told = profit_at(np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.1, 0.2]), 0.5, *PRICES)
    assert (told["profit"], told["offers"]) == (1000 * (150 - 50) / 4, 500)
    assert told["low"] < told["profit"] < told["high"]


def test_the_break_even_threshold_is_the_best_there_is_for_true_probabilities() -> None:
    edge = break_even(*PRICES)
    assert edge == 0.25
    best = max(profit(Y, P, threshold) for threshold in np.linspace(0, 1, 201))
    assert profit(Y, P, edge) == pytest.approx(best, rel=0.01)
    assert profit(Y, P, edge) > profit(Y, P, 0.1)
    assert profit(Y, P, edge) > profit(Y, P, 0.5)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=1, max_size=40))
def test_no_threshold_beats_the_best_one_on_the_same_rows(rows: list[tuple[bool, int]]) -> None:
    y, p = np.array([row[0] for row in rows], dtype=int), np.array([row[1] for row in rows]) / 8
    best = profit(y, p, best_profit_threshold(y, p, *PRICES))
    assert best >= 0
    assert all(best >= profit(y, p, threshold) - 1e-9 for threshold in np.linspace(0, 1.125, 10))


def test_where_no_offer_pays_none_is_made() -> None:
    y, p = np.zeros(10, dtype=int), np.linspace(0.1, 1.0, 10)
    assert profit_at(y, p, best_profit_threshold(y, p, *PRICES), *PRICES)["offers"] == 0


def test_ways_to_choose_are_told_and_what_the_test_rows_chose_is_marked() -> None:
    table = profit_table(Y, {"p": P, "threshold": 0.35}, 0.27, *PRICES)
    assert [one["threshold"] for one in table[:4]] == [0.35, 0.25, 0.27, 0.0]
    assert "descriptive only" in table[4]["whom"]
    assert table[4]["profit"] == max(one["profit"] for one in table)
    assert table[3]["offers"] == 1000
    assert len(profit_table(Y, {"p": P, "threshold": 0.35}, None, *PRICES)) == 4


def test_the_curve_shows_all_models_and_where_an_offer_breaks_even() -> None:
    figure = profit_figure(Y, {"candidate": P, "production": 1 - P}, *PRICES)["Profit"]
    assert [line["name"] for line in figure["data"]] == ["candidate", "production", "break-even"]
    assert figure["data"][2]["x"] == [0.25, 0.25]
    json.dumps(figure, allow_nan=False)
    dear = profit_figure(Y, {"candidate": P}, 500.0, 400.0, 0.4)["Profit"]
    assert [line["name"] for line in dear["data"]] == ["candidate"]
