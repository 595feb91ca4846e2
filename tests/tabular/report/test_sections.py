"""What the report of a run says."""

from typing import Any

import numpy as np
import pytest

from clearml_flows.tabular.report.sections import (
    leaderboard_section,
    limits_section,
    mean_interval,
    report_sections,
    usage_section,
    value_blocks,
)
from tests.support.report_facts import dataset, evaluation, experiment, model_entry, sweep


def texts(section: dict[str, Any]) -> str:
    """All that stands in a section."""
    return "\n".join(str(block) for block in section["blocks"])


def sections(**changes: Any) -> dict[str, dict[str, Any]]:
    given: dict[str, Any] = {
        "entry": model_entry(reason="forest has the best cv_roc_auc"),
        "dataset": dataset(),
        "sweep": sweep(experiment("forest", 0.85), experiment("tree", 0.8)),
        "evaluation": evaluation(),
        "figures": {},
        "folds": 5,
        "repeats": 1,
    }
    return {section["title"]: section for section in report_sections(**{**given, **changes})}


def test_the_report_has_all_that_a_reader_asks_for() -> None:
    made = sections(figures={"ROC": {"data": []}})
    titles = ["Verdict", "Data and lineage", "3 experiments, 1 failed", "Test results", "Curves", "Limits"]
    assert list(made) == [*titles, "How to use it"]
    assert "In production: it meets the minimum." in texts(made["Verdict"])
    assert "forest has the best cv_roc_auc" in texts(made["Verdict"])
    for fact in ("ab" * 32, "cd" * 32, "ef" * 32, "800 to train, 200 to test", "tenure", "Contract"):
        assert fact in texts(made["Data and lineage"])


def test_a_model_of_made_up_customers_is_called_that_first() -> None:
    assert sections(dataset=dataset(synthetic=True))["Verdict"]["blocks"][0]["kind"] == "warning"
    assert all(block["kind"] != "warning" for block in sections()["Verdict"]["blocks"])


def test_the_leaderboard_ranks_and_tells_intervals_and_failures() -> None:
    board = leaderboard_section(sweep(experiment("tree", 0.8), experiment("forest", 0.85)), 5, 1)
    table = next(block for block in board["blocks"] if block["kind"] == "table")
    assert [row[1] for row in table["rows"]] == ["forest", "tree", "broken"]
    assert table["rows"][0][3:5] == ["0.8500", "0.8292 to 0.8708"]
    assert table["rows"][2][3] == "failed"


@pytest.mark.parametrize(("second", "place"), [(0.845, "inside"), (0.8, "outside")])
def test_why_the_winner_won(second: float, place: str) -> None:
    board = leaderboard_section(sweep(experiment("forest", 0.85), experiment("tree", second)), 5, 1)
    assert f"forest won by {0.85 - second:.4f} before tree, which lies {place} the" in board["blocks"][-1]["text"]


def test_without_a_sweep_there_is_no_leaderboard() -> None:
    assert not [title for title in sections(sweep={}) if "experiments" in title]


def test_metrics_stand_beside_those_of_the_production_model() -> None:
    table = sections(evaluation=evaluation(production={"test_roc_auc": 0.84}))["Test results"]["blocks"][1]
    assert table["head"][-1] == "production, same rows"
    assert table["rows"][0] == ["test_roc_auc", "0.8500", "0.8300 to 0.8700", "0.8400"]
    assert table["rows"][1] == ["test_f1_score", "0.6300", "", ""]


def test_parts_of_an_evaluation_that_are_not_known_get_a_section_each() -> None:
    made = sections(evaluation=evaluation(segments={"gender": {"Female": {"rows": 9}}}, profit=12.5, nothing=None))
    assert made["Segments"]["blocks"] == [
        {"kind": "heading", "text": "gender"},
        {"kind": "table", "head": ["", "rows"], "rows": [["Female", "9"]]},
    ]
    assert made["Profit"]["blocks"] == [{"kind": "text", "text": "12.5"}]
    assert "Nothing" not in made


def test_values_of_any_shape_become_blocks() -> None:
    rows = value_blocks([{"decile": 1, "lift": 2.5}, {"decile": 2, "gain": True}])
    assert rows == [
        {"kind": "table", "head": ["decile", "lift", "gain"], "rows": [["1", "2.5000", ""], ["2", "", "yes"]]}
    ]
    assert value_blocks([{"x": n} for n in range(100)])[1] == {"kind": "text", "text": "and 60 more rows"}
    mixed = value_blocks({"at": 0.25, "curve": [{"x": 1}], "labels": ["a", "b"]})
    assert mixed[0] == {"kind": "table", "head": [], "rows": [["at", "0.2500"], ["labels", "a, b"]]}
    assert mixed[1:] == [{"kind": "heading", "text": "curve"}, {"kind": "table", "head": ["x"], "rows": [["1"]]}]


def test_intervals_hold_the_true_mean_though_folds_share_rows() -> None:
    """Scores of 5 folds that go up and down together, as those of models that share rows."""
    rng, held = np.random.default_rng(0), []
    for _ in range(500):
        scores = 0.8 + 0.05 * (0.2**0.5 * rng.normal() + 0.8**0.5 * rng.normal(size=5))
        low, high = mean_interval(float(scores.mean()), float(scores.std()), 5, 1)
        assert low is not None
        assert high is not None
        held.append(low <= 0.8 <= high)
    assert 0.92 < np.mean(held) < 0.98


def test_more_repeats_never_make_an_interval_arbitrarily_narrow() -> None:
    width = [high - low for n in (1, 10, 1000) for low, high in [mean_interval(0.8, 0.01, 5, n)] if low and high]
    assert width[0] > width[1] > width[2] > 0.01
    assert mean_interval(0.8, 0.01, 0, 1) == mean_interval(0.8, None, 5, 1) == (None, None)


def test_limits_tell_the_size_of_the_test_set() -> None:
    assert "200 rows" in texts(limits_section(dataset(), evaluation()))
    assert "0.040 wide" in texts(limits_section(dataset(), evaluation()))


def test_a_name_cannot_break_out_of_the_command_that_is_shown() -> None:
    entry = model_entry()
    entry.name = "churn'; rm -rf ~; '"
    shown = usage_section(entry, evaluation())["blocks"][0]["text"]
    assert shown.startswith("""flows models predict 'churn'"'"'; rm -rf ~; '"'"'' """)
