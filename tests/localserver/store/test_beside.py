"""The rows beside the documents by which Tasks are sorted by what they reported, and filtered by their parameters."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from clearml_flows.localserver.store import migrations
from clearml_flows.localserver.store.database import Store, open_store
from clearml_flows.localserver.store.entities import TASKS
from clearml_flows.localserver.store.expressions import expression
from clearml_flows.localserver.store.query import Selection, select


def task(name: str, **values: float) -> dict[str, Any]:
    scalars = {
        series: {"metric": "m", "variant": series, "value": value, "min_value": value, "max_value": value}
        for series, value in values.items()
    }
    return {"id": name, "name": name, "last_metrics": {"m": scalars}}


def order(store: Store, field: str) -> str:
    with store.read() as db:
        return "".join(item["id"] for item in db.tasks.find(select(db.tasks.entity, {"order_by": [field]})))


def rows(store: Store) -> list[tuple[Any, ...]]:
    with store.read() as db:
        return db.tasks._connection.execute(
            "SELECT owner, variant, value FROM tasks_last_values ORDER BY 1, 2"
        ).fetchall()


def test_they_follow_every_change_of_a_document(store: Store) -> None:
    with store.write() as db:
        for document in (task("a", x=1, y=5), task("b", x=2), task("c")):
            db.tasks.insert(document)
    assert order(store, "-last_metrics.m.x.value") == "bac"
    with store.write() as db:
        db.tasks.save(task("a", x=3))
        db.tasks.save({**task("b", x=2), "comment": "the same values"})
    assert rows(store) == [("a", "x", 3.0), ("b", "x", 2.0)]
    assert order(store, "-last_metrics.m.x.value") == "abc"
    with store.write() as db:
        db.tasks.delete("a")
        db.tasks.save({"id": "b", "name": "b", "last_metrics": {}})
    assert rows(store) == []


@pytest.mark.parametrize("odd", ["text", 5, [1], {"m": "text"}, {"m": {"x": 5}}, {"m": {"x": {}}}, None])
def test_what_is_no_scalar_is_no_row_with_a_value(store: Store, odd: Any) -> None:
    with store.write() as db:
        db.tasks.insert({"id": "a", "name": "a", "last_metrics": odd})
        db.tasks.save({"id": "a", "name": "b", "last_metrics": {"m": {"x": odd}}})
        assert db.tasks.get("a") is not None
    assert all(value is None for _, _, value in rows(store))


def test_names_of_scalars_are_of_the_selected_documents_only(store: Store) -> None:
    with store.write() as db:
        db.tasks.insert({**task("a", x=1), "status": "completed"})
        db.tasks.insert({**task("b", x=1, y=1), "status": "failed"})
        assert db.tasks.scalars(Selection().equal("status", "completed")) == [("m", "x", "m", "x")]
        assert [series for _, series, _, _ in db.tasks.scalars(Selection())] == ["x", "y"]


def test_sorting_looks_up_a_row_and_reads_no_document(store: Store) -> None:
    seen: list[str] = []
    with store.read() as db:
        db.tasks._connection.set_trace_callback(seen.append)
        db.tasks.find(select(db.tasks.entity, {"order_by": ["-last_metrics.m.x.value"], "project": ["p"]}))
        db.tasks._connection.set_trace_callback(None)
        (sorting,) = [sql for sql in seen if "ORDER BY" in sql]
        assert "doc" not in sorting
        plan = " ".join(row[3] for row in db.tasks._connection.execute(f"EXPLAIN QUERY PLAN {sorting}"))
    assert "SEARCH tasks_last_values USING PRIMARY KEY (metric=? AND variant=? AND owner=?)" in plan


def test_filtering_by_a_parameter_looks_up_a_row_and_reads_no_document(store: Store) -> None:
    def found(value: str) -> list[str]:
        with store.read() as db:
            return [one["id"] for one in db.tasks.find(select(db.tasks.entity, {"hyperparams.A.x.y.value": [value]}))]

    with store.write() as db:
        for name in "ab":
            db.tasks.insert({"id": name, "name": name, "hyperparams": {"A": {"x.y": {"value": name}}}})
    assert (found("a"), found("b"), found("c")) == (["a"], ["b"], [])
    with store.write() as db:
        db.tasks.save({"id": "a", "name": "a", "hyperparams": {"A": {"x.y": {"value": "c"}, "z": {"value": "a"}}}})
        db.tasks.delete("b")
    assert (found("a"), found("b"), found("c")) == ([], [], ["a"])
    sql, _ = expression(TASKS, "hyperparams.A.x.y.value")
    assert "doc" not in sql


def test_documents_of_an_earlier_release_get_their_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.db"
    steps = migrations.MIGRATIONS
    monkeypatch.setattr(migrations, "MIGRATIONS", [step for step in steps if step.__name__ < "m005"])
    open_store(path).close()
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO tasks (id, doc) VALUES ('a', ?)", [json.dumps(task("a", x=7))])
    connection.commit()
    connection.close()
    monkeypatch.setattr(migrations, "MIGRATIONS", steps)
    store = open_store(path)
    assert rows(store) == [("a", "x", 7.0)]
    store.close()
