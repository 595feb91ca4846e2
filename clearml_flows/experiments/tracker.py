"""Track an experiment from a script or notebook as a ClearML Task."""

import json
import math
import os
import tempfile
import traceback
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from clearml_flows.backend.connection import connect
from clearml_flows.errors import BadInput
from clearml_flows.settings import load

MESSAGE = 1000


class ClearMLTracker:
    """Track a block as a Task: `with ClearMLTracker("project", "task", ["tag"]) as tracker:`.

    The Task is completed when the block ends. An exception marks it as failed, is stored with its traceback, and is
    raised again. Output of the block is the Task's console. A process has one tracker at a time. `task` is the ClearML
    Task.
    """

    def __init__(self, project_name: str, task_name: str, tags: Iterable[str] = ()) -> None:
        self.project_name, self.task_name, self.tags = project_name, task_name, list(tags)
        self.task: Any = None

    def __enter__(self) -> Self:
        """Start the Task.

        Raises BadInput if this process already has a Task, Unreachable if no backend answers.
        """
        backend = connect(load())
        # The SDK's session reads these variables once, so they are set before.
        os.environ.update(backend.environment)
        from clearml import Task

        current = Task.current_task()
        if current is not None:
            raise BadInput(f"this process has the ClearML task {current.name} ({current.id}) already: close it first")
        self.task = Task.init(
            project_name=self.project_name,
            task_name=self.task_name,
            tags=self.tags,
            reuse_last_task_id=False,
            auto_connect_arg_parser=False,
            # Otherwise the SDK stores every model that scikit-learn or joblib writes, as pickles.
            auto_connect_frameworks=False,
            auto_resource_monitoring=False,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        # Imported here: it imports ClearML, which reads the variables that `__enter__` sets.
        from clearml_flows.backend import sdk

        self.task.flush(wait_for_uploads=True)
        if error is not None and not _is_good_exit(error):
            text = "".join(traceback.format_exception(kind, error, where))
            self.task.get_logger().report_text(text, print_console=False)
            self.task.flush(wait_for_uploads=True)
            message = f"{type(error).__name__}: {error}"[:MESSAGE]
            sdk.look_away(self.task)
            self.task.mark_failed(status_reason=message, status_message=message, force=True)
        self.task.close()

    def log_params(self, params: Mapping[str, Any], section: str = "General") -> None:
        """Store parameters. Nested names are joined: `{"optimizer": {"lr": 0.1}}` is `optimizer/lr`."""
        self.task.update_parameters({f"{section}/{name}": value for name, value in _flat(params)})

    def log_metrics(self, metrics: Mapping[str, Any], iteration: int | None = None) -> None:
        """Store numbers: points of curves with an iteration, else single values of the Task.

        Nested metrics are curves of one plot: `{"loss": {"train": 0.1, "test": 0.2}}` is `loss/train` and `loss/test`.

        Raises:
            BadInput: a value is no finite number. Nothing was stored.
        """
        logger = self.task.get_logger()
        for name, value in [(name, _number(name, value)) for name, value in _flat(metrics)]:
            title, slash, series = name.partition("/")
            if iteration is None:
                logger.report_single_value(name, value)
            else:
                logger.report_scalar(title, series if slash else title, value, iteration)

    def log_artifact(self, name: str, value: Any) -> None:
        """Store a file (its path), a DataFrame (parquet), a dict or list (JSON), or a figure.

        A matplotlib figure is stored as PNG and a plotly figure as JSON, both also as a plot. Nothing is pickled.

        Raises:
            BadInput: the value has another type, cannot be written, or is the path of no file.
            RuntimeError: the file server did not take the file.
        """
        from clearml_flows.tabular.artifacts import save_artifact

        with tempfile.TemporaryDirectory() as folder:
            path = value if isinstance(value, str | os.PathLike) else _written(value, Path(folder, _file_name(name)))
            if not Path(path).is_file():
                raise BadInput(f"artifact {name}: {path} is no file")
            save_artifact(self.task, name, str(path))
        if _is_matplotlib(value):
            self.task.get_logger().report_matplotlib_figure(name, name, value, report_image=True)
        elif _is_plotly(value):
            self.task.get_logger().report_plotly(name, name, iteration=0, figure=value)

    def log_model(self, name: str, model: Any, tags: Iterable[str] = ()) -> dict[str, Any]:
        """Register a fitted scikit-learn model, or a model file, as the next version of a name.

        Returns:
            The result of `models.api.register_model`. The version has this Task's parameters and metrics.

        Raises:
            BadInput: the model or the name is invalid.
        """
        from clearml_flows.models.api import register_model
        from clearml_flows.tabular.training.model_file import save_model

        self.task.flush(wait_for_uploads=True)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.skops")
            if isinstance(model, str | os.PathLike):
                path = Path(model)
            else:
                save_model(model, str(path))
            return register_model(path, name, task=self.task.id, tags=tags)


def _is_good_exit(error: BaseException) -> bool:
    return isinstance(error, SystemExit) and not error.code


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}/")
        else:
            yield f"{above}{name}", value


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise BadInput(f"metric {name} is {value!r:.80}, which is no number") from None
    if not math.isfinite(number):
        raise BadInput(f"metric {name} is {number}: ClearML keeps finite numbers only")
    return number


def _file_name(name: str) -> str:
    return "".join(character if character.isalnum() or character in "-_." else "_" for character in name)


def _written(value: Any, stem: Path) -> Path:
    """Write the value to a file and return its path. Raises BadInput for other types."""
    import pandas as pd

    try:
        if isinstance(value, pd.DataFrame):
            path = stem.with_name(f"{stem.name}.parquet")
            value.to_parquet(path)
        elif isinstance(value, dict | list):
            path = stem.with_name(f"{stem.name}.json")
            path.write_text(json.dumps(value, indent=2), "utf-8")
        elif _is_matplotlib(value):
            path = stem.with_name(f"{stem.name}.png")
            value.savefig(path)
        elif _is_plotly(value):
            path = stem.with_name(f"{stem.name}.json")
            path.write_text(value.to_json(), "utf-8")
        else:
            raise TypeError("nothing is pickled; give a path, a DataFrame, a dict, a list or a figure")
    except (TypeError, ValueError) as error:
        raise BadInput(f"artifact {stem.name} of type {type(value).__name__} cannot be kept: {error}") from None
    return path


def _is_matplotlib(value: Any) -> bool:
    return type(value).__module__.startswith("matplotlib.") and hasattr(value, "savefig")


def _is_plotly(value: Any) -> bool:
    return type(value).__module__.startswith("plotly.") and hasattr(value, "to_json")
