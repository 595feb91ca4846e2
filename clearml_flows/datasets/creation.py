"""Check, copy and store files as a dataset version."""

import re
import shutil
from pathlib import Path
from typing import Any

from clearml_flows.datasets.content import Content
from clearml_flows.datasets.description import fetched_content, find_problems
from clearml_flows.datasets.diff import compare_content
from clearml_flows.datasets.versions import Catalog, sha256_of, version_of
from clearml_flows.errors import BadInput, FlowsError
from clearml_flows.spelling import did_you_mean

RESERVED = {"version", "sha256", "rows", "columns", "key", "parents"}
_NUMBER = r"(0|[1-9]\d*)"
_SEMANTIC = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_NAME = re.compile(r"[\w(][\w ().+-]{2,99}")


def copy_files(source: Path, folder: Path) -> Path:
    """Copy a file, or all files below a folder, into `folder` and return it.

    Raises BadInput for links, devices, unreadable files and empty content.
    """
    folder.mkdir()
    if source.is_file():
        pairs = [(source, folder / source.name)]
    else:
        found = [path for path in sorted(source.rglob("*")) if path.is_symlink() or not path.is_dir()]
        odd = [path for path in found if path.is_symlink() or not path.is_file()]
        if odd:
            raise BadInput(f"{odd[0]} is a link or a device: a dataset holds files; copy what it stands for")
        pairs = [(path, folder / path.relative_to(source)) for path in found]
    for path, target in pairs:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(path, target)
        except OSError as error:
            raise BadInput(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from error
    if not pairs:
        raise BadInput(f"{source} holds no files: there is nothing to make a version of")
    if not any(target.stat().st_size for _, target in pairs):
        raise BadInput(f"{source} is empty: there is nothing to make a version of")
    return folder


def check_words(source: Path, version: str, name: str, metadata: dict[str, str], tags: list[str]) -> None:
    if not source.exists():
        raise BadInput(f"{source} is not there; give the path of a file or a folder")
    if not (source.is_file() or source.is_dir()):
        raise BadInput(f"{source} is a device or a pipe; give the path of a file or a folder")
    if not _SEMANTIC.fullmatch(version):
        raise BadInput(f"{version!r} is no semantic version; give three numbers, such as 1.0.0 or 2.1.0-rc.1")
    if not _NAME.fullmatch(name):
        raise BadInput(f"{name!r} cannot be a dataset's name; give 3 letters or more, without a slash, with --name")
    odd = [one for one in metadata if one in RESERVED or not re.fullmatch(r"[\w-]+", one)]
    if odd:
        raise BadInput(f"{odd[0]!r} cannot be a name of metadata; it has other signs than letters, or is kept anyway")
    if any(not tag.strip() or tag.startswith("sha256:") for tag in tags):
        raise BadInput("a tag is empty, or begins with sha256:, which is kept anyway")


def check_key(content: Content, key: str) -> None:
    for name, table in content.tables.items():
        if key and key not in table.columns:
            raise BadInput(f"{name} has no column {key!r}{did_you_mean(key, map(str, table.columns))}")
        if key and table[key].duplicated().any():
            raise BadInput(f"column {key} of {name} does not identify rows: values of it repeat")


def check_number(catalog: Catalog, name: str, version: str) -> None:
    """Raise BadInput if the version number is already used for other content."""
    found = catalog.all_versions(name, **{"hyperparams.properties.version.value": [version]})
    if found:
        raise BadInput(f"version {version} of {name} is {found[0]['id']}, which holds other content: give another")


def sound_version(catalog: Catalog, name: str, sha256: str) -> dict[str, Any] | None:
    """Return the first version with this content whose stored files are undamaged, or None."""
    found = catalog.all_versions(name, tags=[f"sha256:{sha256}"])
    return next((task for task in found if not find_problems(catalog, task)), None)


def last_sound(catalog: Catalog, name: str) -> list[dict[str, Any]]:
    """Return the last finished version in a list, or an empty list if it is damaged.

    A child version keeps unchanged files in its parent's archives.
    """
    last = catalog.versions(name, top=1, order_by=["-completed"]) if name in catalog.names.values() else []
    return [task for task in last if not find_problems(catalog, task)]


def store_content(
    catalog: Catalog,
    name: str,
    version: str,
    parents: list[dict[str, Any]],
    folder: Path,
    content: Content,
    facts: dict[str, str],
    tags: list[str],
) -> tuple[dict[str, Any], bool]:
    """Store the folder as a version and read it back.

    If several processes store the same content or version number at once, the version that finished first stays. The
    others remove theirs.

    Returns:
        The version with the content, and whether this call made it.

    Raises:
        BadInput: another process took the version number.
        FlowsError: the stored files differ from the folder.
    """
    # Imported here: the import takes a second, and other commands do not need it.
    from clearml import Dataset

    from clearml_flows.tabular.datasets.dataset_version import store_version

    changes = _changes(fetched_content(catalog, parents[0]["id"]), content, facts["key"]) if parents else {}
    known = {"sha256": content.sha256, **_counts(content), **facts}
    metadata = {**content.manifest, **known, "tables": content.schema, "files": content.files, "changes": changes}
    ids, text = (
        [parent["id"] for parent in parents],
        f"{content.bytes} bytes in {len(content.files)} files; {content.rows} rows",
    )
    every = [f"sha256:{content.sha256}", *tags]
    stored = store_version(catalog.project, name, version, ids, str(folder), every, known, metadata, text)
    # A new name has a new project, which the cached names lack.
    catalog = Catalog(catalog.backend, catalog.project)
    problems = find_problems(catalog, catalog.by_id(stored))
    if problems:
        Dataset.delete(dataset_id=stored, force=True)
        raise FlowsError(f"{name} {version} could not be stored: {problems[0]}")
    return _first(catalog, name, version, content.sha256, stored)


def _changes(before: Content, after: Content, key: str) -> dict[str, Any]:
    known = all(key in table.columns and not table[key].duplicated().any() for table in before.tables.values())
    return compare_content(before, after, key if known else "")


def _counts(content: Content) -> dict[str, int]:
    names = {column["name"] for table in content.schema.values() for column in table["columns"]}
    return {"rows": content.rows, "columns": len(names)} if names else {}


def _first(catalog: Catalog, name: str, version: str, sha256: str, stored: str) -> tuple[dict[str, Any], bool]:
    from clearml import Dataset

    for task in catalog.all_versions(name):
        if task["id"] == stored:
            return task, True
        if sha256_of(task) == sha256 and not find_problems(catalog, task):
            Dataset.delete(dataset_id=stored, force=True)
            return task, False
        if version_of(task) == version:
            Dataset.delete(dataset_id=stored, force=True)
            raise BadInput(f"version {version} of {name} became {task['id']} meanwhile: give another")
    raise FlowsError(f"{name} {version} was stored as {stored} but is not found again: is the backend sound?")
