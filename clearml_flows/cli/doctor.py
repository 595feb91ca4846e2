"""Command `flows doctor`."""

import json

import click

from clearml_flows.cli.options import as_json, examples, one_sentence
from clearml_flows.doctor.api import diagnose
from clearml_flows.doctor.check_result import STATUSES, CheckResult
from clearml_flows.plain_text import cell

FAILED = 1


@click.command(epilog=examples("flows doctor", "flows doctor --fix", "flows doctor --json"))
@click.option("--fix", is_flag=True, help="Repair problems that are safe to repair (see above).")
@click.option("--debug", is_flag=True, help="Show the traceback of a check that raises an error.")
@as_json
@one_sentence
def doctor(fix: bool, debug: bool, as_json: bool) -> None:
    """Check the installation, configuration and backend.

    Checks Python and packages, the configured backend, its key, clock and file server, queues and agents, disk, Kaggle,
    notifications, schedules, the monitor, locks and lost runs. Starts nothing. A failed check shows the command that
    repairs it in the next line. Exit code 1 if a check failed.

    --fix makes files with secrets private, removes locks left on the backend, and marks lost runs as failed.
    """
    findings = diagnose(fix, _say if debug else _be_silent, None if as_json else _show)
    counts = {status: sum(one.status == status for one in findings) for status in STATUSES}
    if as_json:
        click.echo(json.dumps({"counts": counts, "checks": [one.document() for one in findings]}))
    else:
        click.echo(", ".join(f"{count} {status}" for status, count in counts.items() if count))
    if counts["failed"]:
        raise SystemExit(FAILED)


def _show(finding: CheckResult) -> None:
    click.echo(f"{'fixed' if finding.fixed else finding.status:8} {finding.check:14} {cell(finding.message)}")
    if finding.fix:
        click.echo(f"{'':23} → {finding.fix}")


def _say(traceback: str) -> None:
    click.echo(traceback, err=True)


def _be_silent(_traceback: str) -> None:
    pass
