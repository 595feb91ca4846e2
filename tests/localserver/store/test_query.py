from typing import Any

import pytest

from clearml_flows.localserver import errors
from clearml_flows.localserver.store.database import Store
from clearml_flows.localserver.store.query import instant, select

DAY = "2026-01-0{}T00:00:00.000000+00:00"


@pytest.fixture
def filled(store: Store) -> Store:
    with store.write() as db:
        for number in range(1, 6):
            task: dict[str, Any] = {
                "id": f"t{number}",
                "name": f"task {number}",
                "created": DAY.format(number),
                "last_update": DAY.format(number),
                "status_changed": DAY.format(number),
                "completed": DAY.format(number) if number > 3 else None,
                "last_iteration": number % 3,
                "hyperparams": {"Args": {"lr": {"value": str(number)}, "model.depth": {"value": str(number)}}},
                "runtime": {"hash": f"h{number}"},
                "tags": [["x"], ["x", "y"], ["y"], [], []][number - 1],
                "models": {"input": [{"name": "n", "model": "m1"}] if number < 3 else []},
                "comment": ["", "b", "", "a", ""][number - 1],
                "last_metrics": {"m": {"v": {"value": 1 / number, "max_value": number}}},
                "metadata": {},
            }
            if number % 2:
                task["last_metrics"] = {
                    "m": {"v": {"value": 1 / number, "max_value": number}, "odd": {"value": number}}
                }
            db.tasks.insert(task)
        for number in range(1, 3):
            metadata = {"acc": {"key": "acc", "value": f"0.{number}"}, "a.b": {"key": "a.b", "value": "dot"}}
            db.models.insert({"id": f"m{number}", "name": "m", "ready": number == 1, "metadata": metadata})
    return store


def found(store: Store, **request: Any) -> str:
    with store.read() as db:
        return " ".join(item["id"] for item in db.tasks.find(select(db.tasks.entity, request)))


@pytest.mark.parametrize(
    ("request_", "ids"),
    [
        ({"created": [DAY.format(2), DAY.format(4)]}, "t2 t3 t4"),
        ({"created": [DAY.format(4), None]}, "t4 t5"),
        ({"created": [None, DAY.format(2)]}, "t1 t2"),
        ({"started": [None, DAY.format(2)]}, "t1 t2 t3 t4 t5"),
        ({"status_changed": [DAY.format(2), DAY.format(3)]}, "t2 t3"),
        ({"status_changed": [DAY.format(4), None]}, "t4 t5"),
        ({"status_changed": DAY.format(2)}, "t2"),
        ({"status_changed": [">=2026-01-04"]}, "t4 t5"),
        ({"status_changed": [">2026-01-04T00:00:00", "<2026-01-06"]}, "t5"),
        ({"last_update": ["<=2026-01-01T01:00:00+01:00"]}, "t1"),
        ({"last_update": "<2026-01-02T00:00:00Z"}, "t1"),
        ({"completed": [">2027-01-01"], "status_reason": "not a filter"}, "t1 t2 t3 t4 t5"),
        ({"hyperparams.Args.lr.value": "2"}, "t2"),
        ({"hyperparams.Args.model.depth.value": ["2", "3"]}, "t2 t3"),
        ({"hyperparams.Args.nothing.value": "2"}, ""),
        ({"runtime.hash": "h5"}, "t5"),
        ({"last_iteration": [2, 9]}, "t2 t5"),
        ({"last_iteration": [None, 0]}, "t3"),
        ({"last_metrics.m.v.max_value": ["2", 3]}, "t2 t3"),
        ({"last_metrics.m.odd.value": [None, 1]}, "t1 t2 t4"),
        ({"tags": ["x"]}, "t1 t2"),
        ({"tags": [None]}, "t4 t5"),
        ({"tags": ["y", None]}, "t2 t3 t4 t5"),
        ({"models.input.model": ["m1"]}, "t1 t2"),
        ({"models.input.model": ["-m1"]}, "t3 t4 t5"),
        ({"filters": {"tags": {"all": {"include": ["x", "y"]}}}}, "t2"),
        ({"filters": {"tags": {"all": {"exclude": ["x", "y"]}}}}, "t4 t5"),
        ({"filters": {"tags": {"any": {"include": ["x", "y"]}}}}, "t1 t2 t3"),
        ({"filters": {"tags": {"any": {"exclude": ["x", "y"]}}}}, "t1 t3 t4 t5"),
        ({"filters": {"tags": {"any": {"include": ["x"], "exclude": ["y"]}}}}, "t1 t2 t4 t5"),
        ({"filters": {"tags": {"all": {"include": ["x"], "exclude": ["y"]}}}}, "t1"),
        ({"filters": {"tags": {"any": {"include": [None]}}}}, "t4 t5"),
        ({"filters": {"tags": {"all": {"exclude": [None]}}}}, "t1 t2 t3"),
        ({"filters": {"tags": {"any": {"include": ["x"]}, "all": {"include": ["y"]}}}}, "t2"),
        ({"filters": {"tags": {"any": {"include": ["x"]}, "all": {"include": ["y"]}, "op": "or"}}}, "t1 t2 t3"),
        ({"filters": {"id": {"any": {"include": ["t1", "t5"]}}, "nothing": {"all": {}}}}, "t1 t5"),
        ({"filters": {"tags": {"any": {"include": ["x"]}}}, "tags": ["nothing"]}, "t1 t2"),
        ({"_any_": {"fields": ["tags"], "pattern": "^Y$"}}, "t2 t3"),
        ({"_any_": {"fields": ["last_update", "status_changed"], "datetime": ">=2026-01-05"}}, "t5"),
        ({"_all_": {"fields": ["last_update"], "datetime": [DAY.format(1), DAY.format(2)]}}, "t1 t2"),
        ({"_or_": {"fields": ["created"], "datetime": ["<2020-01-01"]}}, "t1 t2 t3 t4 t5"),
        ({"_and_": {"fields": [], "pattern": "x"}}, "t1 t2 t3 t4 t5"),
        ({"_all_": {"fields": ["runtime.hash"], "pattern": "^h3$"}}, "t3"),
        ({"_any_": {"fields": ["runtime.hash", "name"], "pattern": "H3|task 1"}}, "t1 t3"),
        ({"search_text": "TASK 4"}, "t4"),
        ({"id": ["t1", "t9", "t2"]}, "t1 t2"),
        ({"id": "t3"}, "t3"),
        ({"id": []}, "t1 t2 t3 t4 t5"),
        ({"zzz": 1, "zzz.y": 2, "method": "get"}, "t1 t2 t3 t4 t5"),
        ({"name": None}, "t1 t2 t3 t4 t5"),
    ],
)
def test_filters(filled: Store, request_: dict[str, Any], ids: str) -> None:
    assert found(filled, **request_) == ids


