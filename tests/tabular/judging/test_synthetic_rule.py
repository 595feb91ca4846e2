"""What the data that a model learnt from mean for its promotion."""

from types import SimpleNamespace
from typing import Any

import pytest

from clearml_flows.tabular.judging.synthetic_rule import data_refusal


def entry(name: str, *tags: str) -> Any:
    return SimpleNamespace(id=name, data=SimpleNamespace(tags=list(tags), metadata={}))


@pytest.mark.parametrize(
    ("candidate", "incumbent", "embedded", "words"),
    [
        (entry("new"), None, False, ""),
        (entry("new"), entry("old", "production"), False, ""),
        (entry("new", "synthetic"), None, True, ""),
        (entry("new", "synthetic"), None, False, "never goes into production on a server"),
        (entry("new", "synthetic"), entry("old", "production"), True, "the production model on real ones"),
        (entry("new", "synthetic"), entry("old", "production", "synthetic"), True, ""),
    ],
)
def test_data_refusal(candidate: Any, incumbent: Any, embedded: bool, words: str) -> None:
    refusal = data_refusal(candidate, incumbent, embedded)
    assert words in refusal
    assert bool(refusal) == bool(words)


def test_a_model_of_synthetic_customers_stays_one_without_its_tag() -> None:
    hidden = entry("new")
    hidden.data.metadata["synthetic"] = {"key": "synthetic", "value": "true"}
    assert "never goes into production on a server" in data_refusal(hidden, None, False)
    assert data_refusal(hidden, None, True) == data_refusal(entry("new"), None, False) == ""
