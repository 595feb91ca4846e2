"""Step `features`: make features and split the rows into train and test."""

from clearml import PipelineDecorator


@PipelineDecorator.component(
    return_values=["split"],
    cache=True,
    auto_connect_frameworks=False,
    auto_connect_arg_parser=False,
    task_type="data_processing",
    packages=[
        "clearml>=2.1.12,<2.2",
        "numpy>=2,<3",
        "pandas>=2.3,<4",
        "pyarrow>=18",
        "scikit-learn>=1.7,<1.10",
    ],
)
def features(valid: str, schema: str, test_size: float = 0.2, seed: int = 42, max_bytes: int = 1_000_000_000) -> str:
    """Add features and split the rows into the artifacts `train` and `test`.

    Features are computed from each row alone. Scalers and encoders are parts of the models and are fitted on train rows
    only.

    Args:
        valid: the reference that `validate` returns.
        schema: schema of the columns as JSON; see `clearml_flows/tabular/data/table_schema.py`. Its `engineering` names
            an entry of `feature_makers` in `clearml_flows/tabular/data/engineering.py`, or is missing.
        test_size: share of the rows for the final evaluation.
        seed: seed of the split.
        max_bytes: maximum size of the valid rows in bytes, unpacked.

    Returns:
        `{task, train: {artifact, sha256, rows}, test: {…}, test_size, split_seed, target, problem_type, key, numeric,
        categorical, raw_sha256, synthetic}` as JSON. The files' columns are in this order: key (if any), numeric,
        categorical, target.
    """
    import tempfile

    from clearml import Task

    from clearml_flows.tabular.artifacts import dump_ref, fetch_artifact, load_ref, save_artifact
    from clearml_flows.tabular.data.model_columns import describe_features, prediction_rows
    from clearml_flows.tabular.data.split import split_rows
    from clearml_flows.tabular.data.table_schema import load_schema, problem_type_of
    from clearml_flows.tabular.failure import tell_tags
    from clearml_flows.tabular.parquet import read_parquet, write_parquet

    task = Task.current_task()
    source, expected = load_ref(valid), load_schema(schema)
    with tempfile.TemporaryDirectory() as folder:
        path = fetch_artifact(source, folder, max_bytes)
        rows = read_parquet(path, [column["name"] for column in expected["columns"]], max_bytes)
        columns = prediction_rows(rows, expected)
        parts = split_rows(columns.assign(**{expected["target"]: rows[expected["target"]]}), expected, test_size, seed)
        stored = {}
        for part, taken in zip(("train", "test"), parts, strict=True):
            write_parquet(taken, f"{folder}/{part}.parquet")
            sha256 = save_artifact(task, part, f"{folder}/{part}.parquet")["sha256"]
            stored[part] = {"artifact": part, "sha256": sha256, "rows": len(taken)}
    numeric, categorical, table = describe_features(rows, columns, expected)
    task.get_logger().report_table("features", "all", iteration=0, table_plot=table)
    if source["synthetic"]:
        tell_tags(task, ["synthetic"])
    print(table.to_string(index=False))
    print(f"{stored['train']['rows']} train and {stored['test']['rows']} test rows, {len(table)} features")
    problem = {"target": expected["target"], "problem_type": problem_type_of(expected), "key": expected["key"]}
    roles = {**problem, "numeric": numeric, "categorical": categorical}
    origin = {name: source[name] for name in ("raw_sha256", "synthetic")}
    drawn = {"test_size": test_size, "split_seed": seed}
    return dump_ref({"task": task.id, **stored, **drawn, **roles, **origin})
