"""The three model steps, one after the other and under many conditions, as a child process of a test.

`python -m tests.support.model_steps` prints as JSON what the backend then holds.
"""

import contextlib
import inspect
import io
import json
import sys
import tempfile
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from clearml import Model, StorageManager, Task

from clearml_flows.tabular.artifacts import stream_file
from clearml_flows.tabular.judging import candidate
from clearml_flows.tabular.judging.profit import best_profit_threshold
from clearml_flows.tabular.registry.entries import get_model
from clearml_flows.tabular.registry.moves import promote_model, roll_back
from clearml_flows.tabular.reporting import make_client
from clearml_flows.tabular.training import sweep as sweep_module
from clearml_flows.tabular.training.live_scores import send_live
from clearml_flows.tabular.training.predictions import read_predictions
from components import evaluate, register_best, train_sweep
from tests.support.customers import CATEGORICAL, FOREST, LOGISTIC, NUMERIC, TARGET, make_customers

PROBLEM = {"problem_type": "classification"}
SCHEMA = json.dumps({"key": "key", "target": TARGET, "columns": []})
SEGMENTS = json.dumps({"segments": [{"column": "contract"}, {"column": "tenure", "edges": [12, 36]}]})
BROKEN = {"name": "broken", "family": "Prophet"}
WEAK = {"name": "weak tree", "family": "DecisionTree", "params": {"max_depth": 1}}
ROWS = {"train": make_customers(200, seed=0), "test": make_customers(150, seed=1)}
asked: list[str] = []
first_told: dict[str, Any] = {}


def made_rows(_dataset: Any, part: str, _folder: str, _max_bytes: int) -> Any:
    asked.append(part)
    return ROWS[part]


for module in (sweep_module, candidate):
    vars(module)["read_dataset_part"] = made_rows


def dataset(**changes: Any) -> str:
    facts = {"id": "d1", "sha256": "ab" * 32, "train_rows": 200, "test_rows": 150, "synthetic": False}
    drawn = {"test_size": 0.4286, "split_seed": 7}
    return json.dumps(
        {**facts, **drawn, "numeric": NUMERIC, "categorical": CATEGORICAL, "target": TARGET, **PROBLEM, **changes}
    )


def run(step: Callable[..., str], *arguments: Any, **options: Any) -> dict[str, Any]:
    """What the step returned; or, as `error`, the exception, and what the Task then says of it."""
    try:
        return dict(json.loads(inspect.unwrap(step)(*arguments, **options)))
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}", "comment": Task.current_task().comment}


def sweep(*specs: dict[str, Any], source: str = "", **options: Any) -> dict[str, Any]:
    told = json.dumps(specs)
    return run(
        train_sweep.train_sweep, source or dataset(), told, folds=3, repeats=2, project="churn experiments", **options
    )


def sweep_with_permuted_test_rows() -> dict[str, Any]:
    """A sweep after the labels of the test rows have been shuffled; they are put back then."""
    kept = ROWS["test"]
    ROWS["test"] = kept.assign(**{TARGET: kept[TARGET].sample(frac=1, random_state=5).to_numpy()})
    assert (ROWS["test"][TARGET] != kept[TARGET]).any()
    try:
        return sweep(FOREST, LOGISTIC, BROKEN, jobs=2)
    finally:
        ROWS["test"] = kept


def register(swept: dict[str, Any], source: str = "") -> dict[str, Any]:
    return run(
        register_best.register_best,
        json.dumps(swept),
        source or dataset(),
        "churn model",
        "churn models",
        schema=SCHEMA,
    )


def judge(model: dict[str, Any], source: str = "", /, **rules: Any) -> dict[str, Any]:
    fixed = {"rounds": 50, "schema": SEGMENTS, "segment_rows": 20, "calibration_maximum": 0.15}
    return run(evaluate.evaluate, json.dumps(model), source or dataset(), **{**fixed, **rules})


def stored_text(task: Any, artifact: str) -> str:
    record = task.artifacts[artifact]
    return b"".join(stream_file(record.url, record.hash, 1_000_000)).decode()


def task_account(task_id: str) -> dict[str, Any]:
    task = Task.get_task(task_id=task_id)
    return {
        "status": str(task.status),
        "message": task.data.status_message,
        "parent": task.parent,
        "tags": task.get_tags(),
        "project": task.get_project_name(),
        "parameters": task.get_parameters(),
        "values": task.get_reported_single_values(),
        "scalars": task.get_reported_scalars(),
        "images": task.get_debug_samples("Confusion, out of fold", "Confusion, out of fold"),
        "plots": sorted(plot["metric"] for plot in task.get_reported_plots()),
        "console": "\n".join(task.get_reported_console_output(5)),
        "artifacts": {name: item.hash for name, item in task.artifacts.items()},
        "last_update": str(task.data.last_update),
        "runtime": task.data.runtime,
        "script": task.data.script.to_dict(),
        "system": task.get_configuration_object("System") or "",
    }


