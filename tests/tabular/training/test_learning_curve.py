"""A learning curve has more rows to the right, and is the same each time."""

from clearml_flows.tabular.training.learning_curve import learning_point
from tests.support.customers import CATEGORICAL, LOGISTIC, NUMERIC, TARGET, make_customers


def test_a_point_of_the_curve() -> None:
    rows = make_customers(400)
    few, all_rows, again = (
        learning_point(LOGISTIC, rows, TARGET, NUMERIC, CATEGORICAL, "classification", "roc_auc", 42, share)
        for share in (0.1, 1.0, 1.0)
    )
    assert all_rows == again
    assert (few["rows"], all_rows["rows"]) == (26, 267)
    assert few["train"] - few["held_out"] > all_rows["train"] - all_rows["held_out"]
    assert 0.6 < all_rows["held_out"] < 1
