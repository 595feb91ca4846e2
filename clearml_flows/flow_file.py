"""Read the pipeline and the steps of a flow's file, without the import of ClearML.

The import takes seconds, and most commands do not need it.
"""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

from clearml_flows import project
from clearml_flows.catalog import flow_file
from clearml_flows.errors import BadInput
from clearml_flows.flow import Flow
from clearml_flows.run.parameters import configured_values
from clearml_flows.settings import Settings
from clearml_flows.spelling import did_you_mean


@dataclass(frozen=True)
class Component:
    """A step's function with the options of its decorator."""

    name: str
    function: Callable[..., Any]
    returns: tuple[str, ...]
    packages: tuple[str, ...]


@dataclass(frozen=True)
class FlowFile:
    """The pipeline of a flow, and its components in the order of their imports."""

    function: Callable[..., None]
    components: dict[str, Component]
    calls: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = field(default_factory=dict)

    def arguments(self, values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Run the pipeline without steps, and return the arguments of each step that it calls.

        A step's result is its name there.
        """
        self.calls.clear()
        self.function(**values)
        names = {name: list(inspect.signature(one.function).parameters) for name, one in self.components.items()}
        return {
            name: {**dict(zip(names[name], plain, strict=False)), **named}
            for name, (plain, named) in self.calls.items()
        }


@cache
def read_flow(name: str) -> FlowFile:
    """Return the pipeline and the components of the flow's file.

    Raises BadInput if the file declares no flow of this name.
    """
    read = FlowFile(lambda: None, {})
    path = flow_file(name)
    project.add_to_path()
    spec = importlib.util.spec_from_file_location(f"flows.{name}_flow", path)
    if spec is None or spec.loader is None:
        raise BadInput(f"{path} is no file of Python")
    module = importlib.util.module_from_spec(spec)
    with _recording(read):
        spec.loader.exec_module(module)
    declared = [one for one in vars(module).values() if isinstance(one, Flow) and one.name == name]
    if not declared:
        raise BadInput(f"{path} declares no flow {name!r}: put @flow({name!r}) above its function")
    return FlowFile(declared[0].function, read.components, read.calls)


@contextmanager
def _recording(read: FlowFile) -> Iterator[None]:
    """Give `from clearml import PipelineDecorator` a decorator that records components."""

    def component(function: Callable[..., Any] | None = None, **options: Any) -> Any:
        if function is None:
            return lambda function: component(function, **options)
        named = options.get("return_values") or ()
        returns = (named,) if isinstance(named, str) else tuple(named)
        name = options.get("name") or function.__name__
        read.components[name] = Component(name, function, returns, tuple(options.get("packages") or ()))

        def call(*plain: Any, **named: Any) -> Any:
            read.calls[name] = plain, named
            return returns[0] if len(returns) == 1 else returns

        return call

    with _replaced(component), _without("components", "flows"):
        yield


@contextmanager
def _replaced(component: Callable[..., Any]) -> Iterator[None]:
    """Replace `PipelineDecorator.component` by this function.

    If ClearML is not imported, a stand-in takes its place.
    """
    clearml: Any = sys.modules.get("clearml")
    if clearml is not None:
        # Its threads go on, so its modules must stay.
        with mock.patch.object(clearml.PipelineDecorator, "component", component):
            yield
        return
    with _without("clearml"):
        stand_in: Any = ModuleType("clearml")
        stand_in.PipelineDecorator = SimpleNamespace(component=component)
        sys.modules["clearml"] = stand_in
        yield


@contextmanager
def _without(*packages: str) -> Iterator[None]:
    """Import the packages anew, and forget these imports afterwards."""
    kept = {name: sys.modules.pop(name) for name in _below(packages)}
    try:
        yield
    finally:
        for name in _below(packages):
            del sys.modules[name]
        sys.modules.update(kept)


def _below(packages: Sequence[str]) -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] in packages]


def check_flow(name: str, settings: Settings, forced: Sequence[str] = ()) -> None:
    """Raise BadInput if the flow cannot run with the settings, or has no step of a forced name."""
    read = read_flow(name)
    configured_values(read.function, name, settings)
    for step in forced:
        if step not in read.components:
            raise BadInput(f"--force: {name} has no step {step!r}{did_you_mean(step, read.components)}")
