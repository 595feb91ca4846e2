"""A pipeline of one step. `PipelineController.start()` leaves the controller to agents, and the controller its step."""

from clearml import PipelineController, Task


def double(number: int) -> int:
    """The step: twice the number, which arrives as text."""
    return 2 * int(number)


def start() -> None:
    # Else the agent would look for the repository that the tests are in.
    Task.force_store_standalone_script()
    pipe = PipelineController("queued", "queued", version="1.0.0", pool_frequency=0.005, packages=False)
    pipe.add_function_step("double", double, {"number": 21}, ["doubled"], execution_queue="services", packages=False)
    pipe.start()


# An agent runs the script again, without arguments.
if __name__ == "__main__":
    start()
