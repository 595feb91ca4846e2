"""What the data that a model learnt from mean for its promotion.

Every function here may travel with a step.
"""

from typing import Any

if __name__ != "__main__":  # ClearML copies unconditional imports into a step's script, where these functions stand.
    from clearml_flows.tabular.registry.entries import model_value


def data_refusal(candidate: Any, incumbent: Any, embedded: bool) -> str:
    """Why the data that a model learnt from keep it out of production; empty if they do not."""
    if not is_synthetic(candidate):
        return ""
    if not embedded:
        return "it was trained on synthetic rows, and such a model never goes into production on a server"
    if incumbent is not None and incumbent.id != candidate.id and not is_synthetic(incumbent):
        return "it was trained on synthetic rows, and the production model on real ones"
    return ""


def is_synthetic(entry: Any) -> bool:
    """Whether the model learnt from made-up customers: by its tag, or by its facts if the tag was taken off."""
    return "synthetic" in (entry.data.tags or []) or model_value(entry, "synthetic") == "true"
