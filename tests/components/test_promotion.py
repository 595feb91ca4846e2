"""The gate's decisions."""

from types import SimpleNamespace
from typing import Any

import pytest

from components.promotion import data_refusal, decide, judge

METRICS = {"test_roc_auc": 0.85, "test_f1_score": 0.63, "test_brier": 0.14}


@pytest.mark.parametrize(
    ("production", "metric", "minimum", "margin", "promoted", "words"),
    [
        (None, "test_roc_auc", 0.8, 0.0, True, "0.8500 meets 0.8, and there is no production model"),
        (None, "test_roc_auc", 0.85, 0.0, True, "meets"),
        (None, "test_roc_auc", 0.86, 0.0, False, "0.8500 is below the minimum 0.86"),
        (0.86, "test_roc_auc", 0.8, 0.005, False, "more than 0.005 worse than production's 0.8600"),
        (0.86, "test_roc_auc", 0.8, 0.02, True, "holds against production's 0.8600"),
        (0.84, "test_roc_auc", 0.8, 0.0, True, "holds against production's 0.8400"),
        (0.84, "test_roc_auc", 0.9, 0.0, False, "below the minimum"),
        (None, "test_brier", 0.2, 0.0, True, "meets"),
        (None, "test_brier", 0.1, 0.0, False, "above the maximum 0.1"),
        (0.13, "test_brier", 0.2, 0.005, False, "worse than production's 0.1300"),
        (0.15, "test_brier", 0.2, 0.005, True, "holds against"),
    ],
)
def test_decide(
    production: float | None, metric: str, minimum: float, margin: float, promoted: bool, words: str
) -> None:
    before = None if production is None else {**METRICS, metric: production}
    decision, reason = decide(METRICS, before, metric, minimum, margin)
    assert decision is promoted
    assert words in reason


def test_decide_refuses_an_unknown_metric() -> None:
    with pytest.raises(ValueError, match=r"promotion\.metric is 'gini': it can be one of test_brier, test_f1_score"):
        decide(METRICS, None, "gini", 0.5, 0.0)


def entry(name: str, *tags: str) -> Any:
    return SimpleNamespace(id=name, data=SimpleNamespace(tags=list(tags), metadata={}))


@pytest.mark.parametrize(
    ("candidate", "incumbent", "embedded", "problem", "verdict"),
    [
        (entry("new"), None, False, "", None),
        (entry("new"), entry("old", "production"), False, "", None),
        (entry("new", "production"), entry("new", "production"), False, "", (True, "production model already")),
        (entry("new", "previous-production"), entry("new", "previous-production"), False, "", None),
        (entry("new", "synthetic"), None, True, "", None),
        (entry("new", "synthetic"), None, False, "", (False, "never goes into production on a server")),
        (entry("new", "synthetic"), entry("old", "production"), True, "", (False, "production model on real ones")),
        (entry("new", "synthetic"), entry("old", "production", "synthetic"), True, "", None),
        (entry("new"), entry("old", "production"), True, "its file is gone", (False, "its file is gone")),
    ],
)
def test_judge(candidate: Any, incumbent: Any, embedded: bool, problem: str, verdict: tuple[bool, str] | None) -> None:
    found = judge(candidate, incumbent, [], embedded, problem)
    if verdict is None:
        assert found is None
    else:
        assert found is not None
        assert found[0] is verdict[0]
        assert verdict[1] in found[1]


def test_a_model_that_was_rolled_back_stays_out_until_someone_promotes_it() -> None:
    back = {"number": 2, "action": "rollback", "from": "new", "to": "old", "state": "done", "undoes": 1}
    told = {"who": "Ann", "when": "2026-01-02", "why": "complaints"}
    verdict = judge(entry("new"), entry("old", "production"), [{**back, **told}], True, "")
    assert verdict == (False, "it was rolled back on 2026-01-02 by Ann (complaints): promote it by hand if wanted")
    again = {"number": 3, "action": "promote", "from": "old", "to": "new", "state": "done", "undoes": 0}
    assert judge(entry("new"), entry("old", "production"), [{**back, **told}, again], True, "") is None


def test_a_model_of_synthetic_customers_stays_one_without_its_tag() -> None:
    hidden = entry("new")
    hidden.data.metadata["synthetic"] = {"key": "synthetic", "value": "true"}
    assert "never goes into production on a server" in data_refusal(hidden, None, False)
    assert data_refusal(hidden, None, True) == data_refusal(entry("new"), None, False) == ""