def trained_threshold(swept: dict[str, Any]) -> float:
    best = next(one for one in swept["experiments"] if one["task_id"] == swept["best"])
    with tempfile.TemporaryDirectory() as folder:
        y, p = read_predictions(best["task_id"], best["out_of_fold_sha256"], folder, 1_000_000)
    assert len(y) == len(ROWS["train"])
    return best_profit_threshold(y, p, 500.0, 50.0, 0.4)


def models() -> dict[str, Any]:
    found = Model.query_models(project_name="churn models", model_name="churn model")
    return {model.id: {"tags": model.tags, "facts": model.get_all_metadata_casted()} for model in found}


def tamper(url: str) -> None:
    StorageManager.upload_file(__file__, unquote(url))


def told_at_first(*arguments: Any) -> Any:
    """Passes progress on as the sweep does, and keeps what the backend knew of each experiment after the first time."""
    end = send_live(*arguments)
    if end and arguments[1] not in first_told:
        first_told[arguments[1]] = task_account(arguments[1])
    return end


vars(sweep_module)["send_live"] = told_at_first


def roll_back_and_judge(told: dict[str, Any]) -> None:
    client, by_hand = make_client(), {"who": "Ann", "via": "test", "why": "complaints"}
    entry = get_model(client, told["weak model"]["id"], told["weak model"]["sha256"])
    roll_back(client, entry.name, entry.project, 2, by_hand)
    told["rolled back"] = models()
    told["judged again"] = judge(told["weak model"], minimum=0.5, margin=0.9)
    told["by hand"] = promote_model(client, entry, told["model"]["id"], by_hand)


def story() -> dict[str, Any]:
    task = Task.init("churn steps", "all steps", auto_connect_frameworks=False)
    # A step of a pipeline has its requirements from the beginning; here they are found out in the background.
    task._wait_for_repo_detection(timeout=120)
    told: dict[str, Any] = {"task_id": task.id, "sweep": sweep(FOREST, LOGISTIC, BROKEN, jobs=2), "asked": list(asked)}
    told["first told"] = dict(first_told)
    told["tasks"] = {entry["name"]: task_account(entry["task_id"]) for entry in told["sweep"]["experiments"]}
    told["step after sweep"] = task_account(task.id)
    told["one at a time"] = sweep(FOREST, LOGISTIC, BROKEN, jobs=1)
    told["test rows permuted"] = sweep_with_permuted_test_rows()
    told["all fail"] = sweep(BROKEN, {**BROKEN, "name": "broken too"})
    told["model"], told["model again"] = register(told["sweep"]), register(told["one at a time"])
    told["other data"] = register(told["sweep"], dataset(sha256="cd" * 32))
    told["registered"] = models()
    told["refused"] = judge(told["model"], minimum=0.999)
    told["first"] = judge(told["model"], minimum=0.5, sweep=json.dumps(told["sweep"]))
    told["report"], told["card"] = (stored_text(Task.current_task(), name) for name in ("report.html", "model_card.md"))
    told["bulk"] = json.loads(stored_text(Task.current_task(), "evaluation.json"))
    told["step after evaluate"] = task_account(task.id)
    told["in production"] = models()
    told["tasks after evaluate"] = {one["name"]: task_account(one["task_id"]) for one in told["sweep"]["experiments"]}
    told["same again"] = judge(told["model"], minimum=0.5, sweep=json.dumps(told["sweep"]))
    told["forest's last update"] = task_account(told["sweep"]["experiments"][0]["task_id"])["last_update"]
    told["trained threshold"] = trained_threshold(told["sweep"])
    weak = sweep(WEAK)
    told["weak model"] = register(weak)
    told["worse"] = judge(told["weak model"], minimum=0.5, margin=0.0)
    told["after worse"] = models()
    tolerant: dict[str, Any] = {"minimum": 0.5, "margin": 0.9, "segment_minimum": 0.0, "segment_drop": 1.0}
    told["tolerated"] = judge(told["weak model"], **tolerant)
    told["moved"] = models()
    roll_back_and_judge(told)
    told["better"] = judge(told["model"], minimum=0.5)
    told["after better"] = models()
    made_up = dataset(synthetic=True, sha256="ef" * 32)
    told["synthetic model"] = register(sweep(FOREST, source=made_up, seed=7), made_up)
    told["synthetic on a server"] = judge(told["synthetic model"], made_up, minimum=0.5, margin=0.9, embedded=False)
    told["synthetic for real"] = judge(told["synthetic model"], made_up, minimum=0.5, margin=0.9)
    tamper(Model(model_id=told["model"]["id"]).url)
    told["production damaged"] = judge(told["weak model"], **tolerant)
    told["model damaged"] = judge(told["model"], minimum=0.5)
    tamper(Task.get_task(task_id=weak["best"]).artifacts["model"].url)
    told["artifact damaged"] = register(weak)
    with contextlib.redirect_stdout(io.StringIO()) as console:
        judge(told["synthetic model"], made_up, sweep=json.dumps(weak))
        judge(told["weak model"], sweep=json.dumps(weak))
    told["what of the damaged one"] = console.getvalue()
    return told


if __name__ == "__main__":
    sys.stdout.write(f"\n{json.dumps(story(), default=str)}\n")
