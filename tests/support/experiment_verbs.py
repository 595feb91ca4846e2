"""`flows experiments` and its Python functions against a backend, as a child process of a test.

`python -m tests.support.experiment_verbs FOLDER` prints as JSON what each command did.
"""

import json
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from clearml_flows.cli.main import main
from clearml_flows.errors import FlowsError
from clearml_flows.experiments.api import compare_experiments, leaderboard, list_experiments, show_experiment
from clearml_flows.tabular.registry.entries import project_of
from clearml_flows.tabular.reporting import make_client, send_report, value_events

folder = Path(sys.argv[1])
told: dict[str, Any] = {}
HOSTILE = "=cmd|' /C calc'!A0 <script>alert(1)</script> | [red]"
COMMIT = "c0ffee" + "0" * 34


def flows(story: str, *arguments: str) -> Any:
    """Runs `flows experiments …`; its JSON if it printed some."""
    result = CliRunner().invoke(main, ["experiments", *arguments])
    told[story] = {"exit_code": result.exit_code, "stdout": result.stdout, "stderr": result.stderr}
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return json.loads(result.stdout) if result.stdout[:1] in ("{", "[") else None


def parameters(**sections: dict[str, Any]) -> dict[str, Any]:
    return {
        section: {name: {"section": section, "name": name, "value": str(value)} for name, value in values.items()}
        for section, values in sections.items()
    }


class Backend:
    """Experiments as runs leave them, made through the SDK's client."""

    def __init__(self) -> None:
        self.client = make_client()

    def task(self, name: str, project: str, metrics: dict[str, float], completed: bool = True, **fields: Any) -> str:
        made = self.client.tasks.create(
            name=name, project=project_of(self.client, project), **{"type": "training", **fields}
        )
        self.client.tasks.started(task=made.id)
        if metrics:
            send_report(self.client, made.id, value_events(metrics))
        if completed:
            self.client.tasks.completed(task=made.id)
        return str(made.id)

    def run(self, flow: str, cached: str = "") -> tuple[str, str]:
        """A run with its one step, which is an earlier one's if it is `cached`."""
        project = f"clearml-flows/.pipelines/{flow}"
        script = {
            "version_num": COMMIT,
            "repository": "https://example.com/r.git",
            "binary": "python",
            "entry_point": "",
        }
        run = self.task(flow, project, {}, system_tags=["pipeline"], script=script, type="controller")
        step = cached or self.task("train_sweep", project, {}, parent=run)
        graph = json.dumps({"train_sweep": {"job_id": step}})
        item = {"name": "Pipeline", "type": "json", "value": graph}
        self.client.tasks.edit(task=run, configuration={"Pipeline": item}, force=True)
        return run, step

    def experiment(self, name: str, step: str, auc: float, dataset: str, flow: str, **estimator: Any) -> str:
        facts = {"flow": flow, "dataset_id": dataset, "dataset_sha256": "ab" * 32, "folds": 5, "repeats": 2}
        metrics = {"cv_roc_auc": auc, "cv_roc_auc_std": 0.01, "cv_brier": 1 - auc, "cv_f1_score": auc - 0.2}
        return self.task(
            name,
            "clearml-flows/experiments",
            metrics,
            parent=step,
            tags=["forest", *estimator.pop("tags", [])],
            hyperparams=parameters(General=facts, Estimator=estimator),
        )


def before_anything() -> None:
    flows("nothing yet", "list", "--metric", "cv_roc_auc", "--json")
    flows("nothing to rank", "leaderboard")
    flows("nothing to compare", "compare")


def fill() -> None:
    backend = Backend()
    told["run"], step = backend.run("churn")
    told["second run"], _ = backend.run("churn", cached=step)
    other_run, other_step = backend.run("beer")
    told["other run"] = other_run
    told["ids"] = {
        "good": backend.experiment("good forest", step, 0.85, "d1", "churn", n_estimators=100, max_depth=6),
        "near": backend.experiment("near forest", step, 0.849, "d1", "churn", n_estimators=200, max_depth=6),
        "poor": backend.experiment("poor forest", step, 0.7, "d2", "churn", n_estimators=1, tags=["poor"]),
        "odd": backend.experiment(HOSTILE, other_step, 0.5, "d1", "beer", expression="=1+1"),
        "bare": backend.task("unfinished", "clearml-flows/experiments", {}, completed=False),
        "elsewhere": backend.task("by hand", "another project", {"loss": 0.1}),
    }
    archived = backend.experiment("archived", step, 0.99, "d1", "churn")
    backend.client.tasks.archive(tasks=[archived])


