import pytest

from clearml_flows.spelling import did_you_mean


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (["cv_roc_auc", "cv_f1_score"], "; did you mean 'cv_roc_auc'?"),
        (["x", "y"], "; there are x, y"),
        ([], ""),
        (map(str, range(20)), "; there are 0, 1, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, …"),
    ],
)
def test_the_nearest_name_or_those_that_there_are(known: list[str], told: str) -> None:
    assert did_you_mean("cv_roc_acu", known) == told
