"""Refuse to promote models trained on synthetic data."""

from typing import Any

from clearml_flows.tabular.registry.entries import model_value


def data_refusal(candidate: Any, incumbent: Any, embedded: bool) -> str:
    """Return why the model's training data keep it out of production; empty if allowed."""
    if not is_synthetic(candidate):
        return ""
    if not embedded:
        return "it was trained on synthetic rows, and such a model never goes into production on a server"
    if incumbent is not None and incumbent.id != candidate.id and not is_synthetic(incumbent):
        return "it was trained on synthetic rows, and the production model on real ones"
    return ""


def is_synthetic(entry: Any) -> bool:
    """Return True if the model was trained on synthetic rows, by its tag or its metadata."""
    return "synthetic" in (entry.data.tags or []) or model_value(entry, "synthetic") == "true"
