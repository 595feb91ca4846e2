"""`flows doctor`: what is wrong, and the command that mends it."""

import json

import click

from ops.command import as_json, examples, one_sentence
from ops.doctor.diagnose import diagnose
from ops.doctor.finding import STATUSES, Finding
from ops.tables import cell

FAILED = 1


@click.command(epilog=examples("flows doctor", "flows doctor --fix", "flows doctor --json"))
@click.option("--fix", is_flag=True, help="Mend what is safe: see above.")
@click.option("--debug", is_flag=True, help="The traceback of a check that breaks.")
@as_json
@one_sentence
def doctor(fix: bool, debug: bool, as_json: bool) -> None:
    """Look at all that a run needs, and say of each whether it is well; exit code 1 if anything failed.

    Python and packages, which backend is configured and by what, whether it answers and knows the key, its clock and
    file server, queues and agents, disk, Kaggle, notifications, schedules and monitor, locks, and what died without a
    word. Nothing is started for it. Where something is wrong the command that mends it stands in the line below.

    --fix closes files with secrets to others, removes locks that were left on the backend, and marks as failed what
    says it runs and does not.
    """
    findings = diagnose(fix, _say if debug else _be_silent, None if as_json else _show)
    counts = {status: sum(one.status == status for one in findings) for status in STATUSES}
    if as_json:
        click.echo(json.dumps({"counts": counts, "checks": [one.document() for one in findings]}))
    else:
        click.echo(", ".join(f"{count} {status}" for status, count in counts.items() if count))
    if counts["failed"]:
        raise SystemExit(FAILED)


def _show(finding: Finding) -> None:
    click.echo(f"{'fixed' if finding.fixed else finding.status:8} {finding.check:14} {cell(finding.message)}")
    if finding.fix:
        click.echo(f"{'':23} → {finding.fix}")


def _say(traceback: str) -> None:
    click.echo(traceback, err=True)


def _be_silent(_traceback: str) -> None:
    pass
