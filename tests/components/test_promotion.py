"""The gate's decisions, and the tag `production` on exactly one model."""

from types import SimpleNamespace
from typing import Any

import pytest

from components.promotion import decide, find_incumbent, judge, promote_model

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
    return SimpleNamespace(id=name, data=SimpleNamespace(tags=list(tags)))


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
    found = judge(candidate, incumbent, embedded, problem)
    if verdict is None:
        assert found is None
    else:
        assert found is not None
        assert found[0] is verdict[0]
        assert verdict[1] in found[1]


class Registry:
    """Models with tags that stops answering after a number of changes."""

    def __init__(self, tags: dict[str, list[str]], changes: int = 100) -> None:
        self.tags, self.changes = tags, changes
        self.models = self

    def edit(self, model: str, tags: list[str]) -> None:
        if not self.changes:
            raise ConnectionError("the backend is gone")
        self.changes -= 1
        self.tags[model] = tags

    def entries(self) -> list[Any]:
        return [entry(name, *tags) for name, tags in self.tags.items()]

    def having(self, tag: str) -> list[str]:
        return [name for name, tags in self.tags.items() if tag in tags]


def three_models() -> dict[str, list[str]]:
    return {"new": ["candidate", "mine"], "old": ["production", "synthetic"], "older": ["previous-production"]}


def test_promotion_moves_the_tags_and_keeps_the_others() -> None:
    registry = Registry(three_models())
    promote_model(registry, registry.entries(), "new")
    assert registry.tags == {
        "new": ["mine", "production"],
        "old": ["synthetic", "previous-production"],
        "older": [],
    }


def test_promotion_again_changes_nothing() -> None:
    registry = Registry(three_models())
    promote_model(registry, registry.entries(), "new")
    before = dict(registry.tags)
    promote_model(registry, registry.entries(), "new")
    assert registry.tags == before


def test_first_promotion_keeps_a_previous_one_that_a_broken_move_left() -> None:
    registry = Registry({"new": ["candidate"], "old": ["previous-production"]})
    promote_model(registry, registry.entries(), "new")
    assert registry.tags == {"new": ["production"], "old": ["previous-production"]}


@pytest.mark.parametrize("changes", range(4))
def test_a_move_that_breaks_off_never_leaves_two_and_can_be_repeated(changes: int) -> None:
    registry = Registry(three_models(), changes)
    if changes < 3:
        with pytest.raises(ConnectionError):
            promote_model(registry, registry.entries(), "new")
    assert len(registry.having("production")) <= 1
    incumbent = find_incumbent(registry.entries())
    assert incumbent.id == ("new" if "new" in registry.having("production") else "old")
    registry.changes = 100
    promote_model(registry, registry.entries(), "new")
    assert registry.having("production") == ["new"]
    assert "old" in registry.having("previous-production")


def test_find_incumbent() -> None:
    assert find_incumbent([entry("a"), entry("b", "candidate")]) is None
    assert find_incumbent([entry("a", "previous-production"), entry("b", "production")]).id == "b"
