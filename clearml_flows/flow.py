"""What a flow's file calls: `main("churn")` of `flows/churn_flow.py`."""

from clearml_flows.run.options import is_controller
from clearml_flows.settings import load


def main(flow: str) -> None:
    """Be the flow's command, with this process's arguments, or, if the launcher or an agent started it, the controller
    of a run."""
    if is_controller():
        control(flow)
        return
    # Imported here: a controller on an agent has no command line.
    from clearml_flows.cli.run import run_command

    run_command(flow).main()


def control(flow: str) -> None:
    """Be the controller of a run of the flow."""
    # Imported here: ClearML and the steps take seconds, which who launches a run or asks for help need not wait for.
    from clearml_flows.run import controller, pipeline

    settings = load()
    controller.run(flow, pipeline.tabular, settings, pipeline.parameters(flow, settings))
