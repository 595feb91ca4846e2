"""Move the tag `production` between models of a name, and record each move for rollback.

A record is `{number, when, who, via, why, action: promote|rollback, from, to, before, undoes, state}`.

- `from` and `to` are ids of models, or empty.
- `before` maps each model that the move changes to its tags.
- `undoes` is the number of the promotion that a rollback undoes.

It is stored as metadata `move-<number>` of the model `to`, or of `from` if `to` is empty. Its state is `begun`
before the first tag changes and `done` after the last. A record that is still `begun` when the next move takes the
lock was interrupted: it is undone first and marked `undone`.
"""

import json
from datetime import UTC, datetime
from typing import Any

from clearml_flows.tabular.registry.entries import find_models
from clearml_flows.tabular.registry.promotion_lock import free_lock, hold_lock, take_lock


def read_moves(entries: list[Any]) -> list[dict[str, Any]]:
    """Return the records of all moves among these models, sorted by number.

    Raises:
        ValueError: a record is damaged.
    """
    moves = []
    for entry in entries:
        for key, item in (entry.data.metadata or {}).items():
            if not key.startswith("move-"):
                continue
            try:
                move = json.loads(item["value"] if isinstance(item, dict) else item.value)
                moves.append({**move, "number": int(move["number"])})
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError(f"{key} of model {entry.id} is no record of a promotion: was it edited?") from error
    return sorted(moves, key=lambda move: move["number"])


