"""Command `flows`."""

import click

from clearml_flows.catalog import flow_names
from clearml_flows.cli.agent import agent
from clearml_flows.cli.datasets import datasets
from clearml_flows.cli.doctor import doctor
from clearml_flows.cli.experiments import experiments
from clearml_flows.cli.init import init
from clearml_flows.cli.models import models
from clearml_flows.cli.monitor import monitor
from clearml_flows.cli.notify import notify
from clearml_flows.cli.options import examples
from clearml_flows.cli.run import run_command
from clearml_flows.cli.runs import runs
from clearml_flows.cli.schedule import schedule
from clearml_flows.cli.server import server
from clearml_flows.cli.setup import setup
from clearml_flows.cli.step import step
from clearml_flows.cli.train import train


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
main.add_command(init)
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
