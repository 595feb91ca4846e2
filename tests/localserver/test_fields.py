from typing import Any

import pytest

from clearml_flows.localserver import errors, fields, schema, services
from clearml_flows.localserver.registry import ENDPOINTS

Json = dict[str, Any]
WRONG = "Validation error (error for field '{}'. {})"


def check(endpoint: str, **data: Any) -> Json:
    return fields.check(schema.table(endpoint), data)


@pytest.mark.parametrize(
    ("endpoint", "data", "checked"),
    [
        ("tasks.get_by_id", {"task": "a", "unknown": [1]}, {"task": "a", "unknown": [1]}),
        ("tasks.get_by_id", {"task": ""}, {"task": ""}),
        ("tasks.delete", {"task": "a", "force": "no"}, {"task": "a", "force": True}),
        ("tasks.delete", {"task": "a", "force": None}, {"task": "a", "force": None}),
        (
            "queues.move_task_forward",
            {"queue": "q", "task": "a", "count": "5"},
            {"queue": "q", "task": "a", "count": 5},
        ),
        (
            "organization.get_project_usages",
            {"projects": ["p"], "from_date": "f", "to_date": "t", "usage_fields": ["duration"]},
            {"projects": ["p"], "from_date": "f", "to_date": "t", "usage_fields": ["duration"]},
        ),
        ("queues.create", {"name": "abc", "tags": None}, {"name": "abc", "tags": None}),
        ("queues.create", {"name": "abc", "tags": 0}, {"name": "abc", "tags": []}),
        ("tasks.get_all", {"name": "^a$", "id": "a", "page": 1}, {"name": "^a$", "id": "a", "page": 1}),
        ("tasks.get_all", {"name": [], "only_fields": {}}, {"name": None, "only_fields": None}),
        ("tasks.get_all", {"tags": ["__$not", "a", None]}, {"tags": ["__$not", "a", None]}),
        ("tasks.get_all", {"created": [None, "2026-01-01"]}, {"created": [None, "2026-01-01"]}),
        ("tasks.get_all", {"status_changed": ">=2026-01-01"}, {"status_changed": ">=2026-01-01"}),
        ("tasks.get_all", {"last_metrics.a.b.value": [0.5, None]}, {"last_metrics.a.b.value": [0.5, None]}),
        (
            "tasks.get_all",
            {"_any_": {"fields": ["name"], "pattern": "a"}},
            {"_any_": {"fields": ["name"], "pattern": "a"}},
        ),
        ("tasks.edit", {"task": "a", "execution": {"new": 1}}, {"task": "a", "execution": {"new": 1}}),
        ("tasks.edit", {"task": "a", "hyperparams": {}}, {"task": "a", "hyperparams": {}}),
        (
            "events.debug_images",
            {"metrics": [{"task": "a", "more": 1}], "iters": "2"},
            {"metrics": [{"task": "a", "more": 1}], "iters": 2},
        ),
    ],
)
def test_a_good_request_passes_and_is_converted(endpoint: str, data: Json, checked: Json) -> None:
    assert check(endpoint, **data) == checked


