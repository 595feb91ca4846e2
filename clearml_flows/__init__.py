"""Public API for scripts and notebooks: ClearML pipelines for tabular models."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clearml_flows.experiments.api import compare_experiments
    from clearml_flows.experiments.tracker import ClearMLTracker
    from clearml_flows.models.api import compare_models, load_model, promote, register_model, rollback
    from clearml_flows.monitor.api import run_status

__all__ = [
    "ClearMLTracker",
    "compare_experiments",
    "compare_models",
    "load_model",
    "promote",
    "register_model",
    "rollback",
    "run_status",
]
_MODULES = {
    "ClearMLTracker": "experiments.tracker",
    "compare_experiments": "experiments.api",
    "compare_models": "models.api",
    "load_model": "models.api",
    "promote": "models.api",
    "register_model": "models.api",
    "rollback": "models.api",
    "run_status": "monitor.api",
}


def __getattr__(name: str) -> Any:
    """Import a public name at its first use: the embedded backend must not import the SDK."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
