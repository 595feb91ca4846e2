"""Checks of external services: Kaggle and notification channels."""

import os
import tempfile
from pathlib import Path

from clearml_flows.backend.connection import data_dir, is_embedded
from clearml_flows.doctor.check_result import CheckResult, failed, ok, skipped, warning
from clearml_flows.errors import BadInput
from clearml_flows.notify.channels import find_channels, find_routes
from clearml_flows.project import settings_file
from clearml_flows.settings import Settings
from clearml_flows.setup.kaggle_account import authenticates_by
from clearml_flows.tabular.data.kaggle_source import kaggle_problem, run_kaggle

KAGGLE_SECONDS = 10.0
# Sources of a token. Kaggle's client silently continues without credentials if the token is invalid.
TOKENS = ("KAGGLE_API_TOKEN", "access_token")


def check_kaggle(settings: Settings, endpoint: str = "") -> CheckResult:
    """Check that the main flow's data can be downloaded. Skipped if a run would not download it.

    Args:
        endpoint: another address than Kaggle's.
    """
    if getattr(settings, "churn", None) is None:
        return skipped("kaggle", "not asked: the settings have no flow churn")
    data, flow = settings.data, settings.flow("churn")
    file = settings_file().parent / flow.file
    if data.source not in ("auto", "kaggle") or (data.source == "auto" and flow.file and file.is_file()):
        return skipped("kaggle", f"not asked: the data comes from {data.source if data.source != 'auto' else file}")
    if not flow.kaggle_dataset:
        return skipped("kaggle", "not asked: the settings name no data set there")
    with tempfile.TemporaryDirectory(prefix="flows-") as folder:
        order = {
            "dataset": flow.kaggle_dataset,
            "file_name": flow.kaggle_file,
            "path": str(Path(folder, "download")),
            "max_bytes": data.max_bytes,
            "endpoint": endpoint,
        }
        answer = run_kaggle(order, min(KAGGLE_SECONDS, data.timeout))
    by = answer.get("credentials")
    if answer["outcome"] == "done":
        if by in TOKENS and authenticates_by(endpoint) != "ACCESS_TOKEN":
            told = f"Kaggle does not know the token in {by}, and gave {flow.kaggle_dataset} without it"
            return warning("kaggle", told, "flows setup --kaggle")
        return ok("kaggle", f"{flow.kaggle_dataset} can be had, by {by or 'anybody'}")
    problem = kaggle_problem(answer, flow.kaggle_dataset, flow.kaggle_file)
    fix = "flows setup --kaggle" if answer["what"] in (401, 403) else None
    if data.source == "auto" and is_embedded(settings):
        return warning("kaggle", f"{problem}; until then runs make data up", fix)
    return failed("kaggle", problem, fix)


def check_notifications(settings: Settings) -> CheckResult:
    try:
        channels = find_channels(data_dir(settings) / "notify.urls", os.environ)
        find_routes(settings.notify, channels)
    except BadInput as wrong:
        return failed("notifications", str(wrong), "flows notify list")
    if not channels:
        return ok("notifications", "no channel is configured; see `flows notify --help`")
    return ok("notifications", f"{', '.join(channels)}; `flows notify test` sends to them")
