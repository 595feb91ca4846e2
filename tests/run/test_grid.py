"""Experiments with a grid."""

from clearml_flows.run.grid import expand
from clearml_flows.settings import Experiment


def test_each_combination_is_an_experiment_named_by_its_values() -> None:
    forest = Experiment(
        name="forest", family="RandomForest", params={"n_estimators": 9}, grid={"a": [1, 2], "b": [0.5]}
    )
    assert expand([forest]) == [
        {"name": f"forest-a-{a}-b-0.5", "family": "RandomForest", "params": {"n_estimators": 9, "a": a, "b": 0.5}}
        for a in (1, 2)
    ]


def test_without_a_grid_it_is_one() -> None:
    assert expand([Experiment(name="plain", family="Ridge")]) == [{"name": "plain", "family": "Ridge"}]
