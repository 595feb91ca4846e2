from typing import Any

import pytest

from localserver import errors, fields


@pytest.mark.parametrize(
    "data",
    [
        {"name": "a", "tags": ["a"], "page": 1, "force": True, "script": {}, "artifacts": [{}], "from_date": 1.5},
        {"name": None, "tags": None, "page": None},
        {"page": 2.0},
        {"unknown": object()},
        {"task": ["a"]},
    ],
)
def test_what_fits_passes(data: dict[str, Any]) -> None:
    fields.check(data, (), {"task": "any"})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"name": 5}, "Validation error (error for field 'name'. value is wrong, expected type \"str\")"),
        ({"page": "1"}, "Validation error (error for field 'page'. value is wrong, expected type \"int\")"),
        ({"page": 1.5}, "Validation error (error for field 'page'. value is wrong, expected type \"int\")"),
        ({"page": True}, "Validation error (error for field 'page'. value is wrong, expected type \"int\")"),
        ({"force": 1}, "Validation error (error for field 'force'. value is wrong, expected type \"bool\")"),
        ({"script": []}, "Validation error (error for field 'script'. value is wrong, expected type \"dict\")"),
        ({"tags": 5}, "Invalid value for fields (expecting list): field=tags"),
        ({"tags": "a"}, "Invalid value for fields (expecting list): field=tags"),
        ({"tags": [5]}, "Invalid value for fields (expecting a list of text): field=tags"),
        ({"artifacts": ["a"]}, "Invalid value for fields (expecting a list of objects): field=artifacts"),
    ],
)
def test_what_does_not_fit_is_named(data: dict[str, Any], message: str) -> None:
    with pytest.raises(errors.ApiError) as refused:
        fields.check(data, (), {})
    assert str(refused.value) == message


def test_a_required_field_must_have_a_value() -> None:
    for data in ({}, {"task": None}):
        with pytest.raises(errors.ValidationError, match="field is required!"):
            fields.check(data, ("task",), {})
    fields.check({"task": ""}, ("task",), {})


def test_fields_of_objects_inside() -> None:
    assert fields.text({"key": "a"}, "key") == "a"
    assert fields.texts({}, "names") == []
    assert fields.objects({"items": [{}]}, "items") == [{}]
    for value in (None, 5):
        with pytest.raises(errors.ValidationError):
            fields.text({"key": value}, "key")
