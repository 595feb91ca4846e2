"""Step `validate`: check the raw data."""

from clearml import PipelineDecorator


@PipelineDecorator.component(
    return_values=["valid"],
    cache=True,
    auto_connect_frameworks=False,
    auto_connect_arg_parser=False,
    task_type="data_processing",
    packages=[
        "clearml>=2.1.12,<2.2",
        "numpy>=2,<3",
        "pandas>=2.3,<4",
        "pandera[pandas]>=0.26,<1",
        "pyarrow>=18",
    ],
)
def validate(raw: str, schema: str, max_bytes: int = 200_000_000) -> str:
    """Check the raw CSV file and store its typed rows as `valid_rows` (parquet).

    It checks bytes, then shape, then content. One report has all problems, warnings and tolerated values: the artifacts
    `report` (JSON) and `report-csv`, and the table "validation" of this Task.

    Args:
        raw: the reference that `download` returns.
        schema: schema of the columns as JSON; see `clearml_flows/tabular/data/table_schema.py`.
        max_bytes: maximum size of the raw file in bytes.

    Returns:
        `{task, artifact, sha256, rows, raw_sha256, synthetic}` as JSON.

    Raises:
        ValueError: bad data: the first problems in one line.
    """
    import tempfile
    from pathlib import Path

    from clearml import Task

    from clearml_flows.tabular.artifacts import dump_ref, fetch_artifact, load_ref, save_artifact
    from clearml_flows.tabular.data.data_report import store_report
    from clearml_flows.tabular.data.problems import describe_problems, tell_problem
    from clearml_flows.tabular.data.rows import rows_from_csv
    from clearml_flows.tabular.data.table_schema import load_schema
    from clearml_flows.tabular.failure import tell_failure, tell_note, tell_tags
    from clearml_flows.tabular.parquet import write_parquet

    task = Task.current_task()
    source, expected = load_ref(raw), load_schema(schema)
    if source["synthetic"]:
        tell_tags(task, ["synthetic"])
    with tempfile.TemporaryDirectory() as folder:
        data = Path(fetch_artifact(source, folder, max_bytes)).read_bytes()
        rows, problems, notes = rows_from_csv(data, expected)
        store_report(task, folder, source["name"], len(rows), problems + notes)
        warnings = [tell_problem(item) for item in notes if item["level"] == "warning"]
        if warnings:
            tell_note(task, f"WARNING: {'; '.join(warnings)}"[:400])
        if problems:
            raise ValueError(tell_failure(task, describe_problems(source["name"], problems)))
        write_parquet(rows, f"{folder}/valid.parquet")
        stored = save_artifact(task, "valid_rows", f"{folder}/valid.parquet")
    stored.pop("bytes")
    return dump_ref({**stored, "rows": len(rows), "raw_sha256": source["sha256"], "synthetic": source["synthetic"]})
