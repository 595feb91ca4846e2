"""`flows schedule`: runs at their times, and the process that starts them."""

from collections.abc import Callable
from typing import Any

import click

from flows.errors import BadInput
from flows.settings import load, set_option
from ops.command import as_json, examples, one_sentence
from ops.schedule import install, loop, verbs
from ops.schedule import remote as service_task
from ops.schedule.records import CATCH_UPS, OVERLAPS
from ops.schedule.stores import in_backend, refuse_backend
from ops.tables import local_date, say, show, show_facts

POLICY = (
    "Where clocks change: a time in the hour that spring leaves out runs once, at the first instant after it; a time "
    "in the hour that autumn repeats runs once, the first time; what is named for every hour of the day runs at every "
    "real time. Day of month and day of week are OR-ed if both are given; 0 and 7 are Sunday."
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
    help="The schedules in the backend, not this machine's (setting schedule.store).",
)


@click.group(invoke_without_command=True)
@remote
@as_json
@click.pass_context
def schedule(context: click.Context, as_json: bool) -> None:
    """Runs at their times. Without a command: the schedules.

    A schedule is kept in the data directory; `flows schedule start`, or the machine's own scheduler (`flows schedule
    install`), starts what is due. Each run is a process of its own and goes on when the scheduler ends.

    With --remote it is kept in the backend, for every machine: `flows schedule start --remote` makes a Task of the
    scheduler, for an agent. Its runs have their controllers and steps on agents, as with `flows run churn --remote`.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_, as_json=as_json)


def _of_a_new_one(command: Command) -> Command:
    """The options of interval, daily and cron, which make a schedule."""
    for option in reversed(
        [
            click.option("--name", default="", help="What to call it; else it is named after flow and kind."),
            click.option("--flow", default="churn", show_default=True, help="The flow to run."),
            click.option("--source", help="Where the data comes from, as for a run."),
            click.option("--set", "changes", multiple=True, metavar="TABLE.KEY=VALUE", help="A setting, as for a run."),
            click.option("--queue", help="The queue whose agents run the steps."),
            click.option("--max-runs", type=click.IntRange(1), help="How many runs there may be in all."),
            click.option("--overlap", type=click.Choice(OVERLAPS), help="When the one before still runs."),
            click.option("--catch-up", type=click.Choice(CATCH_UPS), help="What is made up for after a pause."),
            click.option("--grace", type=click.IntRange(0, 31_536_000), help="Seconds late that are still in time."),
            click.option("--jitter", type=click.IntRange(0, 86_400), help="Start up to so many seconds later."),
            remote,
            click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[-- OPTIONS OF THE RUN]"),
            as_json,
        ]
    ):
        command = option(command)
    return command


timezone = click.option("--timezone", "zone", metavar="ZONE", help="Like Europe/Berlin (setting schedule.timezone).")


@schedule.command(
    epilog=examples("flows schedule interval 3600 --max-runs 24"),
    context_settings={"ignore_unknown_options": True},  # so that -5 is a wrong interval, not an unknown option
)
@click.argument("seconds")
@_of_a_new_one
@one_sentence
def interval(seconds: str, **options: Any) -> None:
    """Run each so many SECONDS, for the first time so many from now."""
    _create("interval", seconds, **options)


@schedule.command(epilog=examples("flows schedule daily 00:00", "flows schedule daily 02:30 --timezone Europe/Berlin"))
@click.argument("time", metavar="HH:MM")
@timezone
@_of_a_new_one
@one_sentence
def daily(time: str, **options: Any) -> None:
    """Run each day at HH:MM."""
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
    """Run at the times of a cron EXPRESSION: minute, hour, day of month, month, day of week."""
    _create("cron", expression, **options)


cron.help = f"{cron.help}\n\n{POLICY}"


@schedule.command("list", epilog=examples("flows schedule list"))
@remote
@as_json
@one_sentence
def list_(as_json: bool) -> None:
    """All schedules, and when each runs next."""
    found = verbs.list_schedules()
    rows = [[_readable(one)[column] for column in COLUMNS] for one in found]
    show(found, as_json, COLUMNS, rows, "there is no schedule; `flows schedule daily 00:00` makes one")


COLUMNS = ["name", "flow", "when", "timezone", "state", "next", "runs", "last"]


@schedule.command("show", epilog=examples("flows schedule show churn"))
@click.argument("name")
@remote
@as_json
@one_sentence
def show_(name: str, as_json: bool) -> None:
    """All that is known of a schedule, and what became of its last runs."""
    found = verbs.show(name)
    facts = {key: value for key, value in _readable(found).items() if key not in ("history", "next_local", "max_runs")}
    show_facts(found, as_json, facts)
    if not as_json and found["history"]:
        click.echo()
        columns = ["scheduled", "state", "count", "began", "ended", "task", "why"]
        rows = [[_dates(run)[column] for column in columns] for run in found["history"]]
        show(found, False, columns, rows)


@schedule.command("next", epilog=examples("flows schedule next 3"))
@click.argument("count", type=click.IntRange(1, 1000), default=5)
@click.argument("name", default="")
@remote
@as_json
@one_sentence
def next_(count: int, name: str, as_json: bool) -> None:
    """The next times (5 of them) of the schedule NAME, or of all that are active."""
    found = verbs.upcoming(count, name)
    rows = [[one["local"], one["scheduled"], one["schedule"]] for one in found]
    show(found, as_json, ["when", "UTC", "schedule"], rows, "nothing is due ever; `flows schedule list` says why")


@schedule.command(epilog=examples("flows schedule pause churn"))
@click.argument("name")
@remote
@as_json
@one_sentence
def pause(name: str, as_json: bool) -> None:
    """Start no more runs until it is resumed. A run under way goes on."""
    say(verbs.change(name, "paused"), as_json, f"schedule {name} is paused")


@schedule.command(epilog=examples("flows schedule resume churn"))
@click.argument("name")
@remote
@as_json
@one_sentence
def resume(name: str, as_json: bool) -> None:
    """Go on; what was due in the meantime is not made up for."""
    done = verbs.change(name, "active")
    say(done, as_json, f"schedule {name} goes on: {done['next_local']}")


@schedule.command(epilog=examples("flows schedule remove churn"))
@click.argument("name")
@remote
@as_json
@one_sentence
def remove(name: str, as_json: bool) -> None:
    """Remove a schedule. Its runs stay, also one under way."""
    say(verbs.change(name, "removed"), as_json, f"schedule {name} is removed")


@schedule.command("run-now", epilog=examples("flows schedule run-now churn"))
@click.argument("name")
@remote
@as_json
@one_sentence
def run_now(name: str, as_json: bool) -> None:
    """Start a run at once, beside the schedule's times, and do not wait for it."""
    done = verbs.run_now(name)
    how = f"is started (process {done['pid']})" if done["pid"] else "waits for the scheduler, which starts it"
    say(done, as_json, f"a run of {name} {how}; `flows schedule show {name}` tells its end")


