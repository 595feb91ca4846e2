"""The step that lets only sound data pass."""

from clearml import PipelineDecorator

from components.artifacts import (
    dump_ref,
    fetch_artifact,
    fetch_file,
    file_sha256,
    load_ref,
    save_artifact,
    stream_file,
    write_parquet,
)
from components.content import check_target, check_values, finish_types, pandera_column, to_typed
from components.csv_text import check_header, decode_csv, describe_problems, problem, read_columns, wrong_lengths
from components.failure import tell_failure
from components.rows import prediction_schema, rows_from_csv
from components.schema import load_schema


@PipelineDecorator.component(
    return_values=["valid"],
    cache=True,
    task_type="data_processing",
    packages=[
        "clearml>=2.1.12,<2.2",
        "numpy>=2,<3",
        "pandas>=2.3,<4",
        "pandera[pandas]>=0.26,<1",
        "pyarrow>=18",
    ],
    helper_functions=[
        dump_ref,
        fetch_artifact,
        fetch_file,
        file_sha256,
        load_ref,
        save_artifact,
        stream_file,
        write_parquet,
        check_target,
        check_values,
        finish_types,
        pandera_column,
        to_typed,
        check_header,
        decode_csv,
        describe_problems,
        problem,
        read_columns,
        wrong_lengths,
        tell_failure,
        prediction_schema,
        rows_from_csv,
        load_schema,
    ],
)
def validate(raw: str, schema: str, max_bytes: int = 200_000_000) -> str:
    """Checks the raw CSV (bytes, then shape, then content) and stores it typed, as the parquet artifact `valid`.

    All problems go into one report: the artifact `report` and the table "validation" of this Task.

    Args:
        raw: the reference that `download` returns.
        schema: what the columns must be, as JSON; see `components/schema.py`.
        max_bytes: how large the raw file may be.

    Returns:
        `{task, artifact, sha256, rows, raw_sha256, synthetic}` as JSON.

    Raises:
        ValueError: bad data: the first problems in one line.
    """
    import json
    import tempfile
    from pathlib import Path

    import pandas as pd
    from clearml import Task

    task = Task.current_task()
    source, expected = load_ref(raw), load_schema(schema)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(fetch_artifact(source, folder, max_bytes)).read_bytes()
        typed, problems, notes = rows_from_csv(data, expected)
        report = {"file": source["name"], "rows": len(typed), "problems": problems, "notes": notes}
        Path(folder, "report.json").write_text(json.dumps(report, indent=1), "utf-8")
        save_artifact(task, "report", f"{folder}/report.json")
        table = [{"what": "tolerated", "rule": note} for note in notes]
        table += [{"what": "problem", **item, "rows": ", ".join(map(str, item["rows"]))} for item in problems]
        frame = pd.DataFrame(table or [{"what": "sound", "rule": f"{len(typed)} rows without a problem"}]).fillna("")
        print(f"{source['name']}: {len(typed)} rows, {len(problems)} problems")
        print(frame.to_string(index=False))
        task.get_logger().report_table("validation", source["name"], iteration=0, table_plot=frame)
        if source["synthetic"]:
            task.add_tags(["synthetic"])
        if problems:
            raise ValueError(tell_failure(task, describe_problems(source["name"], problems)))
        write_parquet(typed, f"{folder}/valid.parquet")
        stored = save_artifact(task, "valid", f"{folder}/valid.parquet")
    stored.pop("bytes")
    return dump_ref(
        {**stored, "rows": len(typed), "raw_sha256": source["sha256"], "synthetic": bool(source["synthetic"])}
    )
