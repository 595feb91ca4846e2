import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from clearml_flows.tabular.judging.segments import segment_events, segment_parts, segment_table

RNG = np.random.default_rng(0)
ROWS = pd.DataFrame(
    {
        "contract": RNG.choice(["monthly", "yearly"], 500),
        "senior": RNG.choice([0, 1], 500, p=[0.97, 0.03]),
        "tenure": RNG.integers(0, 60, 500),
    }
)
P = RNG.random(500)
Y = (RNG.random(500) < P).astype(int)


def test_values_and_bands_part_the_rows() -> None:
    parts = segment_parts(ROWS, {"column": "tenure", "edges": [12, 24.5]})
    assert [label for label, _ in parts] == ["tenure below 12", "tenure 12 to below 24.5", "tenure 24.5 and more"]
    for spec in ({"column": "contract"}, {"column": "senior"}, {"column": "tenure", "edges": [12]}):
        assert np.sum([inside for _, inside in segment_parts(ROWS, spec)], axis=0).tolist() == [1] * 500
    assert (ROWS["tenure"][parts[1][1]].min(), ROWS["tenure"][parts[1][1]].max()) == (12, 24)


def test_a_segment_s_metrics_are_those_of_its_rows() -> None:
    first = segment_table(Y, P, 0.5, ROWS, [{"column": "contract"}], 100)[0]
    inside = (ROWS["contract"] == "monthly").to_numpy()
    assert (first["segment"], first["rows"], first["positives"]) == (
        "contract monthly",
        inside.sum(),
        Y[inside].sum(),
    )
    assert first["roc_auc"] == pytest.approx(roc_auc_score(Y[inside], P[inside]))
    assert first["low"] < first["roc_auc"] < first["high"]
    assert first["predicted"] == pytest.approx(P[inside].mean())
    assert first["recall"] == pytest.approx((P >= 0.5)[inside & (Y == 1)].mean())
    assert first["precision"] == pytest.approx(Y[inside & (P >= 0.5)].mean())
    assert first["note"] == ""


def test_a_small_segment_is_told_with_its_counts_and_a_note() -> None:
    small = segment_table(Y, P, 0.5, ROWS, [{"column": "senior"}], 100)[1]
    assert small["rows"] < 100
    assert (small["roc_auc"], small["low"], small["note"]) == (None, None, "too few rows to judge")
    one_class = segment_table(np.zeros(500, dtype=int), P, 0.5, ROWS, [{"column": "contract"}], 100)[0]
    assert (one_class["roc_auc"], one_class["recall"]) == (None, None)


def test_a_band_without_rows_is_left_out() -> None:
    table = segment_table(Y, P, 0.5, ROWS, [{"column": "tenure", "edges": [12, 100]}], 100)
    assert [one["segment"] for one in table] == ["tenure below 12", "tenure 12 to below 100"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"column": "country"}, "'country', which the test rows lack"),
        ({"column": "contract", "edges": [1]}, "'contract', which is not of numbers"),
        ({"column": "tenure"}, "'tenure', which has 60 values: give it edges"),
    ],
)
def test_specifications_that_do_not_fit_are_refused(spec: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        segment_parts(ROWS, spec)


def test_scalars_compare_segments_between_runs() -> None:
    events = segment_events(segment_table(Y, P, 0.5, ROWS, [{"column": "senior"}], 100))
    assert [(one["metric"], one["variant"]) for one in events] == [
        ("segments, roc_auc", "senior 0"),
        ("segments, share of positives", "senior 0"),
        ("segments, share of positives", "senior 1"),
    ]
