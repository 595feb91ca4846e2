"""Evaluate the candidate of a run and promote it if the gate allows."""

import tempfile
from typing import Any

from clearml_flows.tabular.datasets.dataset_files import read_dataset_part
from clearml_flows.tabular.judging.evaluation import score_incumbent, score_model
from clearml_flows.tabular.judging.gate import GateLimits, decide, origin_rules, result_rules
from clearml_flows.tabular.judging.held_out import tell_test_metrics
from clearml_flows.tabular.judging.judgement import judge_models, save_judgement, tell_judgement
from clearml_flows.tabular.judging.profit import Prices
from clearml_flows.tabular.registry.entries import add_facts, find_models, get_model
from clearml_flows.tabular.registry.moves import find_production, read_moves
from clearml_flows.tabular.report.run_report import save_report
from clearml_flows.tabular.reporting import make_client
from clearml_flows.tabular.training.predictions import trained_profit_threshold


def evaluate_candidate(
    task: Any,
    model: dict[str, Any],
    dataset: dict[str, Any],
    sweep: dict[str, Any],
    segments: list[dict[str, Any]],
    segment_rows: int,
    limits: GateLimits,
    prices: Prices,
    embedded: bool,
    rounds: int,
    seed: int,
    max_bytes: int,
) -> dict[str, Any]:
    """Score the candidate and the production model on the test rows, and decide.

    The arguments are those of the step `evaluate`, with parsed references; `segments` are the schema's.

    Returns:
        The evaluation that the step returns.
    """
    client = make_client()
    entry = get_model(client, model["id"], model["sha256"])
    entries = find_models(client, entry.name, entry.project)
    incumbent = find_production(entries)
    with tempfile.TemporaryDirectory() as folder:
        rows = read_dataset_part(dataset, "test", folder, max_bytes)
        scored = score_model(entry, rows, folder, max_bytes)
        production, problem = score_incumbent(incumbent, entry.id, rows, folder, max_bytes)
        trained = trained_profit_threshold(sweep, model["experiment"], prices, folder, max_bytes)
        judged = judge_models(scored, production, rows, segments, segment_rows, prices, trained, rounds, seed)
        origin = origin_rules(entry, incumbent, read_moves(entries), embedded)
        rules = [*origin, *result_rules(scored, production, judged, problem, limits)]
        values, figures = tell_judgement(client, task, scored, production, judged, rules, prices)
        promoted, reason = decide(client, task, entry, incumbent, rules)
        add_facts(client, entry.id, {**values, "evaluation": reason, "promoted": promoted})
        count = tell_test_metrics(client, sweep, dataset, rows, folder, max_bytes)
    print(f"model {entry.name} {entry.id} {'is in' if promoted else 'does not go into'} production: {reason}")
    print(f"the test metrics of {count} experiments were added to their tasks")
    evaluation = {
        "metrics": scored["metrics"],
        "threshold": scored["threshold"],
        "production": production and production["metrics"],
        "gate": rules,
        **judged,
        "promoted": promoted,
        "reason": reason,
    }
    save_judgement(task, scored, production, evaluation, figures)
    save_report(client, task, entry, dataset, sweep, evaluation, figures)
    return evaluation
