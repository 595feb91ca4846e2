"""The command line of a run, shared by `flows run FLOW` and `python flows/FLOW_flow.py`."""

import json
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from clearml_flows.backend.connection import data_dir, is_embedded
from clearml_flows.cli.progress import progress
from clearml_flows.cli.summary import one_line, summary
from clearml_flows.errors import BadInput, FlowsError
from clearml_flows.flow_file import check_flow
from clearml_flows.project import settings_file
from clearml_flows.run.document import document, failure, web_url
from clearml_flows.run.launch import Ended, launch
from clearml_flows.run.options import SOURCES, How
from clearml_flows.run.snapshot import RUNNING
from clearml_flows.settings import Settings, load, set_option

GATE_SAID_NO = 3


def run_command(flow: str) -> click.Command:
    """The command that runs this flow."""

    @click.command(flow, context_settings={"help_option_names": ["-h", "--help"]})
    @click.option(
        "--source", metavar="auto|kaggle|synthetic|PATH", help="Where the data comes from (setting data.source)."
    )
    @click.option(
        "--set", "changes", multiple=True, metavar="TABLE.KEY=VALUE", help="Override a setting; may be repeated."
    )
    @click.option("--queue", default="", metavar="NAME", help="Run the steps on the agents of this queue, not here.")
    @click.option("--remote", is_flag=True, help="Run the controller on an agent too (setting queues.services).")
    @click.option("--create-queue", is_flag=True, help="Make the queues that are not there.")
    @click.option(
        "--wait-for-worker",
        type=click.FloatRange(0),
        default=0.0,
        metavar="SECONDS",
        help="How long agents may take to come, where none watches a queue yet.",
    )
    @click.option("--detach", is_flag=True, help="With --remote: end when the controller is in its queue.")
    @click.option("--no-cache", "fresh", is_flag=True, help="Run every step again.")
    @click.option("--force", multiple=True, metavar="STEP", help="Run this step again; may be repeated.")
    @click.option("--dry-run", is_flag=True, help="Say what would run, with which settings, and end.")
    @click.option("--no-progress", is_flag=True, help="No progress on stderr.")
    @click.option("--debug", is_flag=True, help="A traceback instead of a sentence when something fails.")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout and nothing else there.")
    def command(
        source: str | None,
        changes: tuple[str, ...],
        dry_run: bool,
        no_progress: bool,
        debug: bool,
        as_json: bool,
        **how: Any,
    ) -> None:
        try:
            settings = _settings(source, changes)
            check_flow(flow, settings, how["force"])
            if how["detach"] and not how["remote"]:
                raise BadInput("--detach is for a run whose controller is on an agent: give --remote too")
            if dry_run:
                _say_plan(flow, settings, as_json)
                return
            run_and_tell(flow, settings, How(**how), not no_progress, as_json)
        except FlowsError as error:
            if debug:
                raise
            _refuse(error)

    command.help = f"Run the {flow} flow and wait for its end."
    return command


def _refuse(error: FlowsError) -> NoReturn:
    click.echo(f"error: {error}", err=True)
    raise SystemExit(error.exit_code)


def _settings(source: str | None, changes: tuple[str, ...]) -> Settings:
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals:
            raise BadInput(f"--set wants table.key=value, not {change!r}")
        set_option(key.strip(), text.strip())
    if source is not None:
        set_option("data.source", source if source in SOURCES else _existing(source))
    return load()


def _existing(source: str) -> str:
    path = Path(source).expanduser().absolute()
    if not path.is_file():
        raise BadInput(
            f"--source names {path}, which is no file; it can be {', '.join(SOURCES)} or the path of a CSV file"
        )
    return str(path)


def run_and_tell(flow: str, settings: Settings, how: How, show_progress: bool, as_json: bool) -> None:
    """Run the flow, wait for its end and tell it.

    Raises FlowsError, or SystemExit with GATE_SAID_NO, if the end is not a good one.
    """
    attended = as_json or _has_terminal()
    try:
        ended = _run(flow, settings, how, attended and show_progress)
    except KeyboardInterrupt:
        raise FlowsError(f"{flow} was interrupted; the run and its steps are marked stopped") from None
    _say_end(flow, ended, as_json, attended)


def _run(flow: str, settings: Settings, how: How, show_progress: bool) -> Ended:
    def interrupt(_signal: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    with progress(flow, show_progress) as show:
        return launch(flow, settings, how, show)


def _say_plan(flow: str, settings: Settings, as_json: bool) -> None:
    plan = {
        "flow": flow,
        "backend": "embedded" if is_embedded(settings) else "server",
        "data_dir": str(data_dir(settings)),
        "settings_file": str(settings_file()),
        "settings": settings.model_dump(mode="json"),
    }
    click.echo(json.dumps(plan, indent=None if as_json else 2))


def _has_terminal() -> bool:
    """Return whether a stream is a terminal. Under cron, no stream is one, and output is mailed."""
    return any(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def _say_end(flow: str, ended: Ended, as_json: bool, attended: bool) -> None:
    completed = ended.run.status in ("completed", "published")
    under_way = ended.run.status in RUNNING
    if as_json:
        click.echo(json.dumps(document(flow, ended)))
    elif under_way:
        click.echo(f"{flow} {ended.run.status}: {web_url(ended)}")
    elif attended:
        summary(flow, ended)
    elif completed:
        click.echo(one_line(flow, ended))
    if under_way:
        return
    if not completed:
        raise _failed(ended)
    if ended.run.result("evaluation").get("promoted") is False:
        raise SystemExit(GATE_SAID_NO)


def _failed(ended: Ended) -> FlowsError:
    broken = ended.run.broken
    bad_data = broken is not None and broken.message.startswith("bad data")
    return (BadInput if bad_data else FlowsError)(failure(ended))
