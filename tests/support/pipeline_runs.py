"""Runs of pipelines made through the API, as ClearML keeps them: no process runs anything."""

import json
from typing import Any

from clearml_flows.backend.client import Api
from clearml_flows.run.ending import PROCESS, process_mark

Json = dict[str, Any]


class Runs:
    """Runs of one pipeline, whose hidden project this is."""

    def __init__(self, api: Api, project: str) -> None:
        self.api, self.project, self.count = api, project, 0

    def task(self, name: str, parent: str = "", status: str = "completed", **fields: Any) -> str:
        made = {"name": name, "project": self.project, "type": "custom", **fields}
        task = str(self.api.call("tasks.create", **made, **({"parent": parent} if parent else {}))["id"])
        self.api.call("tasks.started", task=task)
        if status != "in_progress":
            self.api.call(f"tasks.{status}", task=task, status_message="words" if status == "failed" else "")
        return task

    def step(self, name: str, run: str, code: str = "pass", status: str = "completed", **parameters: str) -> str:
        items = {key: {"section": "kwargs", "name": key, "value": value} for key, value in parameters.items()}
        script = {"diff": code, "entry_point": f"{name}.py", "working_dir": "."}
        return self.task(name, run, status, hyperparams={"kwargs": items}, script=script)

    def run(self, status: str = "in_progress", **options: str) -> str:
        self.count += 1
        items = {name: {"section": "run", "name": name, "value": value} for name, value in options.items()}
        kind: Json = {"type": "controller", "system_tags": ["pipeline"], "hyperparams": {"run": items}}
        return self.task("churn" if self.count == 1 else f"churn #{self.count}", status=status, **kind)

    def draw(self, run: str, **steps: str | Json) -> None:
        """Note the run's graph: of each step its Task, and whether the cache is looked up."""
        nodes = {name: {"job_id": step, "cache_executed_step": name != "download"} for name, step in steps.items()}
        item = {"name": "Pipeline", "type": "json", "value": json.dumps(nodes)}
        self.api.call("tasks.edit", task=run, configuration={"Pipeline": item}, force=True)

    def lives(self, run: str, mark: str = "") -> None:
        """Note the process of the run's controller: this one, unless another is told."""
        item = {"section": "properties", "name": PROCESS, "value": mark or process_mark()}
        self.api.call("tasks.edit_hyper_params", task=run, hyperparams=[item], force=True)
