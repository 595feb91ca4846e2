"""`flows datasets` and its Python functions, through the official SDK against the embedded backend."""

import json
import re
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.backend import running_backend
from tests.support.churn_models import raw_customers
from tests.support.command import Flows

IN_PYTHON = """
import json, os, sys
from pathlib import Path
from clearml_flows.datasets.api import create_dataset_version, list_datasets
rows = "id,text\\n" + "".join(f"{n},é{n}\\n" for n in range(5))
Path("words.csv").write_text(rows, "utf-8")
Path("spreadsheet.csv").write_bytes(b"\\xef\\xbb\\xbf" + rows.replace("\\n", "\\r\\n").encode())
first = create_dataset_version("words.csv", "0.1.0", metadata={"source": "made up"}, tags=["tiny"])
again = create_dataset_version("spreadsheet.csv", "9.9.9", name="words")
sys.stdout.flush()
os.write(1, b"\\n" + json.dumps([first, again, list_datasets("words", tag="tiny")]).encode())
"""
USES = """
import os, sys
from clearml import Dataset, OutputModel, Task
task = Task.create(project_name="clearml-flows/experiments", task_name="trained on it")
task.set_parameters({"General/dataset_id": sys.argv[1]})
model = OutputModel(task=task, name="made of it")
model.set_all_metadata({"dataset_id": {"type": "str", "value": sys.argv[1]}})
model.update_weights(register_uri="file:///nothing.skops", auto_delete_file=False)
copy = Dataset.get(dataset_id=sys.argv[1]).get_local_copy()
sys.stdout.flush()
os.write(1, ("\\n" + "\\n".join(sorted(os.listdir(copy)))).encode())
"""


@dataclass(frozen=True)
class Made:
    """Two versions of customers, and the folder of the files they were made of."""

    flows: Flows
    first: dict[str, Any]
    second: dict[str, Any]

    @property
    def folder(self) -> Path:
        return self.flows.folder


@pytest.fixture(scope="module")
def flows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flows]:
    folder = tmp_path_factory.mktemp("datasets")
    with running_backend(folder / "backend") as backend:
        (folder / "work").mkdir()
        yield Flows(backend, folder / "work")


@pytest.fixture(scope="module")
def made(flows: Flows) -> Made:
    customers = raw_customers(60, 3)
    customers.to_csv(flows.folder / "customers.csv", index=False)
    options = ["--key", "customerID", "--tag", "raw", "--metadata", "source=synthetic", "--json"]
    first = flows("datasets", "create", "customers.csv", "--version", "1.0.0", *options).document
    changed = customers.drop(columns="gender").iloc[1:].assign(Channel="shop")
    changed.loc[changed.index[:3], "tenure"] += 1
    changed.to_csv(flows.folder / "later.csv", index=False)
    later = ["datasets", "create", "later.csv", "--version", "1.1.0", "--name", "customers", "--key", "customerID"]
    return Made(flows, first, flows(*later, "--json").document)


def test_a_version_says_what_it_holds(made: Made) -> None:
    kept = {name: made.first[name] for name in ("name", "version", "rows", "columns", "files", "tags", "reused")}
    told = {"name": "customers", "version": "1.0.0", "rows": 60, "columns": 21, "files": 1, "tags": ["raw"]}
    assert kept == {**told, "reused": False}
    assert re.fullmatch("[0-9a-f]{64}", made.first["sha256"])
    assert made.first["bytes"] == (made.folder / "customers.csv").stat().st_size


def test_equal_content_makes_nothing_new_and_says_which_version_it_is(made: Made) -> None:
    again = made.flows("datasets", "create", "customers.csv", "--version", "3.0.0")
    again.said(f"the same content is customers 1.0.0 ({made.first['id']}) already; nothing was stored")
    listed = made.flows("datasets", "list", "--name", "customers", "--json").document
    assert [one["version"] for one in listed] == ["1.1.0", "1.0.0"]


def test_python_stores_rows_once_whatever_the_bytes_of_their_file(flows: Flows) -> None:
    done = flows.python("-c", IN_PYTHON)
    assert done.exit_code == 0, done
    first, again, listed = json.loads(done.stdout.splitlines()[-1])
    assert (first["version"], first["rows"], first["columns"], first["reused"]) == ("0.1.0", 5, 2, False)
    assert again == {**first, "reused": True}
    assert [one["id"] for one in listed] == [first["id"]]


