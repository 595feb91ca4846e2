"""Check requests against the tables in localserver/schema, as ClearML Server does."""

from collections.abc import Callable, Mapping
from typing import Any

from clearml_flows.localserver import errors, schema
from clearml_flows.localserver.schema import Field, Table

Json = dict[str, Any]
Convert = Callable[[Field, Any], Any]


def check(table: Table, data: Json) -> Json:
    """Return the request with numbers and booleans converted as on ClearML Server.

    Raises:
        errors.ValidationError, InvalidFields, DataValidationError, MissingFields: A field is missing, wrong, or not
            supported by this backend. The error names the first such field.
    """
    missing = [
        field.name
        for field in table.fields.values()
        if field.required == errors.MissingFields.subcode and field.name not in data
    ]
    if missing:
        raise errors.MissingFields(missing=missing)
    checked = _object(table, data)
    for name, value in checked.items():
        known = table.get(name)
        if known and known.is_refused and _is_given(known, value):
            raise errors.InvalidFields("this backend does not act on the field", field=name)
    return checked


def _object(table: Table, data: Mapping[str, Any]) -> Json:
    """Check and convert the fields of a request or of an object inside a request."""
    checked = dict(data)
    for name, value in data.items():
        field = table.get(name)
        if field:
            checked[name] = _value(field, value)
        elif table.is_closed:
            raise errors.ValidationError(document=table.name, field=name[:100])
    for field in table.fields.values():
        # A list with a minimum length is required too.
        is_needed = field.required or (field.min and field.type == "list")
        if is_needed and checked.get(field.name) is None and not field.name.endswith("*"):
            raise _wrong(field, "field is required!")
    return checked


def _is_given(field: Field, value: Any) -> bool:
    return bool(value) if field.default is None else value is not None and value != field.default


def _value(field: Field, value: Any) -> Any:
    if value is None:
        if not field.null:
            raise _wrong(field, "a value is needed")
        return None
    convert: Convert = _TYPES.get(field.type, _shaped)
    converted = convert(field, value)
    chosen = converted if isinstance(converted, list) else [converted]
    if field.enum and any(item not in field.enum for item in chosen):
        raise _wrong(field, f"value must be one of {', '.join(map(str, field.enum))}")
    if field.min is not None or field.max is not None:
        _check_range(field, converted)
    return converted


def _check_range(field: Field, value: Any) -> None:
    size, unit = (len(value), "length") if isinstance(value, (str, list)) else (value, "value")
    if field.min is not None and size < field.min:
        raise _wrong(field, f"{unit} {size} is lower than the minimum {field.min}")
    if field.max is not None and size > field.max:
        raise _wrong(field, f"{unit} {size} is higher than the maximum {field.max}")


def _instance(*kinds: type) -> Convert:
    def convert(field: Field, value: Any) -> Any:
        if not isinstance(value, kinds):
            raise _wrong_type(field)
        return value

    return convert


_text = _instance(str)


def _any(_: Field, value: Any) -> Any:
    return value


def _bool(_: Field, value: Any) -> bool:
    return bool(value)


def _int(field: Field, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise _wrong_type(field) from error


def _list(field: Field, value: Any) -> list[Any]:
    if not value and field.subcode == errors.ValidationError.subcode:
        return []
    if not isinstance(value, list):
        raise _wrong_type(field)
    return [_item(field, item) for item in value] if field.items else value


def _dict(field: Field, value: Any) -> Json:
    if not isinstance(value, dict):
        raise _wrong_type(field)
    return {key: _item(field, item) for key, item in value.items()} if field.items else value


_ITEMS: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "dict": (dict,),
    "list": (list,),
    "null": (type(None),),
}


def _item(field: Field, item: Any) -> Any:
    """Check an item of a list or a value of a dict, and return it."""
    kind = schema.shape(field.items[0], field.subcode)
    if kind and isinstance(item, dict):
        return _object(kind, item)
    if kind or not any(isinstance(item, _ITEMS[name]) for name in field.items):
        raise _wrong(field, f"expected items of {' or '.join(field.items)}, got {type(item).__name__}")
    return item


def _shaped(field: Field, value: Any) -> Json:
    """Check an object against the shape that the field's type names."""
    kind = schema.shape(field.type, field.subcode)
    if kind is None:
        raise ValueError(f"the table of requests names an unknown type: {field.type}")
    if not isinstance(value, dict):
        raise _wrong_type(field)
    return _object(kind, value)


