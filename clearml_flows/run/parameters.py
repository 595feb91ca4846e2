"""Parameters of a flow: groups in its function, plain values on the run's Task.

A group is a table of the settings (`Data`, `Training`, …), `Source` or `Models`. A plain value's name is its field's
name, or `SECTION_FIELD` if two groups of the flow have such a field.
"""

import inspect
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from clearml_flows.backend.connection import is_embedded
from clearml_flows.catalog import schema_text
from clearml_flows.errors import BadInput
from clearml_flows.project import settings_file
from clearml_flows.run.grid import expand
from clearml_flows.settings import Settings, Table

PLAIN = (str, int, float, bool)


@dataclass(frozen=True)
class Source:
    """Names, raw data and schema of a flow."""

    name: str
    project: str
    file: str
    kaggle_dataset: str
    kaggle_file: str
    sha256: str
    schema: str
    synthetic: str
    embedded: bool


@dataclass(frozen=True)
class Models:
    """Experiments of a flow as JSON, and the metrics that select and promote the best."""

    experiments: str
    metric: str
    gate_metric: str
    gate_minimum: float


@dataclass(frozen=True)
class Value:
    """A plain value: its section and name on the Task, its argument and field in the function."""

    section: str
    name: str
    kind: type
    argument: str
    field: str


def values_of(flow: Callable[..., None]) -> list[Value]:
    """Return the plain values of the flow's parameters.

    Raises TypeError if a parameter is neither a group nor a plain value with a default.
    """
    found = []
    for argument, parameter in inspect.signature(flow, eval_str=True).parameters.items():
        kind = parameter.annotation
        if kind in PLAIN and parameter.default is not parameter.empty:
            found.append(Value("Args", argument, kind, argument, ""))
        elif kind in (Source, Models) or (isinstance(kind, type) and issubclass(kind, Table)):
            section = kind.__name__.lower()
            found += [Value(section, name, each, argument, name) for name, each in _fields(kind).items()]
        else:
            raise TypeError(f"parameter {argument} of {flow.__name__} is no group and no plain value with a default")
    counts = Counter(value.name for value in found)
    return [
        value if counts[value.name] == 1 else Value(**{**vars(value), "name": f"{value.section}_{value.name}"})
        for value in found
    ]


def pipeline_of(flow: Callable[..., None]) -> Callable[..., None]:
    """Return the flow as a function of plain values, as ClearML takes it."""

    def pipeline(**given: Any) -> None:
        flow(**groups_of(flow, given))

    taken = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(value.name, taken, annotation=value.kind) for value in values_of(flow)]
    vars(pipeline)["__signature__"] = inspect.Signature(parameters)
    return pipeline


def groups_of(flow: Callable[..., None], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of the flow's function from the plain values.

    Raises ValueError if a value is not allowed for its group.
    """
    parameters = inspect.signature(flow, eval_str=True).parameters
    arguments: dict[str, Any] = {}
    for value in values_of(flow):
        if value.field:
            arguments.setdefault(value.argument, {})[value.field] = given[value.name]
        else:
            arguments[value.argument] = given[value.name]
    return {
        name: one if parameters[name].annotation in PLAIN else parameters[name].annotation(**one)
        for name, one in arguments.items()
    }


def sections_of(flow: Callable[..., None]) -> dict[str, list[str]]:
    """Return the names of the plain values by their sections on the run's Task."""
    sections: dict[str, list[str]] = {}
    for value in values_of(flow):
        sections.setdefault(value.section, []).append(value.name)
    return sections


def configured_values(flow: Callable[..., None], name: str, settings: Settings) -> dict[str, Any]:
    """Return the plain values from the settings.

    Raises BadInput if the flow needs a table, a schema or experiments that are not there.
    """
    parameters = inspect.signature(flow, eval_str=True).parameters
    groups = {
        argument: _group(one.annotation, name, settings)
        for argument, one in parameters.items()
        if one.annotation not in PLAIN
    }
    return {
        value.name: getattr(groups[value.argument], value.field) if value.field else parameters[value.argument].default
        for value in values_of(flow)
    }


def _group(kind: type, name: str, settings: Settings) -> Any:
    if kind not in (Source, Models):
        return getattr(settings, kind.__name__.lower())
    table = settings.flow(name)
    if kind is Models:
        if not table.experiments:
            raise BadInput(f"{settings_file()} has no {name}.experiments, and the flow trains them")
        return Models(json.dumps(expand(table.experiments)), table.metric, table.gate_metric, table.gate_minimum)
    schema = schema_text(name)
    return Source(
        name,
        settings.project.name,
        str(settings_file().parent / table.file) if table.file else "",
        table.kaggle_dataset,
        table.kaggle_file,
        table.sha256,
        schema,
        json.loads(schema).get("synthetic", ""),
        is_embedded(settings),
    )


def _fields(kind: Any) -> dict[str, type]:
    if issubclass(kind, Table):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    return get_type_hints(kind)
