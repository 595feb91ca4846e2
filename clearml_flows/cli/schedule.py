"""Commands `flows schedule …`: schedules of runs and the scheduler that starts them."""

from collections.abc import Callable
from typing import Any

import click

from clearml_flows.cli.options import as_json, examples, one_sentence
from clearml_flows.cli.tables import say, show, show_facts
from clearml_flows.errors import BadInput
from clearml_flows.plain_text import local_date
from clearml_flows.schedule import api, install, loop
from clearml_flows.schedule import remote as service_task
from clearml_flows.schedule.records import CATCH_UPS, OVERLAPS
from clearml_flows.schedule.stores import in_backend, refuse_backend
from clearml_flows.settings import load, set_option

POLICY = (
    "Clock changes: a time in the hour skipped in spring runs once, at the first instant after it. A time in the "
    "hour repeated in autumn runs once, the first time. A schedule for every hour of the day runs each real hour. If "
    "day of month and day of week are both given, a day that matches one of them is enough. 0 and 7 are Sunday."
)
Command = Callable[..., None]


def _in_backend(_context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        set_option("schedule.store", "backend")


remote = click.option(
    "--remote",
    is_flag=True,
    expose_value=False,
    callback=_in_backend,
    help="Use the schedules in the backend (setting schedule.store).",
)


@click.group(invoke_without_command=True)
@remote
@as_json
@click.pass_context
def schedule(context: click.Context, as_json: bool) -> None:
    """Run flows on a schedule (without a command: list schedules).

    Schedules are stored in the data directory. `flows schedule start` starts due runs. So does the machine's own
    scheduler after `flows schedule install`. Each run is a process of its own and goes on when the scheduler ends.

    With --remote, schedules are stored in the backend and shared by all machines. `flows schedule start --remote`
    enqueues the scheduler as a Task for an agent. Its runs have their controllers and steps on agents, as with
    `flows run churn --remote`.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_, as_json=as_json)


def _of_a_new_one(command: Command) -> Command:
    """Add the options that `interval`, `daily` and `cron` share."""
    for option in reversed(
        [
            click.option("--name", default="", help="Name of the schedule (default: made of flow and kind)."),
            click.option("--flow", default="churn", show_default=True, help="Flow to run."),
            click.option("--source", help="Data source, as for a run."),
            click.option(
                "--set", "changes", multiple=True, metavar="TABLE.KEY=VALUE", help="Change a setting, as for a run."
            ),
            click.option("--queue", help="Queue whose agents run the steps."),
            click.option("--max-runs", type=click.IntRange(1), help="Total number of runs."),
            click.option("--overlap", type=click.Choice(OVERLAPS), help="Policy if the previous run still runs."),
            click.option("--catch-up", type=click.Choice(CATCH_UPS), help="Missed runs to start later."),
            click.option("--grace", type=click.IntRange(0, 31_536_000), help="Seconds a run may be late."),
            click.option("--jitter", type=click.IntRange(0, 86_400), help="Maximum delay of a start, in seconds."),
            remote,
            click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[-- OPTIONS OF THE RUN]"),
            as_json,
        ]
    ):
        command = option(command)
    return command


timezone = click.option(
    "--timezone", "zone", metavar="ZONE", help="Zone, like Europe/Berlin (setting schedule.timezone)."
)


@schedule.command(
    epilog=examples("flows schedule interval 3600", "flows schedule interval 3600 --max-runs 24"),
    context_settings={"ignore_unknown_options": True},  # makes -5 a wrong interval, not an unknown option
)
@click.argument("seconds")
@_of_a_new_one
@one_sentence
def interval(seconds: str, **options: Any) -> None:
    """Run every SECONDS seconds, the first time SECONDS from now."""
    _create("interval", seconds, **options)


@schedule.command(epilog=examples("flows schedule daily 00:00", "flows schedule daily 02:30 --timezone Europe/Berlin"))
@click.argument("time", metavar="HH:MM")
@timezone
@_of_a_new_one
@one_sentence
def daily(time: str, **options: Any) -> None:
    """Run every day at HH:MM."""
    _create("daily", time, **options)


daily.help = f"{daily.help}\n\n{POLICY}"


@schedule.command(
    epilog=examples(
        'flows schedule cron "30 2 * * mon-fri" --queue default', 'flows schedule cron "0 6 1 * *" -- --no-cache'
    )
)
@click.argument("expression")
@timezone
@_of_a_new_one
@one_sentence
def cron(expression: str, **options: Any) -> None:
    """Run at the times of a cron EXPRESSION.

    The five fields are minute, hour, day of month, month and day of week.
    """
    _create("cron", expression, **options)


cron.help = f"{cron.help}\n\n{POLICY}"


@schedule.command("list", epilog=examples("flows schedule list", "flows schedule list --json"))
@remote
@as_json
@one_sentence
def list_(as_json: bool) -> None:
    """List all schedules and their next run."""
    found = api.list_schedules()
    rows = [[_readable(one)[column] for column in COLUMNS] for one in found]
    show(found, as_json, COLUMNS, rows, "there is no schedule; `flows schedule daily 00:00` creates one")


COLUMNS = ["name", "flow", "when", "timezone", "state", "next", "runs", "last"]


@schedule.command("show", epilog=examples("flows schedule show churn-daily", "flows schedule show churn-daily --json"))
@click.argument("name")
@remote
@as_json
@one_sentence
def show_(name: str, as_json: bool) -> None:
    """Show a schedule and the results of its last runs."""
    found = api.show(name)
    facts = {key: value for key, value in _readable(found).items() if key not in ("history", "next_local", "max_runs")}
    show_facts(found, as_json, facts)
    if not as_json and found["history"]:
        click.echo()
        columns = ["scheduled", "state", "count", "began", "ended", "task", "why"]
        rows = [[_dates(run)[column] for column in columns] for run in found["history"]]
        show(found, False, columns, rows)


@schedule.command("next", epilog=examples("flows schedule next", "flows schedule next 3 churn-daily"))
@click.argument("count", type=click.IntRange(1, 1000), default=5)
@click.argument("name", default="")
@remote
@as_json
@one_sentence
def next_(count: int, name: str, as_json: bool) -> None:
    """Show the next COUNT times of a schedule, or of all active ones.

    COUNT is 5 by default. NAME is a schedule.
    """
    found = api.upcoming(count, name)
    rows = [[one["local"], one["scheduled"], one["schedule"]] for one in found]
    show(found, as_json, ["when", "UTC", "schedule"], rows, "no run is due; `flows schedule list` shows the states")


@schedule.command(epilog=examples("flows schedule pause churn-daily", "flows schedule pause churn-daily --remote"))
@click.argument("name")
@remote
@as_json
@one_sentence
def pause(name: str, as_json: bool) -> None:
    """Start no more runs until the schedule is resumed.

    A run under way goes on.
    """
    say(api.change(name, "paused"), as_json, f"schedule {name} is paused")


@schedule.command(epilog=examples("flows schedule resume churn-daily", "flows schedule resume churn-daily --remote"))
@click.argument("name")
@remote
@as_json
@one_sentence
def resume(name: str, as_json: bool) -> None:
    """Resume a paused schedule.

    Runs that were due during the pause are not caught up.
    """
    done = api.change(name, "active")
    say(done, as_json, f"schedule {name} is active, next {done['next_local']}")


@schedule.command(epilog=examples("flows schedule remove churn-daily", "flows schedule remove churn-daily --remote"))
@click.argument("name")
@remote
@as_json
@one_sentence
def remove(name: str, as_json: bool) -> None:
    """Remove a schedule.

    Its runs stay. A run under way goes on.
    """
    say(api.change(name, "removed"), as_json, f"schedule {name} is removed")


@schedule.command(
    "run-now", epilog=examples("flows schedule run-now churn-daily", "flows schedule run-now churn-daily --remote")
)
@click.argument("name")
@remote
@as_json
@one_sentence
def run_now(name: str, as_json: bool) -> None:
    """Start a run now, without waiting for its end.

    The schedule's times stay as they are.
    """
    done = api.run_now(name)
    how = f"is started (process {done['pid']})" if done["pid"] else "waits for the scheduler, which starts it"
    say(done, as_json, f"a run of {name} {how}; `flows schedule show {name}` shows its result")


@schedule.command(epilog=examples("flows schedule start", "flows schedule start --remote"))
@remote
@click.option("--queue", help="With --remote: queue of the scheduler (setting queues.services).")
@click.option("--create-queue", is_flag=True, help="With --remote: create missing queues.")
@click.option(
    "--wait-for-worker",
    type=click.FloatRange(0),
    default=0.0,
    metavar="SECONDS",
    help="With --remote: time to wait for an agent if none watches a queue yet.",
)
@as_json
@one_sentence
def start(queue: str | None, create_queue: bool, wait_for_worker: float, as_json: bool) -> None:
    """Start due runs in the foreground until SIGTERM, SIGHUP or Ctrl-C.

    Runs under way go on when the scheduler ends, and record their result themselves. Runs that were missed before are
    handled as each schedule's --catch-up says. A data directory has one scheduler: a second one names the first and
    ends with exit code 4.

    For containers, environment variables can define a schedule: PIPELINE_SCHEDULE_TYPE (interval, daily or cron),
    PIPELINE_INTERVAL_SECONDS, PIPELINE_SCHEDULE_TIME (HH:MM, or the cron expression) and PIPELINE_MAX_RUNS. If this is
    the only schedule, the scheduler ends when it has had all its runs.

    With --remote, this command enqueues the scheduler of the backend's schedules for an agent in services mode, and
    ends. The scheduler takes the current code and settings.toml. Its runs use other agents; nothing is trained where
    it runs. If its agent dies, start it again, or reset and enqueue its Task: it continues where it stopped.
    """
    settings = load()
    if not in_backend(settings):
        if queue or create_queue or wait_for_worker or as_json:
            raise BadInput("--queue, --create-queue, --wait-for-worker and --json need --remote")
        loop.start(settings, _line)
        return
    done = service_task.start(queue or "", create_queue, wait_for_worker)
    names = ", ".join(done["schedules"]) or "no schedule is active yet"
    say(done, as_json, f"the scheduler is in the queue {done['queue']}: {names}\n{done['web_url']}")


@schedule.command(epilog=examples("flows schedule stop --remote", "flows schedule stop --remote --json"))
@remote
@as_json
@one_sentence
def stop(as_json: bool) -> None:
    """Stop the scheduler of `flows schedule start --remote`.

    Its runs go on.
    """
    done = service_task.stop()
    named = ", ".join(done["stopped"])
    say(done, as_json, f"stopped: Task {named}" if named else "no scheduler was running")


@schedule.command(epilog=examples("flows schedule tick"))
@one_sentence
def tick() -> None:
    """Start all due runs and end.

    The machine's own scheduler calls this command once a minute.
    """
    loop.start(load(), _line, once=True)


@schedule.command(
    "install", epilog=examples("flows schedule install --cron", "flows schedule install --systemd --apply")
)
@click.option("--systemd", "machine", flag_value="systemd", help="Use a systemd unit and timer of this user.")
@click.option("--cron", "machine", flag_value="cron", help="Use a line in this user's crontab.")
@click.option("--windows", "machine", flag_value="windows", help="Use a task of the Windows Task Scheduler.")
@click.option("--apply", is_flag=True, help="Install it instead of printing it. Entries of others stay.")
@one_sentence
def install_(machine: str | None, apply: bool) -> None:
    """Let the machine's own scheduler start due runs.

    It calls `flows schedule tick` every minute, instead of `flows schedule start`.
    """
    if machine is None:
        raise BadInput("expected --systemd, --cron or --windows")
    settings = load()
    refuse_backend(settings)
    here = install.this_machine(settings)
    if apply:
        click.echo(getattr(install, f"apply_{machine}")(here))
    elif machine == "systemd":
        click.echo("\n".join(f"# {name}\n{text}" for name, text in install.systemd(here).items()), nl=False)
    else:
        click.echo(install.cron(here) if machine == "cron" else install.windows(here), nl=False)


def _create(
    kind: str,
    when: str,
    name: str,
    source: str | None,
    changes: tuple[str, ...],
    queue: str | None,
    options: tuple[str, ...],
    as_json: bool,
    **chosen: Any,
) -> None:
    given = api.run_options(source, changes, queue)
    done = api.create(kind, when, name, [*given, *options], **chosen)
    first = f"schedule {done['name']}: {done['flow']} {done['when']}, next {done['next_local']}"
    start = "flows schedule start --remote" if in_backend(load()) else "flows schedule start"
    say(done, as_json, f"{first} (`{start}` starts it then)")


def _line(line: str) -> None:
    click.echo(line, err=True)


def _readable(told: dict[str, Any]) -> dict[str, Any]:
    most = f" of {told['max_runs']}" if told["max_runs"] else ""
    last = told["last"]
    return {
        **told,
        "next": told["next_local"],
        "runs": f"{told['runs']}{most}",
        "last": f"{last['state']} {local_date(last['scheduled'])}" if last else None,
        "created": local_date(told["created"]),
    }


def _dates(run: dict[str, Any]) -> dict[str, Any]:
    return {**run, **{name: local_date(run[name]) for name in ("scheduled", "began", "ended")}}
