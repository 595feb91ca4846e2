"""Command `flows step`. Options are read from the steps' parameters."""

from pathlib import Path
from typing import Any

import click

from clearml_flows.catalog import flow_names
from clearml_flows.cli.options import as_json, examples, one_sentence
from clearml_flows.cli.run import GATE_SAID_NO
from clearml_flows.cli.tables import show, show_facts, table, terminal_width
from clearml_flows.errors import BadInput
from clearml_flows.steps.signatures import Parameter, Step, steps

FIRST = flow_names()[0]
SHORT = 100
EXAMPLES = {
    "download": ("flows step download --source synthetic --rows 500 --no-track --out here",),
    "validate": ("flows step validate --raw data/mine.csv --no-track", "flows step validate --flow wine --json"),
    "features": ("flows step features --explain", "flows step features --valid data/mine.csv --no-track --out rows"),
    "version_dataset": ("flows step version_dataset --split data/mine.csv --name mine",),
    "train_sweep": ("flows step train_sweep --dataset 3f9a81c2 --folds 10", "flows step train_sweep --explain"),
    "register_best": ("flows step register_best --sweep 3f9a81c2 --name tried",),
    "evaluate": ("flows step evaluate --model 3f9a81c2 --minimum 0.9",),
}


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def step(context: click.Context, as_json: bool) -> None:
    """Run one step of a flow (default: list the steps).

    Arguments come from the settings unless an option replaces them. @FILE in a text option reads the file's content.
    The result of another step may be a CSV file, which goes through the earlier steps, the id of a Task that returned
    it, the id of a dataset version, or JSON. The default is the flow's last result.

    The step runs as a Task in the project of the flow's runs, and an agent can run it again. With --no-track it runs as
    a plain function without a backend, which download, validate and features can.
    """
    if context.invoked_subcommand is None:
        told = [
            {
                "step": one.name,
                "takes": [needed.name for needed in one.parameters if needed.from_step],
                "returns": list(one.returns),
                "does": one.summary,
            }
            for one in steps().values()
        ]
        show(told, as_json, list(told[0]), [list(one.values()) for one in told])


def _command(one: Step) -> click.Command:
    @click.command(one.name, epilog=examples(*EXAMPLES.get(one.name, (f"flows step {one.name}",))), help=one.summary)
    @click.option(
        "--flow",
        type=click.Choice(flow_names()),
        default=FIRST,
        show_default=True,
        help="Flow whose settings are used.",
    )
    @click.option("--track/--no-track", default=True, help="Run as a Task, or as a plain function without a backend.")
    @click.option("--out", metavar="FOLDER", default="", help="With --no-track: folder for the step's files.")
    @click.option("--explain", is_flag=True, help="Show what the step does and its arguments; do not run.")
    @as_json
    @one_sentence
    def command(flow: str, track: bool, out: str, explain: bool, as_json: bool, **given: Any) -> None:
        # Imported here: pandas and ClearML take seconds, and help does not need them.
        from clearml_flows.steps.api import run_single

        if explain:
            _explain(flow, one, as_json)
            return
        if out and track:
            raise BadInput("--out goes with --no-track: a Task keeps its files as artifacts")
        named = {name: _text(value) for name, value in given.items() if value is not None}
        told = run_single(flow, one.name, named, track, out, lambda text: click.echo(text, err=True))
        show_facts(told, as_json, {name: value for name, value in _flat(told).items() if value not in (None, "")})
        if (told["returned"].get("evaluation") or {}).get("promoted") is False:
            raise SystemExit(GATE_SAID_NO)

    command.params[0:0] = [_option(parameter) for parameter in one.parameters]
    return command


def _option(parameter: Parameter) -> click.Option:
    told: dict[str, Any] = {
        "type": parameter.type,
        "help": parameter.help[:1].upper() + parameter.help[1:],
        "metavar": "FILE|ID|JSON" if parameter.from_step else None,
    }
    return click.Option([_name(parameter.name)], **told)


def _name(parameter: str) -> str:
    return f"--{parameter.replace('_', '-')}"


def _text(value: Any) -> Any:
    """Return an option's value, or the file's text for @FILE.

    Raises BadInput if the file is unreadable.
    """
    if not (isinstance(value, str) and value.startswith("@")):
        return value
    try:
        return Path(value[1:]).expanduser().read_text("utf-8")
    except (OSError, ValueError) as error:
        raise BadInput(f"{value} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _explain(flow: str, one: Step, as_json: bool) -> None:
    from clearml_flows.steps.api import explain

    told = explain(flow, one.name)
    rows = [[_name(item["name"]), _value(item)] for item in told["parameters"]]
    if as_json:
        show(told, as_json, [], [])
        return
    click.echo(f"{told['does']}\n\n{table(['option', f'value for {flow}'], rows, terminal_width())}")
    if told["features"]:
        features = [list(feature.values()) for feature in told["features"]]
        click.echo(f"\n{table(['feature', 'kind', 'why'], features, terminal_width())}")


def _value(item: dict[str, Any]) -> str:
    if item["from_step"]:
        return f"what {item['from_step']} returns"
    text = "its own default" if item["value"] is None else str(item["value"])
    return text if len(text) <= SHORT else f"{text[:SHORT]}…"


def _flat(told: dict[str, Any]) -> dict[str, Any]:
    """Return the facts for display. Only plain values of references are shown."""
    facts = {name: value for name, value in told.items() if name != "returned"}
    for name, value in told["returned"].items():
        parts = value if isinstance(value, dict) else {"": value}
        facts |= {f"{name} {key}".strip(): part for key, part in parts.items() if not isinstance(part, dict | list)}
    return facts


for one in steps().values():
    step.add_command(_command(one))
