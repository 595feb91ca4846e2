"""The step that makes features and parts train from test rows."""

from clearml import PipelineDecorator

from components.artifacts import (
    dump_ref,
    fetch_artifact,
    fetch_file,
    file_sha256,
    load_ref,
    read_parquet,
    save_artifact,
    stream_file,
    write_parquet,
)
from components.engineering import engineered_features, telco_features
from components.rows import prediction_rows
from components.schema import check_plausible, load_schema
from components.split import feature_roles, fill_blanks, split_rows


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
    helper_functions=[
        dump_ref,
        fetch_artifact,
        fetch_file,
        file_sha256,
        load_ref,
        read_parquet,
        save_artifact,
        stream_file,
        write_parquet,
        engineered_features,
        telco_features,
        prediction_rows,
        check_plausible,
        load_schema,
        feature_roles,
        fill_blanks,
        split_rows,
    ],
)
def features(valid: str, schema: str, test_size: float = 0.2, seed: int = 42, max_bytes: int = 1_000_000_000) -> str:
    """Adds features to the valid rows and parts them, once, into the artifacts `train` and `test`.

    Features are made row by row; whatever is fitted (scalers, encoders) belongs to the models and sees train rows only.

    Args:
        valid: the reference that `validate` returns.
        schema: what the columns are, as JSON; see `components/schema.py`. Its `engineering` names the features to add:
            `telco` or nothing.
        test_size: the share of rows kept for the final evaluation.
        seed: of the split.
        max_bytes: how large the valid rows may be, unpacked.

    Returns:
        `{task, train: {artifact, sha256, rows}, test: {…}, target, key, numeric, categorical, raw_sha256, synthetic}`
        as JSON. The files' columns are key (if any), numeric, categorical, target, in this order.
    """
    import tempfile

    import pandas as pd
    from clearml import Task

    task = Task.current_task()
    source, expected = load_ref(valid), load_schema(schema)
    with tempfile.TemporaryDirectory() as folder:
        path = fetch_artifact(source, folder, max_bytes)
        frame = fill_blanks(read_parquet(path, [c["name"] for c in expected["columns"]], max_bytes), expected)
        made = engineered_features(frame, expected)
        for name, (why, _) in made.items():
            print(f"{name}: {why}")
        columns = prediction_rows(frame, expected)
        numeric, categorical = feature_roles(columns, expected)
        frame = columns.assign(**{expected["target"]: frame[expected["target"]]})
        split = {
            "task": task.id,
            "target": expected["target"],
            "key": expected["key"],
            "numeric": numeric,
            "categorical": categorical,
            "raw_sha256": source["raw_sha256"],
            "synthetic": source["synthetic"],
        }
        for part, rows in zip(("train", "test"), split_rows(frame, expected, test_size, seed), strict=True):
            write_parquet(rows, f"{folder}/{part}.parquet")
            stored = save_artifact(task, part, f"{folder}/{part}.parquet")
            split[part] = {"artifact": part, "sha256": stored["sha256"], "rows": len(rows)}
    table = pd.DataFrame([(name, why) for name, (why, _) in made.items()], columns=["feature", "why"])
    if made:
        task.get_logger().report_table("features", "added", iteration=0, table_plot=table)
    if source["synthetic"]:
        task.add_tags(["synthetic"])
    count = len(numeric) + len(categorical)
    print(f"{split['train']['rows']} train and {split['test']['rows']} test rows, {count} features")
    return dump_ref(split)
