import json
from typing import Any

from clearml_flows.localserver.store.database import Store
from clearml_flows.localserver.store.events import IMAGE, LOG, Event

OWN, MOVED = "http://127.0.0.1:8901", "http://127.0.0.1:9001"
TASK: dict[str, Any] = {
    "id": "t",
    "name": "a task",
    "script": {"diff": f'get("{OWN}/a")'},
    "output": {"destination": OWN},
    "execution": {"artifacts": [{"key": "k", "uri": f"{OWN}/p/t.1/ä b.csv"}]},
    "hyperparams": {"General": {"url": {"name": "url", "value": "http://localhost:8901/x"}}},
    "comment": f"see {OWN}/a, {OWN}",
    "configuration": {"c": {"value": json.dumps({"image": f"{OWN}/i.png"})}},
}
FOREIGN = {
    "comment": "http://127.0.0.1:8903/a http://127.0.0.1:89012/a http://10.0.0.1:8901/a https://127.0.0.1:8901/a :8901"
}


def event(kind: str, key: str, **document: Any) -> Event:
    return Event("t", kind, "m", "v", 0, 1, None, key, document)


def follow(store: Store, port: int, before: int | None = None) -> int:
    with store.write() as db:
        return db.links.follow(port, before)


def read(store: Store, task: str = "t") -> Any:
    with store.read() as db:
        return db.tasks.get(task)


def fill(store: Store) -> None:
    with store.write() as db:
        db.tasks.insert(TASK)
        db.tasks.insert({"id": "f", "name": "foreign", **FOREIGN})
        db.models.insert({"id": "m", "name": "m", "uri": f"{OWN}/m.pkl"})
        db.projects.insert({"id": "p", "name": "p", "default_output_destination": f"{OWN}/"})
        db.events.add([event(IMAGE, "", url=f"{OWN}/i.png"), event(LOG, "1", msg=f"uploaded to {OWN}/i.png")])


def test_own_links_name_the_port_of_now(store: Store) -> None:
    fill(store)
    assert follow(store, 9001, before=8901) == 4
    assert read(store) == {
        "id": "t",
        "name": "a task",
        "script": {"diff": f'get("{OWN}/a")'},
        "output": {"destination": MOVED},
        "execution": {"artifacts": [{"key": "k", "uri": f"{MOVED}/p/t.1/ä b.csv"}]},
        "hyperparams": {"General": {"url": {"name": "url", "value": "http://localhost:9001/x"}}},
        "comment": f"see {MOVED}/a, {MOVED}",
        "configuration": {"c": {"value": '{"image": "http://127.0.0.1:9001/i.png"}'}},
    }
    with store.read() as db:
        assert db.models.get("m") == {"id": "m", "name": "m", "uri": f"{MOVED}/m.pkl"}
        assert db.projects.get("p") == {"id": "p", "name": "p", "default_output_destination": f"{MOVED}/"}


def test_console_lines_and_links_to_others_stay(store: Store) -> None:
    fill(store)
    follow(store, 9001, before=8901)
    assert read(store, "f")["comment"] == FOREIGN["comment"]
    rows = store._writer.execute("SELECT type, doc FROM events ORDER BY type").fetchall()
    assert [(kind, json.loads(doc)) for kind, doc in rows] == [
        ("log", {"msg": f"uploaded to {OWN}/i.png"}),
        ("training_debug_image", {"url": f"{MOVED}/i.png"}),
    ]


def test_the_store_knows_its_port_better_than_the_caller(store: Store) -> None:
    fill(store)
    assert follow(store, 8901) == 0
    assert follow(store, 9001, before=8903) == 4
    assert follow(store, 9001, before=8901) == 0
    # Nothing names 8901 as its own any more: a link to whoever listens there now is another server's.
    with store.write() as db:
        db.tasks.insert({"id": "n", "name": "new", "comment": f"{OWN}/of another"})
    assert follow(store, 9003) == 4
    assert read(store, "n")["comment"] == f"{OWN}/of another"
