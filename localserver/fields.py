"""The types of the fields in requests. A name means the same nearly everywhere; endpoints that differ say so."""

from collections.abc import Iterable, Mapping
from typing import Any

from localserver import errors

_NAMES = {
    "str": (
        "basename comment description framework key metric model model_name name new_location new_project_name"
        " new_task_comment new_task_name new_task_parent new_task_project output_dest override_model_id parent pattern"
        " project project_name queue queue_name scroll_id search_text section status_message status_reason task type"
        " uri user variant worker default_output_destination destination_project event_type order token"
        " replace_hyperparams tasks_state line_format line_type"
    ),
    "texts": (
        "ids names only_fields order_by queues system_tags tags tasks keys projects worker_ids new_task_tags"
        " new_task_system_tags"
    ),
    "objects": "artifacts metadata models metrics new_task_input_models",
    "dict": "configuration container design execution hyperparams labels requirements runtime script",
    "int": (
        "page page_size size batch_size count from_timestamp iteration iters max_task_entries samples timeout timestamp"
        " expiration_sec threshold_sec last_seen interval"
    ),
    "number": "from_date to_date",
    "bool": (
        "allow_locked clear_all force no_scroll navigate_earlier public publish publish_model publish_task ready"
        " replace_configuration replace_metadata delete_contents delete_external_artifacts delete_output_models"
        " include_subprojects include_system model_events move_to_trash search_hidden shallow_search skip_empty"
        " verify_watched_queue force_publish_task publish_tasks get_task_info refresh return_file_urls"
    ),
}
TYPES: Mapping[str, str] = {name: type for type, names in _NAMES.items() for name in names.split()}
# What the filters of `get_all` take: one value or a list of values, in ClearML's language for lists.
_FILTERS = (
    "id name project parent status type user tags system_tags task uri basename created last_update last_change"
    " status_changed started completed framework comment description only_fields order_by"
)
FILTERS: Mapping[str, str] = dict.fromkeys(_FILTERS.split(), "any")
_PYTHON: Mapping[str, type | tuple[type, ...]] = {
    "str": str,
    "dict": dict,
    "int": (int, float),
    "number": (int, float),
    "bool": bool,
    "any": object,
}


# The lists: what is in them, and how that is called.
_ITEMS: Mapping[str, tuple[type, str]] = {"texts": (str, "text"), "objects": (dict, "objects")}


def check(data: Mapping[str, Any], required: Iterable[str], differing: Mapping[str, str]) -> None:
    """Raises errors.ValidationError or InvalidFields for the first field that is missing or has the wrong type."""
    for name, value in data.items():
        expected = differing.get(name) or TYPES.get(name)
        if value is None or expected is None:
            continue
        if expected in _ITEMS:
            _check_list(name, value, expected)
        elif not _is(value, expected):
            raise errors.ValidationError(f"error for field '{name}'. value is wrong, expected type \"{expected}\"")
    for name in required:
        if data.get(name) is None:
            raise errors.ValidationError(f"error for field '{name}'. field is required!")


def texts(data: Mapping[str, Any], name: str) -> list[str]:
    """The list of text in a field, empty when there is none; raises errors.InvalidFields for other values."""
    values: list[str] = data.get(name) or []
    _check_list(name, values, "texts")
    return values


def objects(data: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The list of objects in a field, empty when there is none; raises errors.InvalidFields for other values."""
    values: list[dict[str, Any]] = data.get(name) or []
    _check_list(name, values, "objects")
    return values


def text(data: Mapping[str, Any], name: str) -> str:
    """The text in a field of an object inside a request; raises errors.ValidationError when there is none."""
    value = data.get(name)
    if value is None:
        raise errors.ValidationError(f"error for field '{name}'. field is required!")
    if not isinstance(value, str):
        raise errors.ValidationError(f"error for field '{name}'. value is wrong, expected type \"str\"")
    return value


def _is(value: Any, expected: str) -> bool:
    if isinstance(value, bool):
        return expected in ("bool", "any")
    if expected == "int":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return isinstance(value, _PYTHON[expected])


def _check_list(name: str, value: Any, expected: str) -> None:
    kind, words = _ITEMS[expected]
    if not isinstance(value, list):
        raise errors.InvalidFields("expecting list", field=name)
    if not all(isinstance(item, kind) for item in value):
        raise errors.InvalidFields(f"expecting a list of {words}", field=name)
