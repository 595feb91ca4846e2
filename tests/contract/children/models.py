"""Models: made by a task, registered by hand, found by all that tells them apart, published, archived, removed."""

from pathlib import Path
from typing import Any

from clearml import InputModel, Model, OutputModel, StorageManager, Task
from clearml.backend_api.session.client import APIClient

from tests.contract.child import Document, tell


def run(project: str) -> Document:
    task = Task.init(
        project, "makes models", auto_resource_monitoring=False, auto_connect_frameworks=False, output_uri=True
    )
    best = trained(task, "best", ["candidate", "v1"], {"test_f1_score": "0.63", "rows": "100"})
    other = trained(task, "other (1)", ["v1"], {"test_f1_score": "0.58"})
    packaged = package(task)
    used = InputModel(model_id=best.id)
    task.connect(used, name="base")
    task.flush(wait_for_uploads=True)
    told: Document = {"read": read(best.id, task.id), "of_task": of_task(task.id), "package": packaged}
    task.close()
    told |= {"found": found(project, best.id), "again": again(best.id), "metrics": metrics(best.id)}
    told |= {"published": published(project, other), "archived": archived(project), "removed": removed(project)}
    return told | {"imported": imported(project)}


def trained(task: Task, name: str, tags: list[str], metadata: dict[str, str]) -> OutputModel:
    weights = Path(f"{name}.skops")
    weights.write_bytes(name.encode() * 1000)
    model = OutputModel(
        task,
        name=name,
        tags=tags,
        framework="ScikitLearn",
        comment="by hand",
        config_text="depth = 3",
        label_enumeration={"no": 0},
    )
    model.update_weights(str(weights), auto_delete_file=False, async_enable=False, iteration=4)
    for key, value in metadata.items():
        model.set_metadata(key, value, "float")
    return model


def package(task: Task) -> dict[str, Any]:
    files = []
    for name in ("weights.bin", "vocabulary.txt"):
        Path(name).write_text(name, encoding="utf-8")
        files.append(name)
    model = OutputModel(task, name="a package")
    model.update_weights_package(weights_filenames=files, auto_delete_file=False, async_enable=False)
    # Else this process hands out the file that it has uploaded.
    got = Model(model.id).get_weights_package(return_path=False, force_download=True)
    return {"files": sorted(Path(path).name for path in got)}


def read(model_id: str, task_id: str) -> dict[str, Any]:
    model = Model(model_id)
    data = model._get_model_data()
    return {
        "fields": [model.name, model.comment, sorted(model.tags), model.framework, model.published],
        "task": model.task == task_id == model.original_task,
        "config": [model.config_text, model.labels],
        "metadata": model.get_all_metadata(),
        "cast": model.get_metadata_casted("test_f1_score"),
        "weights": Path(model.get_local_copy()).read_bytes() == b"best" * 1000,
        "url": [model.url.startswith("http"), Path(model.url).name],
        "created": data.created.tzinfo is not None and data.last_update >= data.created,
    }


def of_task(task_id: str) -> dict[str, list[str]]:
    models = Task.get_task(task_id=task_id).get_models()
    return {kind: sorted(model.name for model in found) for kind, found in models.items()}


def found(project: str, best: str) -> dict[str, list[str]]:
    def names(**filters: Any) -> list[str]:
        return [model.name for model in Model.query_models(project_name=project, **filters)]

    client = APIClient()
    everything = [model.id for model in Model.query_models(project_name=project)]

    def asked(**query: Any) -> list[dict[str, Any]]:
        answer = client.session.send_request("models", "get_all", json={"id": everything, **query})
        return list(answer.json()["data"]["models"])

    having = {"metadata.test_f1_score.key": ["test_f1_score"], "only_fields": ["id", "name", "metadata.rows"]}
    return {
        "having metadata": [one["name"] for one in asked(**having, order_by=["-metadata.test_f1_score.value"])],
        "the other way": [one["name"] for one in asked(**having, order_by=["metadata.test_f1_score.value"])],
        "lacking metadata": [one["name"] for one in asked(**{"metadata.test_f1_score.key": ["-test_f1_score"]})],
        "some metadata": [key for one in asked(**having) for key in one.get("metadata") or {}],
        "by file": [one["name"] for one in asked(uri=[Model(best).url])],
        "all": names(),
        "name": names(model_name="other (1)"),
        "tag": names(tags=["candidate"]),
        "without tag": sorted(names(tags=["-candidate"])),
        "all tags": names(tags=["__$all", "v1", "__$not", "candidate"]),
        "metadata": names(metadata={"test_f1_score": "0.63"}),
        "two metadata": names(metadata={"test_f1_score": "0.63", "rows": "99"}),
        "at most one": names(max_results=1),
        "published": names(only_published=True),
        "framework": sorted(model.name for model in client.models.get_all(framework=["ScikitLearn"], id=everything)),
        "ordered": [model.name for model in client.models.get_all(id=everything, order_by=["-name"])],
        "page": [model.name for model in client.models.get_all(id=everything, order_by=["name"], page=1, page_size=2)],
        "any": [
            model.name
            for model in client.models.get_all(id=everything, _any_={"fields": ["name", "tags"], "pattern": "candi"})
        ],
        "by id": [model.name for model in client.models.get_all(id=[best], only_fields=["name"])],
    }


def again(model_id: str) -> dict[str, Any]:
    """What may be changed on a model that has been registered."""
    model = Model(model_id)
    model.tags = ["production"]
    model.comment = "promoted"
    model.set_all_metadata({"only": {"type": "str", "value": "this"}}, replace=True)
    other = Model(model_id)
    return {"tags": other.tags, "comment": other.comment, "metadata": other.get_all_metadata()}


def metrics(model_id: str) -> dict[str, Any]:
    model = Model(model_id)
    for iteration in range(3):
        model.report_scalar("loss", "train", value=float(iteration), iteration=iteration)
    model.report_single_value("score", 0.5)
    model._reporter.flush()
    model._reporter.wait_for_events()
    client = APIClient()
    answer = client.events.scalar_metrics_iter_histogram(task=model_id, model_events=True)
    return dict(answer.metrics)


def published(project: str, model: OutputModel) -> list[Any]:
    before = Model(model.id).published
    Model(model.id).publish()
    names = [found.name for found in Model.query_models(project_name=project, only_published=True)]
    return [before, Model(model.id).published, names]


def archived(project: str) -> dict[str, list[str]]:
    model = Model.query_models(project_name=project, model_name="a package")[0]

    def names(**filters: Any) -> list[str]:
        return [found.name for found in Model.query_models(project_name=project, model_name="a package", **filters)]

    model.archive()
    told = {"archived": names(), "included": names(include_archived=True)}
    Model(model.id).unarchive()
    return {**told, "back": names()}


def removed(project: str) -> list[Any]:
    model = Model.query_models(project_name=project, model_name="a package")[0]
    url = model.url
    before = StorageManager.exists_file(url)
    removed = Model.remove(model, force=True, raise_on_errors=True)
    left = Model.query_models(project_name=project, model_name="a package", include_archived=True)
    return [before, removed, StorageManager.exists_file(url), len(left)]


def imported(project: str) -> list[Any]:
    model = InputModel.import_model(
        "https://example.org/weights.bin", name="from elsewhere", tags=["imported"], project=project
    )
    same = InputModel.import_model("https://example.org/weights.bin", name="from elsewhere", project=project)
    return [model.name, model.url, model.tags, same.id == model.id]


tell(run)
