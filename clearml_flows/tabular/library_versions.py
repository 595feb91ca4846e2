"""Releases of the libraries that a model depends on."""

from importlib.metadata import version


def library_versions() -> dict[str, str]:
    """Return the releases of the libraries that compute and store models."""
    return {name: version(name) for name in ("scikit-learn", "numpy", "pandas", "skops")}