def test_lineage_and_use_are_shown(made: Made) -> None:
    done = made.flows.python("-c", USES, made.first["id"])
    # The SDK's own download gets the very files that were given, and no others.
    assert done.stdout.splitlines()[-1] == "customers.csv", done
    shown = made.flows("datasets", "show", made.first["id"][:10], "--json").document
    assert [one["name"] for one in shown["used_by"]["experiments"]] == ["trained on it"]
    assert [one["name"] for one in shown["used_by"]["models"]] == ["made of it"]
    assert [one["id"] for one in shown["children"]] == [made.second["id"]]
    assert shown["metadata"] == {"source": "synthetic"}
    columns = shown["tables"]["customers.csv"]["columns"]
    assert {"name": "tenure", "type": "number"} in columns
    assert columns[0] == {"name": "customerID", "type": "text"}
    second = made.flows("datasets", "show", made.second["id"], "--json").document
    parent = {"id": made.first["id"], "name": "customers", "version": "1.0.0"}
    assert (second["parents"], second["children"]) == ([parent], [])
    assert second["changes"]["tables"][0]["rows"]["removed"] == 1
    made.flows("datasets", "show", made.first["id"]).said("made of it", "trained on it", made.first["sha256"])


def test_diff_tells_rows_by_key_columns_and_values(made: Made) -> None:
    both = made.first["id"], made.second["id"]
    found = made.flows("datasets", "diff", *both, "--json").document
    (table,) = found["tables"]
    assert table["key"] == "customerID"
    assert table["rows"] == {"before": 60, "after": 59, "added": 0, "removed": 1, "changed": 3}
    assert table["columns"] == {"added": ["Channel"], "removed": ["gender"]}
    summary = {one["column"]: one for one in table["summary"]}
    assert [name for name, one in summary.items() if one["changed"]] == ["tenure"]
    assert summary["tenure"]["changed"] == 3
    assert summary["tenure"]["after"]["mean"] != summary["tenure"]["before"]["mean"]
    text = made.flows("datasets", "diff", *both)
    text.said("customers 1.0.0 -> customers 1.1.0", "by customerID: 0 added, 1 removed, 3 changed", "columns added")


def test_fetched_files_are_the_bytes_that_were_given(made: Made) -> None:
    done = made.flows("datasets", "fetch", made.first["id"][:8], "fetched")
    done.said("customers 1.0.0: 1 file, ")
    assert (made.folder / "fetched" / "customers.csv").read_bytes() == (made.folder / "customers.csv").read_bytes()
    made.flows("datasets", "fetch", made.second["id"], "fetched").refused(2, "fetched is a folder that is not empty")
    made.flows("datasets", "fetch", made.first["id"], "/proc/there").refused(2, "/proc/there cannot be written")
    made.flows("datasets", "fetch", made.first["id"], "no/such").refused(2, "no is no folder")
    assert not list(made.folder.glob(".*.part"))


def test_a_folder_is_addressed_by_its_files_and_their_places(flows: Flows) -> None:
    pictures = flows.folder / "pictures"
    (pictures / "more").mkdir(parents=True)
    (pictures / "a.bin").write_bytes(b"\x00\x01")
    (pictures / "more" / "b.bin").write_bytes(b"\x02")
    (pictures / "labels.csv").write_text("file,label\na.bin,cat\n", "utf-8")
    first = flows("datasets", "create", "pictures", "--version", "1.0.0", "--json").document
    assert (first["files"], first["rows"], first["columns"]) == (3, 1, 2)
    (pictures / "labels.csv").write_text('"file","label"\r\n"a.bin","cat"\r\n', "utf-8")
    assert flows("datasets", "create", "pictures", "--version", "1.1.0", "--json").document["reused"]
    (pictures / "more" / "b.bin").rename(pictures / "c.bin")
    moved = flows("datasets", "create", "pictures", "--version", "1.1.0", "--json").document
    found = flows("datasets", "diff", first["id"], moved["id"], "--json").document["files"]
    assert (found["added"], found["removed"]) == (["c.bin"], ["more/b.bin"])
    flows("datasets", "fetch", moved["id"], "pictures again").said("3 files")
    tree = {path.name: path.read_bytes() for path in (flows.folder / "pictures again").iterdir()}
    assert {name: tree[name] for name in ("a.bin", "c.bin")} == {"a.bin": b"\x00\x01", "c.bin": b"\x02"}


