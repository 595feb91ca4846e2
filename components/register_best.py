"""Step `register_best`: register the best model."""

from clearml import PipelineDecorator


@PipelineDecorator.component(
    return_values=["model"],
    cache=True,
    auto_connect_frameworks=False,
    auto_connect_arg_parser=False,
    task_type="custom",
    packages=[
        "clearml>=2.1.12,<2.2",
        "numpy>=2,<3",
        "pandas>=2.3,<4",
        "scikit-learn>=1.7,<1.10",
        "skops>=0.13,<0.17",
    ],
)
def register_best(
    sweep: str,
    dataset: str,
    name: str = "churn",
    project: str = "clearml-flows/models",
    max_bytes: int = 200_000_000,
    schema: str = "",
) -> str:
    """Register the best model of a sweep with the tag `candidate`.

    A model file is registered only once. The model's metadata has metrics, parameters, dataset, columns, schema,
    libraries, code and the reason why it won.

    Args:
        sweep: reference of the sweep.
        dataset: reference of the dataset that the sweep trained on.
        name: name of the model. Its versions are numbered.
        project: project of the model.
        max_bytes: maximum size of the model file in bytes. Unpacked, it may be twenty times larger.
        schema: schema of the raw columns as JSON. Stored with the model, so that the model can score raw rows.

    Returns:
        `{id, name, sha256, experiment, threshold, tags}` as JSON, with the tags at registration.

    Raises:
        ValueError: sweep and dataset do not belong together, or the model file differs from the sweep's file.
        RuntimeError: the file server did not store the file.
    """
    import tempfile

    from clearml import Task

    from clearml_flows.tabular.artifacts import dump_ref, fetch_artifact, load_ref
    from clearml_flows.tabular.failure import tell_failure
    from clearml_flows.tabular.library_versions import library_versions
    from clearml_flows.tabular.registry.entries import project_of, register_model, store_model_file
    from clearml_flows.tabular.registry.winner import code_commit, model_facts, winner_of
    from clearml_flows.tabular.reporting import make_client
    from clearml_flows.tabular.training.model_file import load_model

    task = Task.current_task()
    try:
        client = make_client()
        source = load_ref(dataset)
        result = load_ref(sweep)
        best = winner_of(result, source)
        project_id = project_of(client, project)
        tags = ["candidate", *(["synthetic"] if source["synthetic"] else [])]
        with tempfile.TemporaryDirectory() as folder:
            stored = {"task": best["task_id"], "artifact": "model", "sha256": best["model_sha256"]}
            path = fetch_artifact(stored, folder, max_bytes)
            load_model(path, 20 * max_bytes)
            url = store_model_file(client, path, project_id, best["model_sha256"])
        facts = {
            **model_facts(client, result, best, source),
            **({"schema": load_ref(schema)} if schema else {}),
            "libraries": library_versions(),
            "commit": code_commit(client, task.id),
        }
        model_id = register_model(client, name, project_id, url, facts, tags, best["task_id"])
        # Makes the model an output on the page of this step.
        client.tasks.add_or_update_model(task=task.id, name=name, type="output", model=model_id)
    except Exception as error:
        tell_failure(task, str(error))
        raise
    print(f"model {name} {model_id}: {facts['reason']}")
    return dump_ref(
        {
            "id": model_id,
            "name": name,
            "sha256": best["model_sha256"],
            "experiment": best["task_id"],
            "threshold": best["threshold"],
            "tags": tags,
        }
    )
