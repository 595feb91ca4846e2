"""Run or explain one step of a flow."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from clearml_flows.backend.connection import Backend
from clearml_flows.catalog import schema_text
from clearml_flows.errors import BadInput, FlowsError
from clearml_flows.settings import Settings, load
from clearml_flows.steps.arguments import configured
from clearml_flows.steps.inputs import Inputs, Run
from clearml_flows.steps.signatures import Step, step_of
from clearml_flows.steps.tracked import Ran, connected, run_step
from clearml_flows.tabular.data.table_schema import load_schema

WITHOUT_BACKEND = ("download", "validate", "features")


def run_single(
    flow: str,
    name: str,
    given: Mapping[str, Any],
    track: bool = True,
    out: str = "",
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Run a step with the flow's settings, and wait for its end.

    Args:
        flow: the flow whose settings are used.
        name: the step's name.
        given: arguments that replace those of the settings. Results of other steps are as for `steps.inputs.Inputs`.
        track: whether to run as a Task. If False, runs as a plain function without a backend.
        out: without a Task, a folder for the files that the step stores. Empty: they are removed.
        tell: gets progress messages.

    Returns:
        `{step, flow, task_id, web_url, folder, returned}`. Without a Task, task_id and web_url are None.

    Raises:
        BadInput: there is no such step, argument or file, or the data is bad.
        FlowsError: the step failed.
        Unreachable: no backend answers.
    """
    step, settings = step_of(name), load()
    told: dict[str, Any] = {"step": name, "flow": flow, "task_id": None, "web_url": None, "folder": None}
    if track:
        backend = connected(settings)
        ran: list[Ran] = []
        returned = _run(step, flow, given, settings, _tracked(backend, flow, settings, ran), tell, backend)
        return {**told, "task_id": ran[-1].task_id, "web_url": ran[-1].web_url, "returned": _decoded(returned)}
    if name not in WITHOUT_BACKEND:
        raise BadInput(
            f"{name} takes what it needs from the backend and stores there what it makes, so it runs as a Task only; "
            f"without a backend there are {', '.join(WITHOUT_BACKEND)}"
        )
    with ExitStack() as stack:
        folder = Path(out).expanduser() if out else Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        returned = _run(step, flow, given, settings, _untracked(folder.absolute()), tell)
    return {**told, "folder": str(folder.absolute()) if out else None, "returned": _decoded(returned)}


def explain(flow: str, name: str) -> dict[str, Any]:
    """Return what a step does and takes.

    Returns:
        `{step, flow, does, parameters: [{name, value, from_step, help}], returns, features}`. `value` comes from the
        settings. `features` are `{feature, kind, why}` for the step features, else None.
    """
    step = step_of(name)
    values = configured(step, flow, load())
    parameters = [
        {"name": one.name, "value": values.get(one.name), "from_step": one.from_step or None, "help": one.help}
        for one in step.parameters
    ]
    features = flow_features(flow) if name == "features" else None
    told = {"step": name, "flow": flow, "does": step.doc, "parameters": parameters}
    return {**told, "returns": list(step.returns), "features": features}


def flow_features(flow: str) -> list[dict[str, str]]:
    """Return the features of the flow's models with reasons, from a sample row of the schema."""
    import pandas as pd

    from clearml_flows.tabular.data.model_columns import describe_features, prediction_rows

    schema = load_schema(schema_text(flow))
    row = {column["name"]: _any_value(column) for column in schema["columns"]}
    rows = pd.DataFrame([row])
    table = describe_features(rows, prediction_rows(rows, schema), schema)[2]
    return [{str(key): str(value) for key, value in one.items()} for one in table.to_dict("records")]


def _any_value(column: dict[str, Any]) -> Any:
    if column["kind"] in ("integer", "number"):
        return column.get("min", 0)
    return (column.get("values") or [""])[0]


def _run(
    step: Step,
    flow: str,
    given: Mapping[str, Any],
    settings: Settings,
    run: Run,
    tell: Callable[[str], None],
    backend: Backend | None = None,
) -> dict[str, Any]:
    inputs = Inputs(flow, settings, run, tell, backend)
    references = [one for one in step.parameters if one.from_step]
    plain = {key: value for key, value in given.items() if key not in {one.name for one in references}}
    arguments = {**configured(step, flow, settings), **plain}
    for one in references:
        if one.required or given.get(one.name):
            arguments[one.name] = inputs.reference(one, given.get(one.name) or "")
    return run(step, arguments)


def _tracked(backend: Backend, flow: str, settings: Settings, ran: list[Ran]) -> Run:
    def run(step: Step, arguments: Mapping[str, Any]) -> dict[str, str]:
        ran.append(run_step(backend, step, flow, arguments, settings))
        ran[-1].check()
        return ran[-1].returned

    return run


def _untracked(folder: Path) -> Run:
    def run(step: Step, arguments: Mapping[str, Any]) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as place:
            request, result = Path(place, "request.json"), Path(place, "result.json")
            asked = {"step": step.name, "arguments": arguments, "folder": str(folder), "result": str(result)}
            request.write_text(json.dumps(asked), "utf-8")
            command = [sys.executable, "-m", "clearml_flows.steps.untracked", str(request)]
            ended = subprocess.run(command, stdout=sys.__stderr__, check=False)
            told = json.loads(result.read_text("utf-8")) if result.is_file() else {}
        if "returned" not in told:
            message = told.get("error") or f"its process ended with code {ended.returncode}"
            raise (BadInput if message.startswith("bad data") else FlowsError)(f"step {step.name} failed: {message}")
        values = told["returned"] if len(step.returns) > 1 else [told["returned"]]
        return dict(zip(step.returns, values, strict=True))

    return run


def _decoded(returned: Mapping[str, Any]) -> dict[str, Any]:
    """Parse references from JSON. Other values stay texts."""
    return {name: json.loads(str(text)) if str(text).startswith("{") else text for name, text in returned.items()}
