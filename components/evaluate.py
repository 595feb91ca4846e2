"""Step `evaluate`: decide whether the candidate goes into production."""

from clearml import PipelineDecorator


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
    schema: str = "",
    calibration_maximum: float = 0.05,
    segment_minimum: float = 0.6,
    segment_drop: float = 0.2,
    segment_rows: int = 100,
    customer_value: float = 500.0,
    offer_cost: float = 50.0,
    offer_success: float = 0.4,
) -> str:
    """Score the candidate on the test rows and promote it if the gate allows.

    The production model is scored on the same rows. The other experiments of the sweep are scored after the decision,
    and their Tasks get the test metrics.

    Args:
        model: reference of the candidate.
        dataset: reference of the dataset whose test rows are used.
        metric: name of the metric that decides, like `test_roc_auc`.
        minimum: lowest allowed value of the metric. For rmse, mae and brier: the highest.
        margin: how much worse than the production model the candidate may be, on the same rows.
        embedded: whether the backend is the embedded one. On a server, no model of synthetic rows is promoted.
        rounds: bootstrap rounds for the 95 % intervals.
        seed: seed of the bootstrap.
        max_bytes: maximum size of the test rows and of a model file in bytes.
        sweep: reference of the sweep that the candidate won. Used for the report's leaderboard, the profit threshold
            and the test metrics of its experiments.
        schema: schema of the columns as JSON. Its `segments` name the groups of rows that are evaluated separately.
        calibration_maximum: maximum expected calibration error, in addition to the error due to chance.
        segment_minimum: a segment fails if its ROC-AUC is significantly below this.
        segment_drop: a segment fails if its ROC-AUC is significantly lower than that of all rows by more than this.
        segment_rows: minimum number of rows of a segment that is judged.
        customer_value: value of a customer who stays.
        offer_cost: cost of an offer to a customer.
        offer_success: share of the customers about to leave who stay after an offer.

    Returns:
        `{metrics, intervals, threshold, production, production_intervals, comparison, calibration, segments, lift,
        profit, profit_threshold, gate, promoted, reason}` as JSON. production has the metrics of the production model,
        or null. gate is a list of `{rule, passed, why}`.

    Raises:
        ValueError: the model or the dataset differs from its reference, or the metric or a segment is unknown.
    """
    from clearml import Task

    from clearml_flows.tabular.artifacts import dump_ref, load_ref
    from clearml_flows.tabular.failure import tell_failure
    from clearml_flows.tabular.judging.candidate import evaluate_candidate
    from clearml_flows.tabular.judging.gate import GateLimits
    from clearml_flows.tabular.judging.profit import Prices

    task = Task.current_task()
    limits = GateLimits(metric, minimum, margin, calibration_maximum, segment_minimum, segment_drop)
    prices = Prices(customer_value, offer_cost, offer_success)
    try:
        references = load_ref(model), load_ref(dataset), load_ref(sweep or "{}")
        segments = load_ref(schema or "{}").get("segments", [])
        evaluation = evaluate_candidate(
            *(task, *references, segments, segment_rows, limits, prices, embedded, rounds, seed, max_bytes)
        )
    except Exception as error:
        tell_failure(task, str(error))
        raise
    return dump_ref(evaluation)
