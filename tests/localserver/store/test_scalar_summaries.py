"""Data of an earlier release gets the summaries that each batch of events now adds to."""

import json
from pathlib import Path
from typing import Any

import pytest

from clearml_flows.localserver.store import migrations
from clearml_flows.localserver.store.database import open_store
from clearml_flows.localserver.store.events import IMAGE, SCALAR, Event

ITEM: dict[str, Any] = {"metric": "loss", "variant": "train", "value": 0.25, "min_value": 0.25, "max_value": 1.0}


def scalar(owner: str, iteration: int, value: float) -> Event:
    return Event(owner, SCALAR, "loss", "train", iteration, 5, value, "", {"iter": iteration})


def test_summaries_of_stored_scalars_are_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = migrations.MIGRATIONS
    before = [step.__name__ for step in steps].index("m008_scalar_summaries")
    monkeypatch.setattr(migrations, "MIGRATIONS", steps[:before])
    store = open_store(tmp_path / "old.db")
    with store.write() as db:
        for documents, name in ((db.tasks, "task"), (db.models, "model"), (db.tasks, "silent")):
            metrics = {"m": {"v": ITEM}} if name != "silent" else {}
            documents.insert({"id": name, "name": name, "last_metrics": metrics, "unique_metrics": []})
        db.events.add([scalar(owner, at, 1 / at) for owner in ("task", "model", "gone") for at in (4, 1, 2)])
        image = {"key": "file.png", "url": "u"}
        db.events.add([Event("task", IMAGE, "i", "v", 1, 5, None, "", image)])
    store.close()

    monkeypatch.setattr(migrations, "MIGRATIONS", steps)
    store = open_store(tmp_path / "old.db")
    summary = {"first_value": 1.0, "first_value_iteration": 1, "count": 3, "mean_value": 0.58}
    with store.write() as db:
        for document in (db.tasks.get("task"), db.models.get("model")):
            assert document is not None
            assert document["last_metrics"] == {"m": {"v": {**ITEM, **summary}}}
            assert document["unique_metrics"] == ["loss/train"]
        assert db.tasks.get("silent") == {"id": "silent", "name": "silent", "last_metrics": {}, "unique_metrics": []}
        # The same image again takes the place of the old one.
        db.events.add([Event("task", IMAGE, "i", "v", 1, 6, None, "file.png", image)])
        rows = db.events._connection.execute("SELECT timestamp, doc FROM events WHERE type = ?", (IMAGE,)).fetchall()
        assert rows == [(6, json.dumps(image, separators=(",", ":")))]
    store.close()
