"""Step `version_dataset`: store train and test rows as a version of a ClearML Dataset."""

from clearml import PipelineDecorator


@PipelineDecorator.component(
    return_values=["dataset", "reused"],
    cache=True,
    auto_connect_frameworks=False,
    auto_connect_arg_parser=False,
    task_type="data_processing",
    packages=["clearml>=2.1.12,<2.2", "numpy>=2,<3", "pandas>=2.3,<4", "pyarrow>=18"],
)
def version_dataset(
    split: str,
    project: str,
    name: str,
    max_bytes: int = 1_000_000_000,
    drift_warn: float = 0.1,
    drift_refuse: float = 2.0,
) -> tuple[str, bool]:
    """Store the rows as a version of a ClearML Dataset.

    A version with the same content is reused. Otherwise, a new version is stored as a child of the latest, with a
    description of the changes. If several runs store the same content at once, all return the version that was
    finished first, and the others delete theirs. A run that dies before this check leaves a second version, which later
    runs ignore.

    Args:
        split: the reference that `features` returns.
        project: the ClearML project.
        name: name of the Dataset.
        max_bytes: maximum size of each part in bytes, unpacked.
        drift_warn: warn if a column's drift from the latest version exceeds this. 0: never. See
            `clearml_flows/tabular/datasets/drift.py`.
        drift_refuse: fail if a column's drift exceeds this. 0: never.

    Returns:
        `{id, name, version, sha256, rows, train_rows, train_sha256, test_rows, test_sha256, test_size, split_seed,
        target, problem_type, key, numeric, categorical, raw_sha256, synthetic}` as JSON, and whether an existing
        version was reused. The sha256 are those of contents, not of files; see
        `clearml_flows/tabular/datasets/dataset_files.py`.

    Raises:
        ValueError: bad data: a column has drifted too far. No version is stored.
    """
    import tempfile
    from pathlib import Path

    import pandas as pd
    from clearml import Dataset, Task

    from clearml_flows.tabular.artifacts import dump_ref, fetch_artifact, load_ref
    from clearml_flows.tabular.datasets.dataset_files import dataset_columns, read_manifest
    from clearml_flows.tabular.datasets.dataset_version import (
        latest_version,
        make_manifest,
        sound_version,
        store_split,
        tell_changes,
    )
    from clearml_flows.tabular.datasets.drift_report import report_drift
    from clearml_flows.tabular.failure import tell_tags
    from clearml_flows.tabular.parquet import read_parquet

    task = Task.current_task()
    source = load_ref(split)
    parts = {}
    with tempfile.TemporaryDirectory() as folder:
        for part in ("train", "test"):
            path = fetch_artifact({**source[part], "task": source["task"]}, folder, max_bytes)
            parts[part] = read_parquet(path, dataset_columns(source), max_bytes)
            Path(path).rename(Path(folder, f"{part}.parquet"))
        manifest = make_manifest(source, parts)
        dataset_id = sound_version(project, name, manifest["sha256"], max_bytes)
        reused = bool(dataset_id)
        if not reused:
            Path(folder, "manifest.json").write_text(dump_ref(manifest), "utf-8")
            parent, earlier, before = latest_version(project, name, max_bytes)
            after = pd.concat(parts.values())
            report_drift(task, earlier, before, manifest, after, drift_warn, drift_refuse)
            changes = tell_changes(parent, before, after, manifest)
            stored = store_split(project, name, parent, folder, manifest, changes)
            dataset_id = sound_version(project, name, manifest["sha256"], max_bytes)
            if not dataset_id:
                raise RuntimeError(f"dataset {stored} was stored but is not found again: is the backend sound?")
            if dataset_id != stored:
                Dataset.delete(dataset_id=stored, force=True)
                reused = True
        kept = read_manifest(dataset_id, folder)
    version = Dataset.get(dataset_id=dataset_id, silence_alias_warnings=True).version
    if source["synthetic"]:
        tell_tags(task, ["synthetic"])
    print(f"dataset {name} {version} ({dataset_id}){': the same content was there already' if reused else ''}")
    return dump_ref({**manifest, **kept, "id": dataset_id, "name": name, "version": version}), reused
