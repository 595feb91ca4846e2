"""Collect the helper functions that ClearML copies into a step's script."""

import dis
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

PACKAGES = ("components.", "clearml_flows.tabular.")


def with_helpers(*functions: Callable[..., Any]) -> list[Callable[..., Any]]:
    """Return the functions and all functions of ours that they call, directly or not.

    The result is the step's `helper_functions`. It is sorted by module and line, not by the order of the arguments:
    ClearML finds a cached step by its source.
    """
    found: set[FunctionType] = set()
    waiting = [function for function in functions if isinstance(function, FunctionType)]
    while waiting:
        function = waiting.pop()
        if function not in found:
            found.add(function)
            waiting += _named_in(function)
    return sorted(found, key=lambda function: (function.__module__, function.__code__.co_firstlineno))


def _named_in(function: FunctionType) -> list[FunctionType]:
    values = [function.__globals__.get(name) for name in _global_names(function.__code__)]
    return [value for value in values if isinstance(value, FunctionType) and value.__module__.startswith(PACKAGES)]


def _global_names(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_GLOBAL":
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)
