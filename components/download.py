"""Step `download`: get the raw data."""

from clearml import PipelineDecorator


@PipelineDecorator.component(
    return_values=["raw"],
    cache=False,
    auto_connect_frameworks=False,
    auto_connect_arg_parser=False,
    task_type="data_processing",
    packages=["clearml>=2.1.12,<2.2", "kaggle>=2.2,<3", "numpy>=2,<3", "pandas>=2.3,<4", "requests>=2.32"],
)
def download(
    source: str = "auto",
    file: str = "",
    kaggle_dataset: str = "blastchar/telco-customer-churn",
    kaggle_file: str = "WA_Fn-UseC_-Telco-Customer-Churn.csv",
    sha256: str = "",
    rows: int = 3500,
    seed: int = 42,
    max_bytes: int = 200_000_000,
    timeout: float = 15.0,
    allow_synthetic: bool = False,
    synthetic: str = "telco",
) -> str:
    """Get the raw CSV file and store it as the artifact `raw_csv`.

    Args:
        source: `kaggle`, `synthetic`, the path of a file, or `auto`. With `auto`: `file` if it exists, else Kaggle,
            else synthetic rows if they are allowed.
        file: the path that `auto` tries first.
        kaggle_dataset: `owner/name` or `owner/name/version` on Kaggle.
        kaggle_file: name of the file in the Kaggle dataset.
        sha256: expected sha256 of the file, unless its rows are synthetic. Empty: any.
        rows: number of synthetic rows to make.
        seed: seed of the synthetic rows.
        max_bytes: maximum size of the file in bytes, packed and unpacked.
        timeout: seconds that Kaggle may take in total.
        allow_synthetic: whether `auto` may use synthetic rows.
        synthetic: kind of the synthetic rows: `telco`, `wine`, or empty if the flow has none.

    Returns:
        `{task, artifact, sha256, bytes, source, synthetic, name}` as JSON. source is `file`, `kaggle` or `synthetic`.
        task is an earlier Task if it stored the same bytes.

    Raises:
        ValueError: bad data: the file is missing or not the expected one.
        RuntimeError: Kaggle did not send the file, or there is no other source.
    """
    import tempfile
    from pathlib import Path

    from clearml import Task

    from clearml_flows.tabular.artifacts import dump_ref, earlier_reference, file_sha256, save_artifact
    from clearml_flows.tabular.data.kaggle_source import fetch_kaggle, without_kaggle
    from clearml_flows.tabular.data.raw_file import check_sha256, copy_raw, local_path, unpack_csv
    from clearml_flows.tabular.data.synthetic import write_synthetic
    from clearml_flows.tabular.failure import tell_failure, tell_note, tell_tags

    task = Task.current_task()
    try:
        with tempfile.TemporaryDirectory() as folder:
            path, origin = "", "synthetic"
            local = local_path(source, file)
            if local:
                path, origin = copy_raw(local, folder, max_bytes), "file"
            elif source != "synthetic":
                try:
                    # With auto, the whole step must be within the timeout, not only the requests to Kaggle.
                    limit_s = timeout * 0.8 if source == "auto" else timeout
                    packed = fetch_kaggle(kaggle_dataset, kaggle_file, folder, max_bytes, limit_s)
                    path, origin = unpack_csv(packed, kaggle_file, folder, max_bytes), "kaggle"
                except RuntimeError as error:
                    tell_note(task, without_kaggle(source, file, str(error), allow_synthetic and bool(synthetic)))
            path = path or write_synthetic(folder, synthetic, rows, seed)
            found = file_sha256(path)
            if origin != "synthetic":
                check_sha256(path, found, sha256)
            earlier = earlier_reference(task, "raw", found, max_bytes)
            if earlier and earlier["synthetic"] >= (origin == "synthetic"):
                print(f"the same bytes as task {earlier['task']} got before: going on with those")
                raw = earlier
            else:
                stored = save_artifact(task, "raw_csv", path)
                raw = {**stored, "source": origin, "synthetic": origin == "synthetic", "name": Path(path).name}
    except (ValueError, RuntimeError) as error:
        tell_failure(task, str(error))
        raise
    tags = [f"sha256:{found}"] if raw["task"] == task.id else []
    tell_tags(task, [*tags, *(["synthetic"] if raw["synthetic"] else [])])
    print(f"raw data: {raw['name']}, {raw['bytes']} bytes from {raw['source']}, sha256 {raw['sha256']}")
    return dump_ref(raw)
