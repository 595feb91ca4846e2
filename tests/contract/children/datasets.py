"""Dataset versions: made, changed in a child, squashed, listed, fetched, described, deleted."""

from pathlib import Path
from typing import Any

import pandas as pd
from clearml import Dataset, StorageManager

from tests.contract.child import Document, tell

NAME = "customers (sample)"


def run(project: str) -> Document:
    first = create(project)
    second = child(project, first)
    third = grandchild(project, second)
    versions = [first, second, third]
    told: Document = {
        "versions": [version(dataset.id) for dataset in versions],
        "graph": [len(third.get_dependency_graph()), third.get_dependency_graph()[third.id] == [second.id]],
        "changes": changes(second),
        "copies": {dataset.version: tree(Path(Dataset.get(dataset.id).get_local_copy())) for dataset in versions},
        "mutable": mutable(third.id),
        "unchanged": tree(Path(Dataset.get(third.id).get_local_copy())),
        "got": got(project, versions),
        "squashed": squashed(project, versions),
        "listed": listed(project),
        "published": published(second),
        "open": still_open(project),
    }
    return told | {"moved": moved(project), "deleted": deleted(project, third)}


def create(project: str) -> Dataset:
    folder = Path("first")
    (folder / "sub folder").mkdir(parents=True)
    (folder / "train.csv").write_text("id,label\n1,0\n2,1\n", encoding="utf-8")
    (folder / "test.csv").write_text("id,label\n3,0\n", encoding="utf-8")
    (folder / "sub folder" / "schema.json").write_text('{"rows": 3}', encoding="utf-8")
    dataset = Dataset.create(
        dataset_name=NAME,
        dataset_project=project,
        dataset_version="1.0.0",
        dataset_tags=["raw"],
        description="All of it",
    )
    dataset.add_files(folder)
    dataset.set_metadata({"rows": 3, "sha256": "ab" * 32}, metadata_name="facts")
    dataset.set_metadata(pd.DataFrame({"column": ["id", "label"], "type": ["int", "int"]}), metadata_name="schema")
    return finish(dataset)


def child(project: str, parent: Dataset) -> Dataset:
    """A version with one file added, one changed and one removed; its number is ClearML's choice."""
    folder = Path("second")
    folder.mkdir()
    (folder / "extra.csv").write_text("id,label\n4,1\n", encoding="utf-8")
    (folder / "test.csv").write_text("id,label\n3,1\n", encoding="utf-8")
    dataset = Dataset.create(dataset_name=NAME, dataset_project=project, parent_datasets=[parent.id])
    dataset.add_files(folder)
    dataset.remove_files("sub folder/*")
    dataset.add_tags(["raw", "checked"])
    return finish(dataset)


def grandchild(project: str, parent: Dataset) -> Dataset:
    """A version with files in a folder of the dataset, made by comparing it with a folder."""
    folder = Path("third")
    (folder / "more").mkdir(parents=True)
    (folder / "train.csv").write_text("id,label\n1,0\n2,1\n", encoding="utf-8")
    (folder / "more" / "rows.csv").write_text("id,label\n5,0\n", encoding="utf-8")
    dataset = Dataset.create(
        dataset_name=NAME, dataset_project=project, dataset_version="3.1", parent_datasets=[parent]
    )
    dataset.sync_folder(folder)
    return finish(dataset)


def finish(dataset: Dataset) -> Dataset:
    dataset.upload(show_progress=False)
    dataset.finalize()
    return Dataset.get(dataset_id=dataset.id)


def version(dataset_id: str) -> dict[str, Any]:
    dataset = Dataset.get(dataset_id=dataset_id)
    return {
        "fields": [dataset.name, dataset.version, dataset.is_final(), sorted(dataset.tags)],
        "files": sorted(dataset.list_files()),
        "sizes": {path: entry.size for path, entry in dataset.file_entries_dict.items()},
        "hashes": all(len(entry.hash) == 64 for entry in dataset.file_entries),
        "status": dataset._task.get_status(),
        "facts": dataset.get_metadata("facts") if dataset.version == "1.0.0" else None,
        "schema": dataset.get_metadata("schema").to_dict("list") if dataset.version == "1.0.0" else None,
        "description": dataset._task.comment,
    }


def changes(dataset: Dataset) -> dict[str, list[str]]:
    return {
        "added": dataset.list_added_files(),
        "modified": dataset.list_modified_files(),
        "removed": dataset.list_removed_files(),
        "wrong": dataset.verify_dataset_hash(local_copy_path=dataset.get_local_copy()),
    }


