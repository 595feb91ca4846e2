import json

import numpy as np
import pytest

from clearml_flows.tabular.judging.lift import lift_figures, lift_table, pick, tenths

RNG = np.random.default_rng(0)
P = RNG.random(105)
Y = (RNG.random(105) < P).astype(int)


def test_deciles_of_a_perfect_model() -> None:
    y = np.array([1] * 20 + [0] * 80)
    table = lift_table(y, np.linspace(1, 0, 100))
    assert pick(table, "positives") == [10, 10, 0, 0, 0, 0, 0, 0, 0, 0]
    assert pick(table, "lift") == [5, 5, 0, 0, 0, 0, 0, 0, 0, 0]
    assert pick(table, "gain")[:3] == [0.5, 1.0, 1.0]
    assert pick(table, "lift_so_far")[1:4] == pytest.approx([5, 10 / 3, 2.5])
    assert table[0]["lowest_score"] == pytest.approx(1 - 9 / 99)


def test_parts_make_the_whole() -> None:
    table = lift_table(Y, P)
    assert sum(pick(table, "rows")) == 105
    assert sum(pick(table, "positives")) == pytest.approx(Y.sum(), abs=0.05)
    assert table[-1]["gain"] == pytest.approx(1.0)
    assert table[-1]["lift_so_far"] == pytest.approx(1.0)
    assert tenths(table)[-1] == 1.0


def test_the_order_of_rows_does_not_matter_though_scores_are_equal() -> None:
    tied, other = np.round(P, 1), RNG.permutation(105)
    for one, moved in zip(lift_table(Y, tied), lift_table(Y[other], tied[other]), strict=True):
        assert one == pytest.approx(moved)
    same = lift_table(Y, np.full(105, 0.5))
    assert pick(same, "lift") == pytest.approx([1.0] * 10)


def test_fewer_rows_than_parts() -> None:
    assert [one["decile"] for one in lift_table(np.array([1, 0, 1]), np.array([0.9, 0.2, 0.4]))] == [1, 2, 3]


def test_figures_show_all_models_and_chance() -> None:
    figures = lift_figures({"candidate": lift_table(Y, P), "production": lift_table(Y, 1 - P)})
    assert sorted(figures) == ["Gain", "Lift"]
    for figure in figures.values():
        assert [line["name"] for line in figure["data"]] == ["candidate", "production", "chance"]
        json.dumps(figure, allow_nan=False)
    assert figures["Gain"]["data"][0]["y"][0] == 0
