"""Command `flows train`."""

import json
import tomllib
from pathlib import Path
from typing import Any

import click
import yaml

from clearml_flows.catalog import flow_names
from clearml_flows.cli.options import as_json, examples, one_sentence, pairs
from clearml_flows.cli.tables import show, show_facts
from clearml_flows.errors import BadInput
from clearml_flows.spelling import did_you_mean

LIST = ""
FIRST = flow_names()[0]
KEYS = ("model", "params", "name", "flow", "dataset", "source", "members", "calibration")
WORDS = {"None": None, "True": True, "False": False}


@click.command(
    epilog=examples(
        "flows train --flow wine --model               # list all models with their parameters",
        "flows train --flow wine --model ridge --set alpha=2.0 --name ridge_001",
        "flows train --model random_forest --set max_depth=6 --set max_features=null",
        "flows train --config ridge.toml --name again",
        "flows train --flow wine --model svr --source data/winequality-red.csv --json",
    )
)
@click.option(
    "--flow", type=click.Choice(flow_names()), help=f"Flow whose data and settings are used (default: {FIRST})."
)
@click.option(
    "--model", is_flag=False, flag_value=LIST, metavar="[NAME]", help="Model to train; without a name, list all models."
)
@click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help="Parameter of the model; repeatable.")
@click.option("--name", metavar="TEXT", help="Name of the experiment (default: the model and its parameters).")
@click.option("--dataset", metavar="ID", help="Version of the flow's dataset (default: the newest).")
@click.option("--source", metavar="PATH", help="CSV file to make a dataset version from first.")
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="TOML or YAML file; options take precedence."
)
@as_json
@one_sentence
def train(given: tuple[str, ...], config: Path | None, as_json: bool, **options: Any) -> None:
    """Train one experiment on a flow's newest dataset version.

    Runs the training step of the flow's runs. The experiment is a Task with parameters, cross-validated metrics, plots,
    the model file and out-of-fold predictions, so that `flows experiments` can compare it with others. The registry and
    the test rows are not touched.

    --set takes numbers, true, false, null, JSON lists, and texts. A file for --config has any of model, params (table),
    name, flow, dataset, source, members and calibration. The last two are as for an experiment in settings.toml.
    """
    wanted = {**(_config(config) if config else {}), **{key: one for key, one in options.items() if one is not None}}
    flow = wanted.pop("flow", FIRST)
    if flow not in flow_names():
        raise BadInput(f"there is no flow {flow!r}{did_you_mean(flow, flow_names())}")
    model = wanted.pop("model", LIST)
    if model == LIST:
        _list(flow, as_json)
        return
    # Imported here: scikit-learn takes seconds, and help does not need it.
    from clearml_flows.steps.single_experiment import train

    params = {**wanted.pop("params", {}), **{key: _value(text) for key, text in pairs(given, "--set").items()}}
    if wanted.get("dataset") and wanted.get("source"):
        raise BadInput("give a dataset or a source, not both")
    wanted["dataset"] = _file(wanted.pop("source")) if wanted.get("source") else wanted.get("dataset", "")
    told = train(flow, model, params, tell=lambda text: click.echo(text, err=True), **wanted)
    facts = {**told, "parameters": None, "metrics": None, "dataset": told["dataset"]["id"], **told["metrics"]}
    show_facts(told, as_json, {name: value for name, value in facts.items() if value is not None})


def _list(flow: str, as_json: bool) -> None:
    from clearml_flows.steps.single_experiment import known_models

    found = known_models(flow)
    show(found, as_json, ["model", "parameters"], [[name, names] for name, names in found.items()])


def _config(path: Path) -> dict[str, Any]:
    """Return the file's content. Raises BadInput for a missing or invalid file or key."""
    try:
        text = path.read_text("utf-8")
        found = tomllib.loads(text) if path.suffix.lower() == ".toml" else yaml.safe_load(text)
    except OSError as error:
        raise BadInput(f"--config {path}: {error.strerror}") from None
    except (ValueError, yaml.YAMLError) as error:
        raise BadInput(f"--config {path} cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict):
        raise BadInput(f"--config {path} is no table of {', '.join(KEYS)}")
    for key, value in found.items():
        if key not in KEYS:
            raise BadInput(f"--config {path} has an unknown key {key!r}{did_you_mean(str(key), KEYS)}")
        wanted = {"params": dict, "members": list}.get(key, str)
        if not isinstance(value, wanted):
            raise BadInput(f"--config {path}: {key} is {value!r:.80}, and not of type {wanted.__name__}")
    return found


def _value(text: str) -> Any:
    """Return the value of a text: JSON, a Python constant, or else the text."""
    try:
        return WORDS[text] if text in WORDS else json.loads(text)
    except ValueError:
        return text


def _file(path: str) -> str:
    found = Path(path).expanduser()
    if not found.is_file():
        raise BadInput(f"--source names {found}, which is no file; give the path of a CSV file")
    return str(found)