def _names(field: Field, value: Any) -> Any:
    if not value:
        return None
    if isinstance(value, str) or (isinstance(value, list) and all(isinstance(name, str) for name in value)):
        return value
    raise errors.InvalidFields("expecting text or a list of text", field=field.name)


def _pattern(field: Field, value: Any) -> str | None:
    """Check a regular expression. Like on ClearML Server, an empty value means none."""
    return str(_text(field, value)) if value else None


def _filter(field: Field, value: Any) -> Any:
    """Check a string or a list of strings, in which null means "is not set"."""
    values = value if isinstance(value, list) else [value]
    if all(item is None or isinstance(item, str) for item in values):
        return value
    raise errors.InvalidFields("invalid value type, string expected", field=field.name)


def _range(field: Field, value: Any) -> Any:
    """Check [minimum, maximum]. One of the two may be null."""
    if not isinstance(value, list) or len(value) != 2:
        raise errors.ValidationError(f"Min and max values should be specified for range field {field.name}")
    if value == [None, None]:
        raise errors.ValidationError(f"At least one of min or max values should be provided for field {field.name}")
    return value


def _dates(field: Field, value: Any) -> Any:
    """Check a date with an operator, a list of such dates, or [earliest, latest]."""
    values = value if isinstance(value, list) else [value]
    if all(item is None or isinstance(item, str) for item in values):
        return value
    raise errors.InvalidFields("failed parsing query field", field=field.name)


def _multi(field: Field, value: Any) -> Any:
    """Check {fields, pattern} or {fields, datetime}."""
    is_right = (
        isinstance(value, dict)
        and _is_texts(value.get("fields"))
        and not value.keys() - {"fields", "pattern", "datetime"}
        and (value.get("pattern") is None) != (value.get("datetime") is None)
    )
    if not is_right:
        raise errors.InvalidFields("incorrect field format", field=field.name)
    return value


def _filters(field: Field, value: Any) -> Any:
    if not isinstance(value, dict):
        raise errors.InvalidFields("invalid value type, dictionary expected", field=field.name)
    return value


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(item is None or isinstance(item, str) for item in value)


_TYPES: Mapping[str, Convert] = {
    "any": _any,
    "str": _text,
    "int": _int,
    "float": _instance(int, float),
    "bool": _bool,
    "scalar": _instance(str, int, float),
    "list": _list,
    "dict": _dict,
    "names": _names,
    "pattern": _pattern,
    "filter": _filter,
    "range": _range,
    "dates": _dates,
    "multi": _multi,
    "filters": _filters,
}
_WORDS = {"pattern": "str"}


def _wrong_type(field: Field) -> errors.ApiError:
    kind = _WORDS.get(field.type, field.type if field.type in _TYPES else "dict")
    if field.subcode == errors.InvalidFields.subcode:
        return errors.InvalidFields(f"expecting {kind}", field=field.name)
    return _wrong(field, f'value is wrong, expected type "{kind}"')


def _wrong(field: Field, reason: str) -> errors.ApiError:
    if field.subcode == errors.InvalidFields.subcode:
        return errors.InvalidFields(reason, field=field.name)
    if field.subcode == errors.DataValidationError.subcode:
        return errors.DataValidationError(**{field.name: reason})
    return errors.ValidationError(f"error for field '{field.name}'. {reason}")


def texts(data: Mapping[str, Any], name: str) -> list[str]:
    """Return the list of strings in a field, [] if unset; raises errors.InvalidFields."""
    values: list[str] = data.get(name) or []
    _check_items(name, values, str, "text")
    return values


def objects(data: Mapping[str, Any], name: str) -> list[Json]:
    """Return the list of objects in a field, [] if unset; raises errors.InvalidFields."""
    values: list[Json] = data.get(name) or []
    _check_items(name, values, dict, "objects")
    return values


def text(data: Mapping[str, Any], name: str) -> str:
    """Return the string in a required field; raises errors.ValidationError."""
    value = data.get(name)
    if value is None:
        raise errors.ValidationError(f"error for field '{name}'. field is required!")
    if not isinstance(value, str):
        raise errors.ValidationError(f"error for field '{name}'. value is wrong, expected type \"str\"")
    return value


def _check_items(name: str, value: Any, kind: type, words: str) -> None:
    if not isinstance(value, list):
        raise errors.InvalidFields("expecting list", field=name)
    if not all(isinstance(item, kind) for item in value):
        raise errors.InvalidFields(f"expecting a list of {words}", field=name)
