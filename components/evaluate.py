"""The step that decides whether the candidate goes into production."""

from clearml import PipelineDecorator

from components.artifacts import (
    dump_ref,
    fetch_file,
    file_sha256,
    load_ref,
    read_parquet,
    save_artifact,
    stream_file,
)
from components.dataset_files import dataset_columns, fetch_dataset_file, read_dataset_part, rows_sha256
from components.evaluation import (
    evaluation_figures,
    evaluation_values,
    metric_intervals,
    score_incumbent,
    score_model,
)
from components.failure import tell_failure
from components.metrics import binary_metrics, bootstrap_intervals, lower_is_better, weighted_metrics
from components.model_card import markdown_block, markdown_card, markdown_table, markdown_text
from components.model_file import check_model_file, load_model, model_types
from components.moves import (
    find_production,
    make_move,
    promote_model,
    promotion_tags,
    read_moves,
    tags_before,
    take_back_broken,
    was_rolled_back,
    who_asks,
    write_move,
    write_tags,
)
from components.plots import (
    calibration_figure,
    confusion_figure,
    make_layout,
    make_line,
    precision_recall_figure,
    roc_figure,
)
from components.promotion import data_refusal, decide, is_synthetic, judge
from components.promotion_lock import free_lock, hold_lock, lock_holder, take_lock
from components.registry import add_facts, find_models, get_model, metadata_items, model_value
from components.report_charts import axis_ticks, chart_series, svg_axes, svg_chart, svg_place, svg_series
from components.report_page import html_block, html_figure, html_heatmap, html_page, html_table, page_style
from components.report_sections import (
    holds_rows,
    lead_text,
    leaderboard_section,
    limits_section,
    lineage_section,
    mean_interval,
    other_sections,
    report_sections,
    results_section,
    show_range,
    show_value,
    usage_section,
    value_blocks,
    verdict_section,
)
from components.reports import figure_events, make_client, send_report, value_events
from components.run_report import count_folds, save_report


@PipelineDecorator.component(
    return_values=["evaluation"],
    cache=False,
    auto_connect_frameworks=False,
    auto_connect_arg_parser=False,
    task_type="testing",
    packages=[
        "clearml>=2.1.12,<2.2",
        "numpy>=2,<3",
        "pandas>=2.3,<4",
        "pyarrow>=18",
        "scikit-learn>=1.7,<1.10",
        "scipy>=1.13",
        "skops>=0.13,<0.17",
    ],
    helper_functions=[
        dump_ref,
        fetch_file,
        file_sha256,
        load_ref,
        read_parquet,
        save_artifact,
        stream_file,
        dataset_columns,
        fetch_dataset_file,
        read_dataset_part,
        rows_sha256,
        evaluation_figures,
        evaluation_values,
        metric_intervals,
        score_incumbent,
        score_model,
        tell_failure,
        binary_metrics,
        bootstrap_intervals,
        lower_is_better,
        weighted_metrics,
        markdown_block,
        markdown_card,
        markdown_table,
        markdown_text,
        check_model_file,
        load_model,
        model_types,
        calibration_figure,
        confusion_figure,
        make_layout,
        make_line,
        precision_recall_figure,
        roc_figure,
        find_production,
        make_move,
        promote_model,
        promotion_tags,
        read_moves,
        tags_before,
        take_back_broken,
        was_rolled_back,
        who_asks,
        write_move,
        write_tags,
        data_refusal,
        decide,
        is_synthetic,
        judge,
        free_lock,
        hold_lock,
        lock_holder,
        take_lock,
        add_facts,
        find_models,
        get_model,
        metadata_items,
        model_value,
        axis_ticks,
        chart_series,
        svg_axes,
        svg_chart,
        svg_place,
        svg_series,
        html_block,
        html_figure,
        html_heatmap,
        html_page,
        html_table,
        page_style,
        holds_rows,
        lead_text,
        leaderboard_section,
        limits_section,
        lineage_section,
        mean_interval,
        other_sections,
        report_sections,
        show_range,
        show_value,
        results_section,
        usage_section,
        value_blocks,
        verdict_section,
        figure_events,
        make_client,
        send_report,
        value_events,
        count_folds,
        save_report,
    ],
)
def evaluate(
    model: str,
    dataset: str,
    metric: str = "test_roc_auc",
    minimum: float = 0.8,
    margin: float = 0.005,
    embedded: bool = True,
    rounds: int = 1000,
    seed: int = 42,
    max_bytes: int = 1_000_000_000,
    sweep: str = "",
) -> str:
    """Scores the candidate once on the test rows, beside the production model, and moves `production` if it may.

    Args:
        model: the reference of the candidate.
        dataset: the reference of the dataset whose test rows are used.
        metric: the metric that decides, a `test_…` one.
        minimum: what it must be worth; the most it may be, for metrics where less is better.
        margin: how much worse than the production model, on the same rows, it may be.
        embedded: whether this runs on the embedded backend; on a server no model of synthetic customers is promoted.
        rounds: bootstrap rounds for the 95 % intervals.
        seed: their seed.
        max_bytes: how large the test rows and a model file may be.
        sweep: the reference of the sweep that the candidate won, for the report's leaderboard.

    Returns:
        `{metrics, intervals, threshold, production, promoted, reason}` as JSON; production holds the metrics of the
        production model that it was compared with, or null.

    Raises:
        ValueError: the model or the dataset is not what the reference says, or the metric is not known.
    """
    import tempfile

    from clearml import Task

    task = Task.current_task()
    try:
        client, source, candidate = make_client(), load_ref(dataset), load_ref(model)
        entry = get_model(client, candidate["id"], candidate["sha256"])
        entries = find_models(client, entry.name, entry.project)
        incumbent = find_production(entries)
        with tempfile.TemporaryDirectory() as folder:
            rows = read_dataset_part(source, "test", folder, max_bytes)
            scored = score_model(entry, rows, folder, max_bytes)
            production, problem = score_incumbent(incumbent, entry.id, rows, folder, max_bytes)
        promoted, reason = judge(entry, incumbent, read_moves(entries), embedded, problem) or decide(
            scored["metrics"], production and production["metrics"], metric, minimum, margin
        )
        intervals = metric_intervals(scored, rounds, seed)
        values = evaluation_values(scored, intervals, production)
        figures = evaluation_figures(scored, production)
        send_report(client, task.id, [*value_events(values), *figure_events(figures)])
        if promoted:
            told = {"who": who_asks(client), "via": f"task {task.id}", "why": reason}
            moved = promote_model(client, entry, incumbent.id if incumbent else "", told)
            promoted, reason = (False, moved) if moved else (True, reason)
        add_facts(client, entry.id, {**values, "evaluation": reason, "promoted": promoted})
    except Exception as error:
        tell_failure(task, str(error))
        raise
    print(f"model {entry.name} {entry.id} {'is in' if promoted else 'does not go into'} production: {reason}")
    evaluation = {
        "metrics": scored["metrics"],
        "intervals": intervals,
        "threshold": scored["threshold"],
        "production": production and production["metrics"],
        "promoted": promoted,
        "reason": reason,
    }
    save_report(client, task, entry, source, load_ref(sweep or "{}"), evaluation, figures)
    return dump_ref(evaluation)
