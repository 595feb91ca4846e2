"""The step that keeps train and test rows as a version of a ClearML Dataset."""

from clearml import PipelineDecorator

from clearml_flows.tabular.artifacts import dump_ref, fetch_artifact, load_ref, read_parquet
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
from clearml_flows.tabular.helpers import with_helpers


@PipelineDecorator.component(
    return_values=["dataset", "reused"],
    cache=True,
    auto_connect_frameworks=False,
    auto_connect_arg_parser=False,
    task_type="data_processing",
    packages=["clearml>=2.1.12,<2.2", "numpy>=2,<3", "pandas>=2.3,<4", "pyarrow>=18"],
    helper_functions=with_helpers(
        dump_ref,
        fetch_artifact,
        load_ref,
        read_parquet,
        dataset_columns,
        read_manifest,
        latest_version,
        make_manifest,
        sound_version,
        store_split,
        tell_changes,
        report_drift,
        tell_tags,
    ),
)
def version_dataset(
    split: str,
    project: str,
    name: str,
    max_bytes: int = 1_000_000_000,
    drift_warn: float = 0.1,
    drift_refuse: float = 2.0,
) -> tuple[str, bool]:
    """Keeps the rows as a version of the Dataset `name` of the project, addressed by their content.

    A version that holds the same already is used again. Otherwise a new one is stored as a child of the latest, and
    what changed is told. Of runs that store the same content at once, all return the version that was finished first,
    the others delete theirs; one that dies between finishing and looking leaves a second, which look-ups pass over.

    Args:
        split: the reference that `features` returns.
        project: the ClearML project.
        name: of the Dataset.
        max_bytes: how large each part may be, unpacked.
        drift_warn: from which drift on (see `clearml_flows/tabular/datasets/drift.py`) against the latest version a
            column is warned of;
            0: never.
        drift_refuse: from which drift on no version is made; 0: never.

    Returns:
        `{id, name, version, sha256, rows, train_rows, train_sha256, test_rows, test_sha256, test_size, split_seed,
        target, problem_type, key, numeric, categorical, raw_sha256, synthetic}` as JSON, and whether an existing
        version was used. The sha256 are of contents, not of files; see
        `clearml_flows/tabular/datasets/dataset_files.py`.

    Raises:
        ValueError: bad data: a column has drifted too far. No version is left.
    """
    import tempfile
    from pathlib import Path

    import pandas as pd
    from clearml import Dataset, Task

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
