"""The real Telco customers through all 21 experiments."""

from pathlib import Path

from tests.e2e.conftest import Place


def test_the_real_customers_reach_the_reference(place: Place, data_folder: Path) -> None:
    raw = data_folder / "WA_Fn-UseC_-Telco-Customer-Churn.csv"
    run = place.flow("--source", str(raw), "--json", "--no-progress", timeout=900)
    assert run.exit_code == 0, run.stderr
    document = run.document
    assert document["dataset"]["rows"] == 7043
    assert document["experiments"]["count"] == 21
    assert document["experiments"]["failed"] == 0
    assert "synthetic" not in document["model"]["tags"]
    assert document["experiments"]["best"]["metrics"]["cv_roc_auc"] >= 0.849
    assert document["experiments"]["best"]["metrics"]["cv_f1_score"] >= 0.63
    assert document["evaluation"]["metrics"]["test_roc_auc"] >= 0.84
    assert document["evaluation"]["metrics"]["test_f1_score"] >= 0.62
    assert 0 < document["evaluation"]["threshold"] < 1
    assert document["evaluation"]["promoted"] is True