@pytest.mark.parametrize(
    ("order", "ids"),
    [
        (["-created"], "t5 t4 t3 t2 t1"),
        (["last_iteration", "-created"], "t3 t4 t1 t5 t2"),
        (["last_metrics.m.v.value"], "t5 t4 t3 t2 t1"),
        ("-name", "t5 t4 t3 t2 t1"),
        (["completed"], "t4 t5 t1 t2 t3"),
        (["-completed"], "t5 t4 t3 t2 t1"),
        (["last_metrics.m.odd.value"], "t1 t3 t5 t2 t4"),
        (["-last_metrics.m.odd.value", "-created"], "t5 t3 t1 t4 t2"),
        (["last_metrics.m.v.max_value"], "t1 t2 t3 t4 t5"),
        (["comment"], "t4 t2 t1 t3 t5"),
        (["-nothing"], "t1 t2 t3 t4 t5"),
        (["last_iteration", "nothing"], "t3 t1 t4 t2 t5"),
        (["last_iteration", "completed"], "t3 t1 t4 t2 t5"),
        ([], "t1 t2 t3 t4 t5"),
    ],
)
def test_order(filled: Store, order: Any, ids: str) -> None:
    assert found(filled, order_by=order) == ids


def test_pages(filled: Store) -> None:
    assert [found(filled, page=page, page_size=2) for page in range(4)] == ["t1 t2", "t3 t4", "t5", ""]
    assert found(filled, page=None, page_size=2) == "t1 t2"
    assert found(filled, page=None, page_size=None) == "t1 t2 t3 t4 t5"


def test_a_page_has_500_at_most(filled: Store) -> None:
    with filled.read() as db:
        assert select(db.tasks.entity, {"page_size": 10_000, "page": 2}).limit == 500
        assert select(db.tasks.entity, {"page_size": 10_000, "page": 2}).offset == 1000