@pytest.mark.parametrize(
    ("endpoint", "data", "subcode", "message"),
    [
        ("tasks.get_by_id", {}, 12, WRONG.format("task", "field is required!")),
        ("tasks.get_by_id", {"task": None}, 12, WRONG.format("task", "field is required!")),
        ("tasks.get_by_id", {"task": 5}, 12, WRONG.format("task", 'value is wrong, expected type "str"')),
        ("tasks.get_by_id_ex", {}, 11, "Missing required fields: missing=(id)"),
        ("projects.create", {"description": "a"}, 11, "Missing required fields: missing=(name)"),
        ("projects.create", {"name": 5}, 800, 'Data validation error: name=value is wrong, expected type "str"'),
        ("queues.move_task_forward", {"queue": "q", "task": "a", "count": "x"}, 12, 'expected type "int"'),
        ("tasks.delete_many", {"ids": []}, 12, WRONG.format("ids", "length 0 is lower than the minimum 1")),
        ("tasks.delete_many", {}, 12, WRONG.format("ids", "field is required!")),
        ("tasks.delete_many", {"ids": "a"}, 12, 'expected type "list"'),
        ("tasks.delete_many", {"ids": [5]}, 12, "expected items of str, got int"),
        ("tasks.create", {"name": "abc", "type": "nope"}, 12, "value must be one of application, controller"),
        (
            "tasks.create",
            {"name": "abc", "type": "qc", "tags": 5},
            16,
            "Invalid value for fields (expecting list): field=tags",
        ),
        ("tasks.create", {"name": "abc", "type": "qc", "project": 5}, 16, "field=project"),
        (
            "tasks.create",
            {"name": "abc", "type": "qc", "script": {"nope": 1}},
            12,
            "Validation error: document=script, field=nope",
        ),
        ("tasks.create", {"name": "abc", "type": "qc", "script": {"diff": 5}}, 800, "Data validation error: diff="),
        ("tasks.edit", {"task": "a", "name": 5}, 800, "Data validation error: name="),
        ("tasks.edit", {"task": "a", "hyperparams": {"Args": {"lr": 5}}}, 16, "field=*"),
        (
            "tasks.edit_hyper_params",
            {"task": "a", "hyperparams": [{"section": "", "name": "a", "value": "1"}]},
            12,
            "section",
        ),
        (
            "tasks.add_or_update_artifacts",
            {"task": "a", "artifacts": [{"key": "k", "type": "t", "mode": "x"}]},
            12,
            "mode",
        ),
        ("models.create", {"name": "abc", "uri": "u", "metadata": [{"key": "a"}]}, 12, 'expected type "dict"'),
        ("models.edit", {"model": "a", "metadata": [{"key": "a"}]}, 12, 'expected type "dict"'),
        ("models.update", {"model": "a", "metadata": [{"key": "a"}]}, 12, 'expected type "dict"'),
        ("models.edit", {"model": "a", "metadata": {"a": {"key": "a"}}}, 12, "field is required!"),
        ("tasks.get_all", {"created": ["<2026-01-01"]}, 12, "specified for range field created"),
        ("tasks.get_all_ex", {"started": [">2026-01-01", None, None]}, 12, "specified for range field started"),
        ("models.add_or_update_metadata", {"model": "a", "metadata": {"a": "1"}}, 12, 'expected type "list"'),
        (
            "events.scalar_metrics_iter_histogram",
            {"task": "a", "samples": 0},
            12,
            "value 0 is lower than the minimum 1",
        ),
        ("events.scalar_metrics_iter_histogram", {"task": "a", "samples": None}, 12, "a value is needed"),
        ("events.scalar_metrics_iter_histogram", {"task": "a", "key": "x"}, 12, "value must be one of iso_time, iter"),
        (
            "tasks.get_all",
            {"last_iteration": [1]},
            12,
            "Min and max values should be specified for range field last_iteration",
        ),
        ("tasks.get_all", {"last_iteration": 5}, 12, "range field last_iteration"),
        (
            "tasks.get_all",
            {"active_duration": [None, None]},
            12,
            "At least one of min or max values should be provided",
        ),
        ("tasks.get_all", {"last_metrics.a.b.value": [0.5]}, 12, "range field last_metrics.*"),
        ("tasks.get_all", {"id": [5]}, 16, "invalid value type, string expected"),
        ("tasks.get_all", {"last_update": 5}, 16, "field=last_update"),
        ("tasks.get_all", {"name": ["a"]}, 12, 'value is wrong, expected type "str"'),
        ("tasks.get_all", {"order_by": [5]}, 16, "field=order_by"),
        ("tasks.get_all", {"only_fields": {"a": 1}}, 16, "field=only_fields"),
        ("tasks.get_all", {"page": -1}, 12, "page"),
        ("tasks.get_all", {"page_size": 0}, 12, "page_size"),
        ("tasks.get_all", {"_any_": {"fields": ["name"]}}, 16, "field=_any_"),
        ("tasks.get_all", {"_any_": {"fields": ["name"], "pattern": "a", "datetime": ">2026"}}, 16, "field=_any_"),
        ("tasks.get_all", {"filters": ["tags"]}, 16, "field=filters"),
    ],
)
def test_a_bad_request_is_refused_with_the_servers_subcode(
    endpoint: str, data: Json, subcode: int, message: str
) -> None:
    with pytest.raises(errors.ApiError) as refused:
        check(endpoint, **data)
    assert (refused.value.code, refused.value.subcode) == (400, subcode)
    assert message in str(refused.value)


REFUSED = schema.Table(
    "x",
    {
        "tags": schema.Field("tags", "list", is_refused=True),
        "all": schema.Field("all", "bool", default=True, is_refused=True),
    },
)


def test_a_field_that_nobody_acts_on_is_refused_by_name_when_it_is_given() -> None:
    unset: list[Json] = [{}, {"tags": None}, {"tags": []}, {"all": True}, {"all": None}]
    for data in unset:
        fields.check(REFUSED, data)
    for name, value in (("tags", ["a"]), ("all", False)):
        with pytest.raises(errors.InvalidFields, match=f"this backend does not act on the field.*field={name}"):
            fields.check(REFUSED, {name: value})


def test_tables_and_endpoints_are_the_same() -> None:
    services.load()
    tables = {name: schema.table(name) for name in schema.endpoints()}
    assert len(tables) == 204
    assert set(ENDPOINTS) <= set(tables)


KINDS = set(fields._TYPES)


def test_every_row_of_the_tables_is_understood() -> None:
    for name in schema.endpoints():
        table = schema.table(name)
        for field in table.fields.values():
            assert field.type in KINDS or schema.shape(field.type, 12), (name, field)
            for item in field.items:
                assert item in fields._ITEMS or schema.shape(item, 12), (name, field)
            assert field.subcode in (12, 16, 800)
            assert field.required in (0, 11, 12)
            assert not (field.is_refused and field.no_effect), (name, field)
            assert not (field.is_refused and field.required), (name, field)


def test_fields_of_objects_inside() -> None:
    assert fields.text({"key": "a"}, "key") == "a"
    assert fields.texts({}, "names") == []
    assert fields.objects({"items": [{}]}, "items") == [{}]
    for value in (None, 5):
        with pytest.raises(errors.ValidationError):
            fields.text({"key": value}, "key")