@schedule.command(epilog=examples("flows schedule start", "flows schedule start --remote"))
@remote
@click.option("--queue", help="With --remote: the scheduler's queue (setting queues.services).")
@click.option("--create-queue", is_flag=True, help="With --remote: make the queues that are not there.")
@click.option(
    "--wait-for-worker",
    type=click.FloatRange(0),
    default=0.0,
    metavar="SECONDS",
    help="With --remote: how long agents may take to come, where none watches a queue yet.",
)
@as_json
@one_sentence
def start(queue: str | None, create_queue: bool, wait_for_worker: float, as_json: bool) -> None:
    """Start runs at their times, in the foreground, until SIGTERM, SIGHUP or Ctrl-C.

    Runs under way then go on, and record their end themselves. What was missed before is dealt with as each schedule's
    --catch-up says. One scheduler works on a data directory: a second one names the first and ends with exit code 4.

    For containers the environment can hold a schedule: PIPELINE_SCHEDULE_TYPE (interval, daily or cron),
    PIPELINE_INTERVAL_SECONDS, PIPELINE_SCHEDULE_TIME (HH:MM, or the cron expression) and PIPELINE_MAX_RUNS. If it is
    the only one, the scheduler ends when it has had all its runs.

    With --remote the scheduler of the backend's schedules is enqueued, for an agent in services mode, and this command
    ends. It takes code and settings.toml along as they are here. Its runs are on agents altogether, nothing is trained
    where it runs. If its agent dies, start it again, or reset and enqueue its Task: it goes on where it was.
    """
    settings = load()
    if not in_backend(settings):
        if queue or create_queue or wait_for_worker or as_json:
            raise BadInput(
                "--queue, --create-queue, --wait-for-worker and --json are for the scheduler that is a Task: --remote"
            )
        loop.start(settings, _line)
        return
    done = service_task.start(queue or "", create_queue, wait_for_worker)
    names = ", ".join(done["schedules"]) or "no schedule is active yet"
    say(done, as_json, f"the scheduler is in the queue {done['queue']}: {names}\n{done['web_url']}")


@schedule.command(epilog=examples("flows schedule stop --remote"))
@remote
@as_json
@one_sentence
def stop(as_json: bool) -> None:
    """End the scheduler that `flows schedule start --remote` started. Its runs go on."""
    done = service_task.stop()
    named = ", ".join(done["stopped"])
    say(done, as_json, f"stopped: Task {named}" if named else "no scheduler was under way")


@schedule.command(epilog=examples("flows schedule tick"))
@one_sentence
def tick() -> None:
    """Start what is due now, and end: for a machine's own scheduler, once a minute."""
    loop.start(load(), _line, once=True)


@schedule.command(
    "install", epilog=examples("flows schedule install --cron", "flows schedule install --systemd --apply")
)
@click.option("--systemd", "machine", flag_value="systemd", help="A unit and a timer of this user.")
@click.option("--cron", "machine", flag_value="cron", help="A line for this user's crontab.")
@click.option("--windows", "machine", flag_value="windows", help="A task for the Task Scheduler.")
@click.option("--apply", is_flag=True, help="Write it; without this it is printed. What others wrote stays.")
@one_sentence
def install_(machine: str | None, apply: bool) -> None:
    """Let the machine's own scheduler start `flows schedule tick` each minute, in place of `flows schedule start`."""
    if machine is None:
        raise BadInput("say for which scheduler: --systemd, --cron or --windows")
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
    given = verbs.run_options(source, changes, queue)
    done = verbs.create(kind, when, name, [*given, *options], **chosen)
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
