"""What every child script does: tell one JSON document, and note answers that break the SDK's own schemas."""

import json
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from clearml import Task
from clearml.backend_api.session import callresult
from clearml.backend_api.session.session import CallResult
from clearml.backend_api.utils import get_response_cls
from jsonschema import Draft7Validator

Document = dict[str, Any]


def tell(body: Callable[..., Document]) -> None:
    """Write what `body` returns, for the arguments of the command line, to the file that the first one names."""
    # Else each script's task would depend on, and differ by, the state of the repository that the tests are in.
    Task.force_store_standalone_script()
    faults = note_faults()
    document = body(*sys.argv[2:])
    Path(sys.argv[1]).write_text(json.dumps({"document": document, "faults": faults}, default=str), encoding="utf-8")


def note_faults() -> list[str]:
    """From now on, check each good answer against the schema that the SDK's own response class has for it."""
    faults: list[str] = []
    parse = CallResult.from_result.__func__

    def parse_and_check(cls: Any, /, res: Any, request_cls: Any = None, **options: Any) -> Any:
        result = parse(cls, res, request_cls=request_cls, **options)
        if result.ok():
            faults.extend(_faults(request_cls, result.response_data))
        return result

    callresult.CallResult.from_result = classmethod(parse_and_check)
    return faults


def _faults(request_cls: Any, data: Any) -> list[str]:
    response_cls = get_response_cls(request_cls)
    if response_cls is None:
        return []
    name = f"{request_cls._service}.{request_cls._action}"
    found = _checker(response_cls).iter_errors(data)
    return [f"{name}: {'.'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in found]


@cache
def _checker(response_cls: Any) -> Draft7Validator:
    # Some of the SDK's schemas refer to definitions that they do not hold: these allow everything.
    missing: Document = {name: {} for name in re.findall(r'"#/definitions/(\w+)"', json.dumps(response_cls._schema))}
    definitions = {**missing, **response_cls._schema.get("definitions", {})}
    return Draft7Validator({**response_cls._schema, "definitions": definitions})
