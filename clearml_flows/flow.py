"""Entry point of a flow's file: `flows/churn_flow.py` calls `main("churn")`."""

from clearml_flows.run.options import is_controller
from clearml_flows.settings import load


def main(flow: str) -> None:
    """Run the flow's command with this process's arguments.

    In a process that the launcher or an agent started, run the controller instead.
    """
    if is_controller():
        control(flow)
        return
    # Imported here: a controller on an agent has no command line.
    from clearml_flows.cli.run import run_command

    run_command(flow).main()


def control(flow: str) -> None:
    """Run the controller of a run of the flow."""
    # Imported here: the import of ClearML and the steps takes seconds. Launcher and help do not need them.
    from clearml_flows.run import controller, pipeline

    settings = load()
    controller.run(flow, pipeline.tabular, settings, pipeline.parameters(flow, settings))
