"""Summary of a run, printed at its end."""

from math import inf
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from clearml_flows.run.document import document, web_url
from clearml_flows.run.launch import Ended
from clearml_flows.run.shards import sweep_of
from clearml_flows.tabular.judging.metric_names import lower_is_better

HEADLINES = ("test_roc_auc", "test_r2")


def summary(flow: str, ended: Ended) -> None:
    """Print the experiments, the winner and why, the test metrics, and where to look, on stdout."""
    console = Console(highlight=False)
    account = document(flow, ended)
    _notes(console, ended)
    sweep = sweep_of(ended.run)
    if sweep:
        console.print(_leaderboard(sweep))
    if account["experiments"]:
        console.print(_winner(sweep, account["experiments"]["best"]))
    if account["evaluation"]:
        _evaluation(console, account["evaluation"])
    if account["dataset"]:
        console.print(_dataset(account["dataset"]), soft_wrap=True)
    if account["model"]:
        console.print(f"model: {account['model']['name']} {account['model']['id']}", soft_wrap=True)
    _end(console, flow, ended, account)


def one_line(flow: str, ended: Ended) -> str:
    """Return one line about a completed run, for output without a terminal."""
    account = document(flow, ended)
    said = [f"{flow} {ended.run.status} after {ended.seconds:.0f} s"]
    if ended.run.result("raw").get("synthetic"):
        said.append("the data is made up")
    evaluation = account["evaluation"]
    if evaluation:
        name = next((name for name in HEADLINES if name in evaluation["metrics"]), "")
        said += [f"{name} {evaluation['metrics'][name]:.4f}"] if name else []
        said.append("promoted to production" if evaluation["promoted"] else f"not promoted: {evaluation['reason']}")
    return f"{', '.join(said)}: {web_url(ended)}"


def _notes(console: Console, ended: Ended) -> None:
    if ended.run.result("raw").get("synthetic"):
        console.print("[bold red]WARNING: this data is made up.[/] The model says nothing about the real world.")
    for step in ended.run.steps:
        if step.progress and not (step.returns or {}).get("sweep"):
            console.print(f"{step.name}: {step.progress}", markup=False, soft_wrap=True)


def _leaderboard(sweep: dict[str, Any]) -> Table:
    metric = f"cv_{sweep['metric']}"
    sign = 1 if lower_is_better(metric) else -1
    ranked = sorted(sweep["experiments"], key=lambda one: (sign * one["metrics"].get(metric, sign * inf), one["name"]))
    usual = ("cv_roc_auc", "cv_f1_score", "cv_r2", "cv_rmse")
    known = [name for name in usual if any(name in one["metrics"] for one in ranked)]
    metrics = list(dict.fromkeys([metric, *known]))
    table = Table(title=f"{sweep['count']} experiments, {sweep['failed']} failed", title_justify="left", box=None)
    table.add_column("#", justify="right")
    table.add_column("experiment", no_wrap=True)
    for name in metrics:
        table.add_column(name, justify="right", no_wrap=True)
    for place, one in enumerate(ranked, start=1):
        numbers = [_number(one["metrics"], name) or one["status"] for name in metrics]
        table.add_row(str(place), escape(one["name"]), *numbers)
    return table


def _number(metrics: dict[str, float], name: str) -> str:
    if name not in metrics:
        return ""
    spread = metrics.get(f"{name}_std")
    return f"{metrics[name]:.4f}" + (f" ± {spread:.4f}" if spread is not None else "")


def _winner(sweep: dict[str, Any], best: dict[str, Any]) -> str:
    metric = f"cv_{sweep['metric']}"
    end = "lowest" if lower_is_better(metric) else "highest"
    return (
        f"winner: {best['name']}, the {end} mean {metric} ({best['metrics'][metric]:.4f}) "
        "in cross-validation on the training rows; the test rows had no say"
    )


def _evaluation(console: Console, evaluation: dict[str, Any]) -> None:
    at = "" if evaluation["threshold"] is None else f", at threshold {evaluation['threshold']:.3f}"
    console.print(f"on the test rows{at}:")
    table = Table(box=None, show_header=False)
    for name, value in evaluation["metrics"].items():
        if isinstance(value, int | float):
            table.add_row(name, f"{value:.4f}")
    console.print(table)
    console.print(f"{'promoted to production' if evaluation['promoted'] else 'not promoted'}: {evaluation['reason']}")


def _dataset(dataset: dict[str, Any]) -> str:
    how = "reused, its content is the same" if dataset["reused"] else "new version"
    return f"dataset: {dataset['name']} {dataset['version']} ({dataset['rows']} rows, {how}) {dataset['id']}"


def _end(console: Console, flow: str, ended: Ended, account: dict[str, Any]) -> None:
    cached = [step["name"] for step in account["steps"] if step["cached"]]
    if cached:
        console.print(f"taken from the cache: {', '.join(cached)}")
    console.print(f"{flow} {ended.run.status} after {ended.seconds:.0f} s")
    console.print(f"look at it: {web_url(ended)}", soft_wrap=True)
    if account["report"]:
        console.print(f"report and model card: {account['report']}", soft_wrap=True)