def test_text_that_users_make_sorts_naturally(store: Store) -> None:
    values = ["a10", "a2", "A2", "b1", "-3", "10", "9", "ä2", "a b", "a-b", ""]
    with store.write() as db:
        for value in values:
            db.tasks.insert({"id": value or "none", "name": value, "hyperparams": {"S": {"n": {"value": value}}}})

    def order(**request: Any) -> list[str]:
        with store.read() as db:
            return [task["name"] for task in db.tasks.find(select(db.tasks.entity, request))]

    natural = ["", "-3", "9", "10", "a b", "a-b", "a2", "A2", "ä2", "a10", "b1"]
    assert order(order_by=["hyperparams.S.n.value"]) == natural
    assert order(order_by=["-hyperparams.S.n.value"]) == natural[::-1]
    assert order(order_by=["name"]) == sorted(values)
    # The whole query is in this order when a filter is about such a field.
    assert order(order_by=["name"], **{"hyperparams.S.n.value": ["a10", "a2"]}) == ["a2", "a10"]


def test_keys_with_dots_and_numbers_for_booleans(filled: Store) -> None:
    with filled.read() as db:

        def models(**request: Any) -> list[str]:
            return [item["id"] for item in db.models.find(select(db.models.entity, request))]

        assert models(**{"metadata.acc.value": "0.2"}) == ["m2"]
        assert models(**{"metadata.a.b.value": "dot"}) == ["m1", "m2"]
        assert models(ready=True) == ["m1"]
        assert models(ready=False) == ["m2"]


@pytest.mark.parametrize(
    "request_",
    [
        {"page_size": 0},
        {"page_size": -1},
        {"page": 0, "page_size": None},
        {"created": ["<2026-01-01"]},
        {"created": ["<2026-01-01", None]},
        {"created": [None, None]},
        {"last_iteration": 2},
        {"last_iteration": ["many", None]},
        {"last_metrics.m.v.value": [1]},
        {"order_by": ["@text_score"]},
        {"filters": [1]},
        {"filters": {"tags": ["x"]}},
        {"filters": {"tags": {"some": {}}}},
        {"filters": {"tags": {"any": ["x"]}}},
        {"filters": {"tags": {"any": {"include": [1]}}}},
        {"filters": {"tags": {"op": "xor"}}},
        {"_any_": {"fields": ["name"], "pattern": "a", "datetime": "2026-01-01"}},
        {"_any_": {"fields": ["name"]}},
        {"page": -1},
        {"page": 10**30},
        {"order_by": ["nothing"]},
        {"order_by": ["name; DROP TABLE tasks"]},
        {"order_by": [5]},
        {'runtime."); DROP TABLE tasks; --': 1},
        {"runtime.a\\": 1},
        {"runtime.\0": 1},
        {"runtime.": 1},
        {"runtime.hash": {"$ne": None}},
        {"status": {"$where": "1"}},
        {"created": ["yesterday"]},
        {"created": [{"$gt": 1}]},
        {"_any_": "a"},
        {"_any_": {"pattern": "a"}},
        {"_any_": {"fields": ["name"], "pattern": 5}},
        {"_any_": {"fields": ["$where"], "pattern": "a"}},
        {"_all_": {"fields": [{}], "pattern": "a"}},
        {"_all_": {"fields": ["name"] * 2000, "pattern": "a"}},
        {"order_by": ["name"] * 3000},
        {"created": [">2020-01-01"] * 2000},
        {"tags": ["__$all", *["a"] * 2000]},
        {"tags": ["__$all", "a"] * 1000},
        {f"runtime.n{number}": 1 for number in range(2000)},
    ],
)
def test_what_cannot_be_asked_is_refused(filled: Store, request_: dict[str, Any]) -> None:
    with pytest.raises(errors.ApiError) as refused:
        found(filled, **request_)
    assert refused.value.code == 400


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01", "2026-01-01T00:00:00.000000+00:00"),
        ("2026-01-01T02:00:00+02:00", "2026-01-01T00:00:00.000000+00:00"),
        (" 2026-01-01 10:00:00 ", "2026-01-01T10:00:00.000000+00:00"),
        ("2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00.500000+00:00"),
    ],
)
def test_instants(text: str, expected: str) -> None:
    assert instant(text) == expected


@pytest.mark.parametrize("value", ["", "x", None, 5, "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_what_is_no_instant_is_refused(value: Any) -> None:
    with pytest.raises(errors.InvalidFields):
        instant(value)
