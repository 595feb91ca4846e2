"""Train one experiment with the training step of the flow's runs."""

import inspect
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from clearml_flows.backend.connection import Backend
from clearml_flows.catalog import schema_text
from clearml_flows.errors import BadInput
from clearml_flows.run.snapshot import failure_of
from clearml_flows.settings import load
from clearml_flows.spelling import did_you_mean
from clearml_flows.steps.arguments import configured
from clearml_flows.steps.inputs import Inputs
from clearml_flows.steps.signatures import steps
from clearml_flows.steps.tracked import Ran, connected, returned_by, run_step
from clearml_flows.tabular.data.table_schema import problem_type_of

# Parameters that are made from `members`.
NOT_SET = ("estimator", "estimators", "base_estimator")


def known_models(flow: str) -> dict[str, list[str]]:
    """Return the models for the flow's problem type, with the names of their parameters."""
    from clearml_flows.tabular.training.estimators import estimator_classes

    classes = estimator_classes(problem_type(flow))
    return {
        name: [one for one in inspect.signature(made).parameters if one not in NOT_SET]
        for name, made in classes.items()
    }


def problem_type(flow: str) -> str:
    """Return `classification` or `regression`, by the flow's target."""
    return problem_type_of(json.loads(schema_text(flow)))


def train(
    flow: str,
    model: str,
    params: Mapping[str, Any],
    name: str = "",
    dataset: str = "",
    tell: Callable[[str], None] = lambda _: None,
    **more: Any,
) -> dict[str, Any]:
    """Train one experiment as a run of the flow does, and wait for its end.

    Args:
        flow: the flow whose settings and data are used.
        model: one of `known_models`. Case, `_` and `-` do not matter.
        params: parameters of the estimator.
        name: the experiment's name. Empty: the model's name with the parameters.
        dataset: a CSV file to make a version from first, or the id of a version, or its beginning. Empty: the flow's
            newest version.
        tell: gets progress messages.
        more: `members` and `calibration`, as for an experiment in settings.toml.

    Returns:
        `{task_id, name, flow, model, parameters, metrics, threshold, dataset: {id, name, version, sha256}, step_id,
        web_url}`. `step_id` is the Task of the training step.

    Raises:
        BadInput: there is no such model, parameter, dataset or file, or the estimator refuses a value.
        FlowsError: the training failed.
        Unreachable: no backend answers.
    """
    spec = make_spec(flow, model, params, name, **more)
    settings, step = load(), steps()["train_sweep"]
    arguments = {**configured(step, flow, settings), "experiments": json.dumps([spec])}
    backend = connected(settings)
    inputs = Inputs(flow, settings, returned_by(backend, flow, settings), tell, backend)
    taken = inputs.reference(step.parameter("dataset"), dataset)
    _check_dataset(flow, json.loads(taken))
    tell(f"{spec['name']} is trained")
    ran = run_step(backend, step, flow, {**arguments, "dataset": taken}, settings)
    if ran.message:
        ran.check(_own_words(backend, ran, spec["name"]))
    return _document(backend, flow, spec, json.loads(taken), ran)


def make_spec(flow: str, model: str, params: Mapping[str, Any], name: str = "", **more: Any) -> dict[str, Any]:
    """Return the experiment as steps take it. Raises BadInput if it cannot be trained."""
    from clearml_flows.tabular.training.estimators import make_estimator

    known = known_models(flow)
    family = _family(flow, model, known)
    for one in params:
        if one not in known[family]:
            raise BadInput(f"{family} has no parameter {one!r}{_instead(one, known[family], 'it has')}")
    if family == "Voting" and not more.get("members"):
        raise BadInput("Voting needs members: name them in a file for --config, as those of settings.toml")
    called = name or "-".join([_snake(family), *(f"{key}-{value}" for key, value in params.items())])
    if len(called.strip()) < 3 or not called.isprintable():
        raise BadInput(f"{called!r} cannot be an experiment's name: it needs 3 characters or more, all of them visible")
    spec = {"name": called, "family": family, "params": dict(params), **{key: one for key, one in more.items() if one}}
    try:
        json.dumps(spec, allow_nan=False)
        estimator = make_estimator(spec, 0, problem_type(flow))
        getattr(estimator, "estimator", estimator)._validate_params()
    except (TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"{called} cannot be trained: {error}") from None
    return spec


def _check_dataset(flow: str, dataset: dict[str, Any]) -> None:
    target = json.loads(schema_text(flow))["target"]
    if dataset.get("target") != target:
        raise BadInput(
            f"dataset {dataset.get('id')} is for predicting {dataset.get('target')}, and the flow {flow} for {target}; "
            "name its flow with --flow"
        )


def _family(flow: str, model: str, known: Mapping[str, Any]) -> str:
    """Return the model that a name means: `ridge`, `random_forest`, `RandomForestClassifier`."""
    means = re.sub(r"(regressor|classifier)$", "", re.sub(r"[\W_]", "", model.lower())).replace("kneighbors", "knn")
    for name in known:
        if name.lower() == means:
            return name
    raise BadInput(f"no model of a {problem_type(flow)} is called {model!r}{_instead(model, known, 'there are')}")


def _instead(typed: str, known: Iterable[str], begin: str) -> str:
    """Return the end of a message: all valid names, and the nearest one."""
    guess = did_you_mean(typed, known)
    return f"; {begin} {', '.join(known)}{'' if guess.startswith('; there are') else guess}"


def _snake(family: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", family).lower()


def _own_words(backend: Backend, ran: Ran, name: str) -> str:
    """Return the failure message of the experiment, or an empty text if it did not start.

    The step's own message says only that an experiment failed.
    """
    below = {"parent": [ran.task_id], "status": ["failed"], "page": 0, "page_size": 1, "search_hidden": True}
    fields = ["id", "status_message", "status_reason", "runtime"]
    found = backend.api.call("tasks.get_all", **below, only_fields=fields)["tasks"]
    return f"{name} failed: {failure_of(found[0])} (experiment {found[0]['id']}, log: {ran.log})" if found else ""


def _document(backend: Backend, flow: str, spec: dict[str, Any], dataset: dict[str, Any], ran: Ran) -> dict[str, Any]:
    made = json.loads(ran.returned["sweep"])["experiments"][0]
    task = backend.api.call("tasks.get_by_id", task=made["task_id"])["task"]
    return {
        "task_id": made["task_id"],
        "name": spec["name"],
        "flow": flow,
        "model": spec["family"],
        "parameters": spec["params"],
        "metrics": made["metrics"],
        "threshold": made["threshold"],
        "dataset": {key: dataset.get(key) for key in ("id", "name", "version", "sha256")},
        "step_id": ran.task_id,
        "web_url": f"{backend.web_url}/projects/{task['project']}/experiments/{made['task_id']}/output/log",
    }
