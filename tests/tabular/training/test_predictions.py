from pathlib import Path

import numpy as np

from clearml_flows.tabular.parquet import read_parquet
from clearml_flows.tabular.training.predictions import write_predictions


def test_predictions_are_kept_to_the_last_digit_and_in_their_order(tmp_path: Path) -> None:
    y, p = np.array([1, 0, 1]), np.array([0.1 + 0.2, 1e-17, 0.9])
    write_predictions(y, p, 0.5, str(tmp_path / "p.parquet"))
    rows = read_parquet(str(tmp_path / "p.parquet"), ["positive", "probability"], 10_000)
    assert rows["positive"].tolist() == [1, 0, 1]
    assert rows["probability"].tolist() == p.tolist()


def test_predicted_numbers_are_kept_beside_the_true_ones(tmp_path: Path) -> None:
    y, p = np.array([5.0, 6.5]), np.array([5.25, 0.1 + 0.2])
    write_predictions(y, p, None, str(tmp_path / "p.parquet"))
    rows = read_parquet(str(tmp_path / "p.parquet"), ["true", "predicted"], 10_000)
    assert (rows["true"].tolist(), rows["predicted"].tolist()) == (y.tolist(), p.tolist())
