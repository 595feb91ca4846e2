"""The handlers, a module or a package per service. They know names and shapes, and no SQL."""

import importlib
import pkgutil


def load() -> None:
    """Import every handler, which registers it."""
    for module in pkgutil.walk_packages(__path__, __name__ + "."):
        importlib.import_module(module.name)