def test_of_two_that_store_the_same_content_at_once_one_stays(flows: Flows) -> None:
    (flows.folder / "race.csv").write_text("x\n1\n2\n", "utf-8")
    started = [
        subprocess.Popen(
            [flows.command, "datasets", "create", "race.csv", "--version", version, "--json"],
            cwd=flows.folder,
            env=flows.environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        for version in ("1.0.0", "1.0.1")
    ]
    told = [json.loads(process.communicate(timeout=120)[0]) for process in started]
    assert sorted(one["reused"] for one in told) == [False, True]
    (kept,) = flows("datasets", "list", "--name", "race", "--json").document
    assert {one["id"] for one in told} == {kept["id"]}


REFUSED: list[tuple[list[str], list[str]]] = [
    (["create", "nowhere.csv", "--version", "1.0.0"], ["nowhere.csv is not there"]),
    (["create", "customers.csv", "--version", "1.0"], ["'1.0' is no semantic version", "1.0.0"]),
    (["create", "new.csv", "--version", "1.0.0", "--name", "customers"], ["version 1.0.0 of customers is"]),
    (["create", "customers.csv", "--version", "1.0.0", "--name", "a/b"], ["cannot be a dataset's name"]),
    (["create", "customers.csv", "--version", "4.0.0", "--key", "customerId"], ["did you mean 'customerID'"]),
    (["create", "customers.csv", "--version", "4.0.0", "--key", "gender"], ["does not identify rows"]),
    (["create", "customers.csv", "--version", "4.0.0", "--metadata", "x"], ["--metadata wants name=value"]),
    (["create", "empty.csv", "--version", "1.0.0"], ["empty.csv is empty"]),
    (["create", "nothing", "--version", "1.0.0"], ["nothing holds no files"]),
    (["create", "page.csv", "--version", "1.0.0"], ["page.csv", "is a web page"]),
    (["create", "table.parquet", "--version", "1.0.0"], ["table.parquet is no parquet file"]),
    (["create", "uneven.csv", "--version", "1.0.0"], ["uneven.csv", "too few fields"]),
    (["show", "zz"], ["there is no dataset with the id 'zz' in clearml-flows"]),
    (
        ["list", "--name", "custmers"],
        ["no dataset in clearml-flows is called 'custmers'", "did you mean 'customers'"],
    ),
]


def test_what_cannot_be_is_refused_in_one_sentence(made: Made) -> None:
    (made.folder / "new.csv").write_text("a,b\n1,2\n", "utf-8")
    (made.folder / "empty.csv").write_bytes(b"")
    (made.folder / "nothing").mkdir(exist_ok=True)
    (made.folder / "page.csv").write_text("<html><body>404</body></html>", "utf-8")
    (made.folder / "table.parquet").write_text("a,b\n1,2\n", "utf-8")
    (made.folder / "uneven.csv").write_text("a,b\n1,2\n3\n4,5\n", "utf-8")
    ended = made.flows.in_turn(*(["datasets", *arguments] for arguments, _ in REFUSED))
    for done, (_, words) in zip(ended, REFUSED, strict=True):
        done.refused(2, *words)


def test_one_version_is_not_compared_with_itself(made: Made) -> None:
    ids = made.first["id"], made.first["id"][:9]
    made.flows("datasets", "diff", *ids).refused(2, "are the same version: give two")
    made.flows("datasets", "diff", "", made.first["id"]).refused(2, "there is no dataset with the id ''")


def test_files_that_were_altered_or_are_gone_are_told_and_not_fetched(flows: Flows) -> None:
    (flows.folder / "prey.csv").write_text("a,b\n1,2\n", "utf-8")
    prey = flows("datasets", "create", "prey.csv", "--version", "1.0.0", "--json").document
    flows("datasets", "verify", prey["id"]).said("prey 1.0.0: 1 file verified, all as they were stored")
    (archive,) = (Path(flows.backend.status.data_dir) / "files").rglob(f"dataset.{prey['id']}.*.zip")
    with zipfile.ZipFile(archive, "w") as altered:
        altered.writestr("prey.csv", "a,b\n1,3\n")
    flows("datasets", "verify", prey["id"]).refused(1, "prey.csv", "changed or damaged after it was stored")
    flows("datasets", "fetch", prey["id"], "prey").refused(1, "prey.csv", "changed or damaged")
    # Content whose stored copy is damaged is stored again.
    again = flows("datasets", "create", "prey.csv", "--version", "1.0.1", "--json").document
    assert not again["reused"]
    archive.unlink()
    flows("datasets", "fetch", prey["id"], "prey").refused(1, "prey.csv", "was it deleted from the file server?")
    assert not (flows.folder / "prey").exists()
    assert not list(flows.folder.glob(".*.part"))