def mutable(dataset_id: str) -> dict[str, str]:
    target = Path("mutable")
    folder = Path(Dataset.get(dataset_id).get_mutable_local_copy(str(target)))
    (folder / "train.csv").write_text("changed", encoding="utf-8")
    assert folder.resolve() == target.resolve()
    return tree(folder)


def tree(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in files}


def got(project: str, versions: list[Dataset]) -> dict[str, Any]:
    """Which version is found by name, number, tag and more."""
    number = {dataset.id: index for index, dataset in enumerate(versions)}

    def get(**wanted: Any) -> int | None:
        return number.get(Dataset.get(dataset_name=NAME, dataset_project=project, **wanted).id)

    latest = get()
    alias = Dataset.get(dataset_name=NAME, dataset_project=project, dataset_version="1.0.0", alias="the first")
    copy = Dataset.get(dataset_id=versions[0].id, writable_copy=True)
    return {
        "latest": latest,
        "version": get(dataset_version="1.0.0"),
        "tag": get(dataset_tags=["checked"]),
        "completed": get(only_completed=True),
        "alias": number[alias.id],
        "writable copy": {
            "same": copy.id in number,
            "final": copy.is_final(),
            "files": sorted(copy.list_files()) == sorted(versions[0].list_files()),
        },
        "created if missing": Dataset.get(
            dataset_name="made now", dataset_project=project, auto_create=True
        ).is_final(),
        "chunks": versions[2].get_num_chunks(),
    }


def squashed(project: str, versions: list[Dataset]) -> dict[str, Any]:
    dataset = Dataset.squash(dataset_name="squashed", dataset_ids=[versions[2].id])
    again = Dataset.get(dataset_name="squashed", dataset_project=project)
    two = Dataset.squash(dataset_name="two squashed", dataset_ids=[found.id for found in versions[1:]])
    return {
        "same": again.id == dataset.id,
        "parents": [len(again.get_dependency_graph()[again.id]), len(two.get_dependency_graph()[two.id])],
        "copy": tree(Path(again.get_local_copy())),
        "final": again.is_final(),
    }


def listed(project: str) -> dict[str, Any]:
    def names(**filters: Any) -> list[str]:
        found = Dataset.list_datasets(dataset_project=project, **filters)
        return sorted(f"{one['name']} {one['version']}" for one in found)

    return {
        "all": names(only_completed=False),
        "completed": names(),
        "name": names(partial_name="squashed"),
        "tags": names(tags=["checked"]),
        "both tags": names(tags=["__$all", "raw", "checked"]),
        "projects": all(one["project"] == project for one in Dataset.list_datasets(dataset_project=project)),
        "not below": names(recursive_project_search=False, partial_name="^squashed$"),
    }


def published(dataset: Dataset) -> list[Any]:
    dataset.publish()
    again = Dataset.get(dataset_id=dataset.id)
    only = Dataset.get(dataset_name=NAME, dataset_project=again.project, only_published=True)
    return [again._task.get_status(), only.id == dataset.id]


def still_open(project: str) -> dict[str, Any]:
    """A version that has been uploaded in two parts and is not closed yet, seen by another client."""
    dataset = Dataset.create(dataset_name="still open", dataset_project=project)
    for number in range(2):
        path = Path(f"part {number}.txt")
        path.write_text(f"part {number}", encoding="utf-8")
        dataset.add_files(path)
        dataset.upload(show_progress=False)
    other = Dataset.get(dataset_id=dataset.id)
    told = {"final": other.is_final(), "files": sorted(other.list_files()), "status": other._task.get_status()}
    dataset.finalize()
    return told


def moved(project: str) -> list[str]:
    Dataset.move_to_project(f"{project}/elsewhere", dataset_project=project, dataset_name="squashed")
    dataset = Dataset.get(dataset_name="squashed", dataset_project=f"{project}/elsewhere")
    return [dataset.project, *sorted(dataset.list_files())]


def deleted(project: str, dataset: Dataset) -> dict[str, Any]:
    links = [artifact.url for artifact in dataset._task.artifacts.values()]
    before = all(StorageManager.exists_file(link) for link in links)
    Dataset.delete(dataset_id=dataset.id, force=True)
    Dataset.delete(dataset_name="still open", dataset_project=project, entire_dataset=True, force=True)
    left = Dataset.list_datasets(dataset_project=project, partial_name="customers|open")
    return {
        "files": [len(links) > 0, before, any(StorageManager.exists_file(link) for link in links)],
        "left": sorted(f"{one['name']} {one['version']}" for one in left),
    }


tell(run)