def moves_in_effect(moves: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the promotions that no rollback has undone, in order; a rollback undoes the last."""
    taken_back = {move["undoes"] for move in moves if move["action"] == "rollback" and move["state"] == "done"}
    return [
        move
        for move in moves
        if move["action"] == "promote" and move["state"] == "done" and move["number"] not in taken_back
    ]


def was_rolled_back(moves: list[dict[str, Any]], model_id: str) -> dict[str, Any] | None:
    """Return the rollback that removed this model from production, or None if there is none.

    A model that was promoted again since counts as not rolled back.
    """
    done = [move for move in moves if move["state"] == "done"]
    last = next((move for move in reversed(done) if model_id in (move["to"], move["from"])), None)
    return last if last and last["action"] == "rollback" and last["from"] == model_id else None


def find_production(entries: list[Any]) -> Any:
    """Return the production model, or None.

    During a move, this is the model that the move started from.
    """
    for entry in entries:
        if "production" in (entry.data.tags or []):
            return entry
    begun = [move for move in read_moves(entries) if move["state"] == "begun"]
    return next((entry for entry in entries if begun and entry.id == begun[-1]["from"]), None)


def promote_model(client: Any, entry: Any, expected: str, told: dict[str, str]) -> str:
    """Tag a model `production` and the former one `previous-production`, unless that changed.

    Args:
        client: an `APIClient`.
        entry: the model.
        expected: the id of the production model that the decision was based on, or empty.
        told: `who`, `via` and `why`, for the record.

    Returns:
        An empty text; or a sentence if another model is in production by now: nothing was changed.

    Raises:
        RuntimeError: the move was given up. The next move undoes it.
    """
    lock = take_lock(client, entry.name, entry.project)
    try:
        entries = take_back_broken(client, entry.name, entry.project, lock)
        found = find_production(entries)
        if (found.id if found else "") != expected:
            return f"production moved to {found.id if found else 'no model'} meanwhile: judge it against that one"
        tags = {one.id: list(one.data.tags or []) for one in entries}
        changes = promotion_tags(tags, entry.id)
        if changes:
            move = {"action": "promote", "from": expected, "to": entry.id, "undoes": 0}
            make_move(client, entries, changes, {**move, **told}, lock)
        return ""
    finally:
        free_lock(client, lock)


def roll_back(client: Any, name: str, project_id: str, expected: int, told: dict[str, str]) -> dict[str, Any]:
    """Undo the last promotion in effect: all models that it changed get their former tags.

    Args:
        client: an `APIClient`.
        name: the name of the models.
        project_id: the id of their project.
        expected: the number of the promotion to undo.
        told: `who`, `via` and `why`, for the record.

    Returns:
        The record of the rollback.

    Raises:
        ValueError: that promotion is not the last in effect, or its tags were changed since.
    """
    lock = take_lock(client, name, project_id)
    try:
        entries = take_back_broken(client, name, project_id, lock)
        last = (moves_in_effect(read_moves(entries)) or [{"number": 0}])[-1]
        found = find_production(entries)
        if last["number"] != expected or found is None or found.id != last["to"]:
            raise ValueError(
                f"production of {name} is not as promotion {expected} left it: promote the model wanted by id"
            )
        changes = tags_before(entries, last["before"])
        move = {"action": "rollback", "from": last["to"], "to": last["from"], "undoes": last["number"]}
        return make_move(client, entries, changes, {**move, **told}, lock)
    finally:
        free_lock(client, lock)


def take_back_broken(client: Any, name: str, project_id: str, lock: dict[str, Any]) -> list[Any]:
    """Undo interrupted moves and return the models of this name."""
    entries = find_models(client, name, project_id)
    for move in reversed(read_moves(entries)):
        if move["state"] == "begun":
            print(f"promotion {move['number']} of {name} was broken off: it is taken back")
            write_tags(client, tags_before(entries, move["before"]), lock)
            write_move(client, {**move, "state": "undone"})
            entries = find_models(client, name, project_id)
    return entries


def make_move(
    client: Any, entries: list[Any], changes: dict[str, list[str]], move: dict[str, Any], lock: dict[str, Any]
) -> dict[str, Any]:
    """Record the move as begun, change the tags, and record the move as done; return the record."""
    record = {
        **move,
        "number": max([one["number"] for one in read_moves(entries)], default=0) + 1,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "before": {one.id: list(one.data.tags or []) for one in entries if one.id in changes},
    }
    hold_lock(lock)
    write_move(client, {**record, "state": "begun"})
    write_tags(client, changes, lock)
    write_move(client, {**record, "state": "done"})
    return {**record, "state": "done"}


def write_move(client: Any, move: dict[str, Any]) -> None:
    """Write the record; a record of the same number is replaced."""
    item = {"key": f"move-{move['number']:06d}", "type": "dict", "value": json.dumps(move, sort_keys=True)}
    client.models.add_or_update_metadata(model=move["to"] or move["from"], metadata=[item])


def write_tags(client: Any, changes: dict[str, list[str]], lock: dict[str, Any]) -> None:
    """Set the tags, with `production` last, so that two models never have it at once."""
    for model_id in sorted(changes, key=lambda one: "production" in changes[one]):
        hold_lock(lock)
        client.models.edit(model=model_id, tags=changes[model_id])


def promotion_tags(tags: dict[str, list[str]], model_id: str) -> dict[str, list[str]]:
    """Return the tags to change so that only `model_id` has `production`."""
    roles = ("production", "candidate", "previous-production")
    old = [one for one in tags if one != model_id and "production" in tags[one]]
    changed = {model_id: [*(tag for tag in tags[model_id] if tag not in roles), "production"]}
    for one in old:
        changed[one] = [*(tag for tag in tags[one] if tag not in roles), "previous-production"]
    for one in tags if old else []:
        if one not in changed and "previous-production" in tags[one]:
            changed[one] = [tag for tag in tags[one] if tag != "previous-production"]
    return {one: wanted for one, wanted in changed.items() if sorted(wanted) != sorted(tags[one])}


def tags_before(entries: list[Any], before: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the tags to change to restore the models' former roles; other newer tags stay."""
    roles = ("production", "candidate", "previous-production")
    changed = {}
    for entry in entries:
        if entry.id in before:
            now, then = list(entry.data.tags or []), before[entry.id]
            others = [tag for tag in now if tag not in roles]
            same = sorted(others) == sorted(tag for tag in then if tag not in roles)
            changed[entry.id] = then if same else [*others, *(tag for tag in then if tag in roles)]
    return changed


def who_asks(client: Any) -> str:
    """Return the name of the user whose credentials are in use.

    Sends a raw request, because the SDK's `APIClient` has no `users` service.
    """
    answer = client.session.send_request("users", "get_current_user", json={})
    user = answer.json().get("data", {}).get("user", {}) if answer.ok else {}
    return str(user.get("name") or user.get("id") or "")
