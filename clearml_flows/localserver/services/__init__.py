"""API handlers, one module or package per service. They contain no SQL."""

import importlib
import pkgutil


def load() -> None:
    """Import every handler module, which registers its endpoints."""
    for module in pkgutil.walk_packages(__path__, __name__ + "."):
        importlib.import_module(module.name)
