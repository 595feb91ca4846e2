from dataclasses import replace

import pytest

from clearml_flows.localserver.store import events
from clearml_flows.localserver.store.database import Store
from clearml_flows.localserver.store.events import IMAGE, LOG, SCALAR, Event, Position, Which


def event(metric: str, variant: str, iteration: int, value: float = 1.0, kind: str = SCALAR, task: str = "t") -> Event:
    document = {"metric": metric, "variant": variant, "iter": iteration, "value": value}
    return Event(task, kind, metric, variant, iteration, 1000 + iteration, value, "", document)


def line(number: int) -> Event:
    document = {"msg": str(number)}
    return Event("t", LOG, "", "", 0, number // 2, None, str(number), document)


@pytest.fixture
def filled(store: Store) -> Store:
    with store.write() as db:
        db.events.add([event("loss", "train", number, 1 / (number + 1)) for number in (2, 0, 1)])
        db.events.add([event("loss", "val", 5), event("acc", "train", 1, task="other")])
        db.events.add([event("img", name, number, kind=IMAGE) for name in "ab" for number in range(4)])
        db.events.add([line(number) for number in range(10)])
    return store


def test_the_same_event_again_takes_the_place_of_the_first(filled: Store) -> None:
    with filled.write() as db:
        which = Which(["t"], SCALAR, {"loss": ["train"]})
        before = db.events.count(which)
        db.events.add([event("loss", "train", 1, 0.75)])
        assert db.events.count(which) == before
        assert [row[5] for row in db.events.values(which)] == [1.0, 0.75, 1 / 3]


def test_values_come_in_the_order_of_iterations(filled: Store) -> None:
    with filled.read() as db:
        rows = db.events.values(Which(["t", "other"], SCALAR))
        assert [row[:4] for row in rows] == [
            ("other", "acc", "train", 1),
            ("t", "loss", "train", 0),
            ("t", "loss", "train", 1),
            ("t", "loss", "train", 2),
            ("t", "loss", "val", 5),
        ]


def test_metrics_and_variants_narrow(filled: Store) -> None:
    with filled.read() as db:
        assert db.events.count(Which(["t"], SCALAR, {"loss": []})) == 4
        assert db.events.count(Which(["t"], SCALAR, {"loss": ["val"], "acc": []})) == 1
        assert db.events.variants(Which(["t"], SCALAR)) == [("t", "loss", "train"), ("t", "loss", "val")]
        assert db.events.iterations(Which(["t"], IMAGE), 3, descending=True) == [3, 2, 1]
        assert db.events.iterations(Which(["t"], IMAGE), 9, descending=False, after=1) == [2, 3]
        assert db.events.last_iteration(Which(["t"])) == 5
        places = db.events.places(Which(["t"], IMAGE, {"img": ["b"]}), (1, "img", "b"), descending=True)
        assert list(places) == [(0, "img", "b")]
        assert [doc["variant"] for doc in db.events.at(Which(["t"], IMAGE), 2)] == ["a", "b"]


def test_thousands_of_metrics_are_one_question(filled: Store) -> None:
    metrics = {f"m{number}": ["a", "b"] if number % 2 else [] for number in range(3000)}
    with filled.read() as db:
        assert db.events.count(Which(["t"], SCALAR, metrics)) == 0
        assert db.events.count(Which(["t"], SCALAR, {**metrics, "loss": ["val"]})) == 1


def test_pages_go_on_where_the_last_one_stopped(filled: Store) -> None:
    which = Which(["t"], LOG)
    with filled.read() as db:
        for descending, expected in ((False, "0 1 2 3 4 5 6 7 8 9"), (True, "9 8 7 6 5 4 3 2 1 0")):
            lines: list[str] = []
            place: Position | None = None
            while True:
                found, place = db.events.page(which, "timestamp", 3, descending, place)
                if not found:
                    break
                lines += [item["msg"] for item in found]
            assert " ".join(lines) == expected


def test_a_page_ends_with_its_last_millisecond(filled: Store) -> None:
    which = Which(["t"], LOG)
    with filled.read() as db:
        found, place = db.events.page(which, "timestamp", 3)
        assert ([item["msg"] for item in found], place) == (["0", "1", "2", "3"], Position(1, 17))
        found, _ = db.events.page(which, "timestamp", 3, descending=True, after=Position(3, 0))
        assert [item["msg"] for item in found] == ["5", "4", "3", "2"]


def test_what_no_page_holds_begins_the_next_one(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_BEYOND_PAGE", 2)
    with filled.write() as db:
        db.events.add([replace(line(0), key=f"more {number}") for number in range(5)])
        first, place = db.events.page(Which(["t"], LOG), "timestamp", 1)
        assert len(first) == 3
        rest, _ = db.events.page(Which(["t"], LOG), "timestamp", 100, after=place)
        assert len(first) + len(rest) == 15


def test_a_page_of_scalars_is_found_by_an_index(filled: Store) -> None:
    sent: list[str] = []
    with filled.read() as db:
        db.events._connection.set_trace_callback(sent.append)
        db.events.page(Which(["t"], SCALAR), "iter", 2)
        db.events._connection.set_trace_callback(None)
        plan = [row[3] for row in db.events._connection.execute("EXPLAIN QUERY PLAN " + sent[0])]
    assert any("USING COVERING INDEX events_iteration" in line for line in plan)


def test_curves_are_averaged_over_intervals_from_zero(filled: Store) -> None:
    with filled.write() as db:
        db.events.add([event("c", "v", number, float(number)) for number in (-(2**31), -3, -1, 0, 1, 2, 5)])
        assert db.events.ranges(Which(["t"], SCALAR, {"c": []}), "iter") == [("c", "v", 6, -3, 5)]
        assert db.events.averages("t", "c", "v", "iter", 1)[:2] == [(-3, -3.0), (-1, -1.0)]
        assert db.events.averages("t", "c", "v", "iter", 2) == [(-4, -3.0), (-2, -1.0), (0, 0.5), (2, 2.0), (4, 5.0)]


def test_the_last_iterations_of_every_variant(filled: Store) -> None:
    with filled.read() as db:
        found = db.events.latest(Which(["t"], IMAGE), 2)
    assert [(item["variant"], item["iter"]) for item in found] == [("a", 3), ("a", 2), ("b", 3), ("b", 2)]


def test_deleting(filled: Store) -> None:
    with filled.write() as db:
        assert db.events.delete_log("t", 3) == 6
        assert db.events.count(Which(["t"], LOG)) == 4
        assert db.events.delete("t") > 0
        assert db.events.count(Which(["t"], LOG)) == 0
        assert db.events.count(Which(["other"], SCALAR)) == 1


def test_lines_with_different_keys_stay_apart(filled: Store) -> None:
    with filled.write() as db:
        db.events.add([replace(line(3), key="other")])
        assert db.events.count(Which(["t"], LOG)) == 11
