"""Moves of `production` between the models of a name, each kept as a record that tells how to take it back.

A record is `{number, when, who, via, why, action: promote|rollback, from, to, before, undoes, state}`: `from` and `to`
are ids of models or empty, `before` the tags of all models that the move changes, `undoes` the number of the promotion
that a rollback takes back. It is written as metadata `move-<number>` of the model that comes into production (of the
one that leaves it, if none comes): as `begun` before the first tag changes, as `done` after the last. One that is still
`begun` when the next one takes the lock was broken off: it is taken back first, and marked `undone`.

Every function here may travel with a step.
"""

from typing import Any

if __name__ != "__main__":  # ClearML copies unconditional imports into a step's script, where these functions stand.
    from clearml_flows.tabular.registry.entries import find_models
    from clearml_flows.tabular.registry.promotion_lock import free_lock, hold_lock, take_lock


def read_moves(entries: list[Any]) -> list[dict[str, Any]]:
    """The records of all moves among these models, in their order.

    Raises:
        ValueError: a record was damaged.
    """
    import json

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
    """The promotions that no rollback took back, in their order: the last is the one that a rollback would."""
    taken_back = {move["undoes"] for move in moves if move["action"] == "rollback" and move["state"] == "done"}
    return [
        move
        for move in moves
        if move["action"] == "promote" and move["state"] == "done" and move["number"] not in taken_back
    ]


def was_rolled_back(moves: list[dict[str, Any]], model_id: str) -> dict[str, Any] | None:
    """The rollback that took this model out of production, unless it was promoted again since; else None."""
    done = [move for move in moves if move["state"] == "done"]
    last = next((move for move in reversed(done) if model_id in (move["to"], move["from"])), None)
    return last if last and last["action"] == "rollback" and last["from"] == model_id else None


def find_production(entries: list[Any]) -> Any:
    """The production model among those of a name, or None; while a move is under way, the one that it started from."""
    for entry in entries:
        if "production" in (entry.data.tags or []):
            return entry
    begun = [move for move in read_moves(entries) if move["state"] == "begun"]
    return next((entry for entry in entries if begun and entry.id == begun[-1]["from"]), None)


def promote_model(client: Any, entry: Any, expected: str, told: dict[str, str]) -> str:
    """Moves `production` to a model and `previous-production` to the one that had it, unless others came first.

    Args:
        client: an `APIClient`.
        entry: the model.
        expected: the id of the production model that the decision was made against, or empty.
        told: `who`, `via` and `why`, for the record.

    Returns:
        An empty text; or, where another model is in production by now, a sentence that says so, and nothing was moved.

    Raises:
        RuntimeError: the move was given up, and the next one will take it back.
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
    """Takes back the last promotion that is in effect: all models that it changed get the tags they had before.

    Args:
        client: an `APIClient`.
        name: of the models.
        project_id: of their project.
        expected: the number of the promotion to take back.
        told: `who`, `via` and `why`, for the record.

    Returns:
        The record of the rollback.

    Raises:
        ValueError: that promotion is not the last one in effect, or the tags are not as it left them.
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
    """The models of this name, after moves that broke off were taken back."""
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
    """Records the move, changes the tags, and marks it done. Returns the record."""
    from datetime import UTC, datetime

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
    """Keeps the record, in place of the one of the same number."""
    import json

    item = {"key": f"move-{move['number']:06d}", "type": "dict", "value": json.dumps(move, sort_keys=True)}
    client.models.add_or_update_metadata(model=move["to"] or move["from"], metadata=[item])


def write_tags(client: Any, changes: dict[str, list[str]], lock: dict[str, Any]) -> None:
    """Sets the tags, those of the model that is to have `production` last: there are never two of them."""
    for model_id in sorted(changes, key=lambda one: "production" in changes[one]):
        hold_lock(lock)
        client.models.edit(model=model_id, tags=changes[model_id])


def promotion_tags(tags: dict[str, list[str]], model_id: str) -> dict[str, list[str]]:
    """The tags to change, of those of all models, so that `production` is on this one only."""
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
    """The tags to change so that models have the roles that they had; other tags they got meanwhile stay."""
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
    """The name of the user whose credentials are used; the SDK's API client knows no `users` service."""
    answer = client.session.send_request("users", "get_current_user", json={})
    user = answer.json().get("data", {}).get("user", {}) if answer.ok else {}
    return str(user.get("name") or user.get("id") or "")
