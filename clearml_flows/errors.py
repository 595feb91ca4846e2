"""Exceptions and their exit codes.

FlowsError            1  the run failed
├── MissingExtra      1  an optional package is not installed
├── BadInput          2  bad data or wrong usage
├── GateSaidNo        3  a model may not go into production
├── Locked            4  another run holds the lock
└── Unreachable       5  no backend answers
"""


class FlowsError(Exception):
    """An error. Its message says in one sentence what was found and what to do."""

    exit_code = 1


class MissingExtra(FlowsError):
    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed; run pip install 'clearml-flows[{extra}]'")


class BadInput(FlowsError):
    exit_code = 2


class GateSaidNo(FlowsError):
    exit_code = 3


class Locked(FlowsError):
    exit_code = 4


class Unreachable(FlowsError):
    exit_code = 5
