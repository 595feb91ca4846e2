"""Store a run's report as artifacts of its last step: `report.html` and `model_card.md`."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clearml_flows.tabular.artifacts import save_artifact
from clearml_flows.tabular.registry.entries import model_value
from clearml_flows.tabular.report.model_card import markdown_card
from clearml_flows.tabular.report.page import html_page
from clearml_flows.tabular.report.sections import report_sections


def save_report(
    client: Any,
    task: Any,
    entry: Any,
    dataset: dict[str, Any],
    sweep: dict[str, Any],
    evaluation: dict[str, Any],
    figures: dict[str, Any],
) -> None:
    """Store the report as artifacts of the step's Task; arguments as in `report_sections`.

    Raises:
        RuntimeError: the backend did not store them.
    """
    sections = report_sections(entry, dataset, sweep, evaluation, figures, *count_folds(client, entry))
    title = f"{entry.name}, version {model_value(entry, 'version') or '?'}"
    subtitle = f"Report of {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, by task {task.id}"
    with tempfile.TemporaryDirectory() as folder:
        for name, text in [
            ("report.html", html_page(title, subtitle, sections)),
            ("model_card.md", markdown_card(title, subtitle, sections)),
        ]:
            Path(folder, name).write_text(text, "utf-8")
            save_artifact(task, name, f"{folder}/{name}")


def count_folds(client: Any, entry: Any) -> tuple[int, int]:
    """Return folds (0 if its Task lacks the number) and repeats of the model's experiment."""
    found = client.tasks.get_all(id=[model_value(entry, "experiment")], only_fields=["id", "hyperparams"])
    general = (found[0].data.hyperparams or {}).get("General", {}) if len(found) else {}
    folds, repeats = (int(general[name].value) if name in general else 0 for name in ("folds", "repeats"))
    return folds, max(repeats, 1)