def lists() -> None:
    run = told["run"][:12]
    for story, *options in [
        ("all",),
        ("top", "--metric", "cv_roc_auc", "--top", "2"),
        ("by brier", "--metric", "cv_brier"),
        ("by brier, highest", "--metric", "cv_brier", "--highest"),
        ("two metrics", "--metric", "cv_f1_score", "--metric", "cv_brier"),
        ("tag", "--tag", "forest", "--tag", "poor"),
        ("status", "--status", "in_progress"),
        ("project", "--project", "another project"),
        ("since", "--since", "2020-01-01", "--until", "2999-12-31"),
        ("until", "--until", "2020-01-01"),
        ("without the metric", "--status", "in_progress", "--metric", "cv_roc_auc"),
        ("flow", "--flow", "beer"),
        ("run", "--run", run),
        ("cached run", "--run", told["second run"]),
    ]:
        told[f"list {story}"] = flows(f"list {story} as JSON", "list", *options, "--json")
    flows("list as text", "list")
    flows("bare noun")
    flows("top as text", "list", "--top", "2")
    flows("nothing as text", "list", "--until", "2020-01-01")


def looks() -> None:
    good, near = told["ids"]["good"], told["ids"]["near"]
    told["show"] = flows("show as JSON", "show", good[:10], "--json")
    flows("show as text", "show", good)
    told["compare"] = flows("compare as JSON", "compare", good, near[:10], told["ids"]["poor"], "--json")
    flows("compare as text", "compare", good, near)
    flows("differences", "compare", good, near, "--differences")
    told["compare top"] = flows("compare top as JSON", "compare", "--metric", "cv_roc_auc", "--top", "2", "--json")
    told["leaderboard"] = flows("leaderboard as JSON", "leaderboard", "--json")
    flows("leaderboard as text", "leaderboard")
    told["other board"] = flows("other board", "leaderboard", "--metric", "cv_f1_score", "--flow", "beer", "--json")


def exports() -> None:
    ids = [told["ids"][name] for name in ("good", "odd")]
    for suffix in ("csv", "json", "md", "html"):
        flows(f"export {suffix}", "export", *ids, "--format", suffix, "-o", str(folder / f"out.{suffix}"))
    flows("export filtered", "export", "--flow", "churn", "--format", "csv", "-o", str(folder / "flow.csv"), "--json")
    flows("export to stdout", "export", *ids, "--format", "csv", "-o", "-")
    (folder / "file").touch()
    (folder / "kept.csv").write_text("before")
    for story, target in [("into a file", folder / "file" / "x.csv"), ("into proc", Path("/proc/x.csv"))]:
        flows(f"export {story}", "export", *ids, "--format", "csv", "-o", str(target))
    flows("export unknown", "export", "f" * 32, "--format", "csv", "-o", str(folder / "kept.csv"))
    flows("export both", "export", "--format", "csv", "-o", "-", "--json")
    flows("export format", "export", "--format", "xml", "-o", str(folder / "out.xml"))


def mistakes() -> None:
    good = told["ids"]["good"]
    for story, *arguments in [
        ("unknown id", "show", "f" * 32),
        ("unknown beginning", "show", "zz"),
        ("a run is no experiment", "show", told["run"]),
        ("unknown metric", "list", "--metric", "cv_roc_acu"),
        ("unknown tag", "list", "--tag", "forrest"),
        ("unknown status", "list", "--status", "complete"),
        ("unknown project", "list", "--project", "clearml-flow"),
        ("unknown flow", "list", "--flow", "chrun"),
        ("unknown run", "list", "--run", "zz"),
        ("no date", "list", "--since", "yesterday"),
        ("one thing", "compare", good),
        ("the same twice", "compare", good, good[:20]),
        ("one is meant", "compare", "--tag", "poor"),
        ("none is meant", "compare", "--until", "2020-01-01"),
        ("unknown command", "lsit"),
    ]:
        flows(story, *arguments)
    flows("ambiguous", "show", ambiguous())


def ambiguous() -> str:
    """The beginning of several experiments' ids."""
    backend, found = Backend(), [one["id"] for one in list_experiments(top=None)]
    while len({one[0] for one in found}) == len(found):
        found.append(backend.task("one more", "clearml-flows/experiments", {}))
    return str(next(one[0] for one in found if sum(other[0] == one[0] for other in found) > 1))


def functions() -> None:
    ids = [told["ids"][name] for name in ("good", "near")]
    frame = compare_experiments(ids)
    rows = frame.to_dict("index")
    told["frame"] = {
        "columns": list(frame.columns),
        "auc": rows["metric", "cv_roc_auc"],
        "differs": [rows["parameter", f"Estimator/{name}"]["differs"] for name in ("max_depth", "n_estimators")],
        "trees": [rows["parameter", "Estimator/n_estimators"][one] for one in ids],
        "top": list(compare_experiments(metrics=["cv_roc_auc"], top=2).columns),
    }
    told["functions"] = [
        [one["name"] for one in list_experiments(tags="poor")],
        show_experiment(ids[0])["name"],
        leaderboard(top=1),
    ]
    try:
        compare_experiments(ids[:1])
    except FlowsError as error:
        told["function refuses one"] = str(error)


if __name__ == "__main__":
    for chapter in (before_anything, fill, lists, looks, exports, mistakes, functions):
        chapter()
    sys.stdout.write(f"\n{json.dumps(told, default=str)}\n")
