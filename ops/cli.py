"""Command `flows`."""

import click

from flows.catalog import flow_names
from flows.command import run_command
from ops.agent_cli import agent
from ops.command import examples
from ops.datasets_cli import datasets
from ops.doctor_cli import doctor
from ops.experiments_cli import experiments
from ops.models_cli import models
from ops.monitor_cli import monitor
from ops.notify_cli import notify
from ops.runs_cli import runs
from ops.schedule_cli import schedule
from ops.server_cli import server
from ops.setup_cli import setup
from ops.step_cli import step
from ops.train_cli import train


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="clearml-flows")
def main() -> None:
    """Run ClearML pipelines for tabular models and manage their results."""


@main.group()
def run() -> None:
    """Run a flow and wait for its end."""


for flow in flow_names():
    command = run_command(flow)
    command.epilog = examples(
        f"flows run {flow}",
        f"flows run {flow} --source data/{flow}.csv --json",
        f"flows run {flow} --set training.folds=10 --no-cache",
        f"flows run {flow} --queue default             # each step on an agent",
    )
    run.add_command(command)
main.add_command(agent)
main.add_command(datasets)
main.add_command(doctor)
main.add_command(experiments)
main.add_command(models)
main.add_command(monitor)
main.add_command(notify)
main.add_command(runs)
main.add_command(schedule)
main.add_command(server)
main.add_command(setup)
main.add_command(step)
main.add_command(train)


if __name__ == "__main__":
    main()
