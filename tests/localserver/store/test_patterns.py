import re
import time

import pytest

from clearml_flows.localserver import errors
from clearml_flows.localserver.store.database import Store
from clearml_flows.localserver.store.query import select

NAMES = ["train", "Train", "train 2", "a/b.c", "a/bxc", "über", "", "line\nline", "100%_", "a" * 60 + "!"]


@pytest.fixture
def named(store: Store) -> Store:
    with store.write() as db:
        for name in NAMES:
            db.tasks.insert({"id": f"id {name}", "name": name})
    return store


def found(store: Store, **filters: object) -> list[str]:
    with store.read() as db:
        return [task["name"] for task in db.tasks.find(select(db.tasks.entity, filters))]


PATTERNS = [
    "train",
    "^train$",
    "^train",
    "2$",
    "^$",
    "^a/b\\.c$",
    "^a/b.c$",
    "^" + re.escape("100%_") + "$",
    "^" + re.escape("train 2") + "$",
    "tr|über",
    "[Tt]rain",
    "^(?:train|a/b).*",
    "\\d",
    "%",
    "line",
    "a+!$",
    "\\$",
    "über$",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_name_is_a_regular_expression(named: Store, pattern: str) -> None:
    assert found(named, name=pattern) == [name for name in NAMES if re.search(pattern, name)]


@pytest.mark.parametrize("pattern", [*PATTERNS, "TRAIN", "^TRAIN$", "ÜBER", "LINE$", "^A/B"])
def test_patterns_over_several_fields_ignore_case(named: Store, pattern: str) -> None:
    expected = [name for name in NAMES if re.search(pattern, name, re.IGNORECASE)]
    assert found(named, _all_={"fields": ["name"], "pattern": pattern}) == expected


def test_any_of_the_fields_or_all_of_them(named: Store) -> None:
    fields = ["id", "name"]
    assert found(named, _any_={"fields": fields, "pattern": "^id train$"}) == ["train", "Train"]
    assert found(named, _all_={"fields": fields, "pattern": "^id train$"}) == []


def test_a_pattern_that_explodes_ends_in_time_with_a_refusal(named: Store) -> None:
    start = time.monotonic()
    with pytest.raises(errors.ApiError, match="takes too long"):
        found(named, name="^(a|aa)+$")
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "[",
        "*",
        "a{3,1}",
        "(?P<x",
        "\\",
        "a" * 1_001,
        "(" * 900 + ")" * 900,
        "(((a{99}){99}){99}){99}",
        "a{999999999999}",
    ],
)
def test_what_is_no_pattern_or_a_monstrous_one_is_refused(named: Store, pattern: str) -> None:
    start = time.monotonic()
    with pytest.raises(errors.ApiError):
        found(named, name=pattern)
    assert time.monotonic() - start < 10
