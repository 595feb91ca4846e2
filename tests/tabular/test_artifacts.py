"""References, and the checks between a stored file and its use."""

import hashlib
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from clearml import StorageManager, Task
from hypothesis import given
from hypothesis import strategies as st

from clearml_flows.tabular.artifacts import dump_ref, fetch_artifact, fetch_file, file_sha256, load_ref, save_artifact
from clearml_flows.tabular.parquet import read_parquet, write_parquet

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=6), plain, max_size=4))
def test_dump_ref_round_trip_independent_of_key_order(reference: dict[str, Any]) -> None:
    text = dump_ref(reference)
    assert load_ref(text) == reference
    assert dump_ref(dict(reversed(reference.items()))) == text


def test_dump_ref_refuses_nan() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump_ref({"rows": math.nan})


@pytest.mark.parametrize("text", [None, "", "null", "[]", "3", "{"])
def test_load_ref_refuses(text: Any) -> None:
    with pytest.raises(ValueError, match="JSON object"):
        load_ref(text)


def test_parquet_round_trip_and_its_checks(tmp_path: Path) -> None:
    path = str(tmp_path / "a.parquet")
    frame = pd.DataFrame({"name": ["ä", "b"], "charge": [1.5, 2.0], "tenure": [1, 0]}, index=[7, 9])
    write_parquet(frame, path)
    columns = ["name", "charge", "tenure"]
    pd.testing.assert_frame_equal(read_parquet(path, columns, 10_000), frame.reset_index(drop=True))
    with pytest.raises(ValueError, match="columns"):
        read_parquet(path, ["name", "charge"], 10_000)
    with pytest.raises(ValueError, match="more than the 10 allowed"):
        read_parquet(path, columns, 10)
    whole = Path(path).read_bytes()
    Path(path).write_bytes(whole[:-20])
    with pytest.raises(ValueError, match="damaged parquet"):
        read_parquet(path, columns, 10_000)
    Path(path).write_bytes(b"<html>" + whole)
    with pytest.raises(ValueError, match="no parquet file"):
        read_parquet(path, columns, 10_000)


class Record:
    """What the SDK tells about a stored artifact."""

    def __init__(self, url: str, sha256: str) -> None:
        self.url, self.hash = url, sha256


class FlakyTask:
    """A Task whose first uploads end in an error, as when the file server restarts."""

    id = "t1"

    def __init__(self, folder: Path, failures: int, cut: int = 0) -> None:
        self.folder, self.failures, self.cut = folder, failures, cut
        self.artifacts: dict[str, Record] = {}

    def upload_artifact(self, name: str, path: Path, wait_on_upload: bool) -> bool:
        assert wait_on_upload
        self.artifacts[name] = Record(str(self.folder / name), file_sha256(str(path)))
        if self.failures:
            self.failures -= 1
            raise OSError("connection refused")
        content = path.read_bytes()
        (self.folder / name).write_bytes(content[: len(content) - self.cut])
        return True


@pytest.fixture
def local_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    def get_stream(url: str) -> Any:
        return iter([Path(url).read_bytes()[i : i + 3] for i in range(0, Path(url).stat().st_size, 3)])

    monkeypatch.setattr(StorageManager, "get_stream", get_stream)


def store(monkeypatch: pytest.MonkeyPatch, task: FlakyTask, tmp_path: Path) -> dict[str, Any]:
    monkeypatch.setattr(Task, "get_task", lambda **_: task)
    (tmp_path / "raw.csv").write_bytes(b"a,b\n1,2\n")
    return save_artifact(task, "raw", str(tmp_path / "raw.csv"), tries=3, pause_s=0)


@pytest.mark.usefixtures("local_streams")
def test_save_artifact_tries_again_then_fetches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "here").mkdir()
    reference = store(monkeypatch, FlakyTask(tmp_path / "store", failures=2), tmp_path)
    assert reference == {
        "task": "t1",
        "artifact": "raw",
        "sha256": hashlib.sha256(b"a,b\n1,2\n").hexdigest(),
        "bytes": 8,
    }
    assert Path(fetch_artifact(reference, str(tmp_path / "here"), 8)).read_bytes() == b"a,b\n1,2\n"
    with pytest.raises(ValueError, match="larger than the 7 bytes"):
        fetch_artifact(reference, str(tmp_path / "here"), 7)
    with pytest.raises(ValueError, match="no artifact other"):
        fetch_artifact(reference | {"artifact": "other"}, str(tmp_path / "here"), 8)
    with pytest.raises(ValueError, match="changed or damaged"):
        fetch_artifact(reference | {"sha256": "0" * 64}, str(tmp_path / "here"), 8)
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.usefixtures("local_streams")
@pytest.mark.parametrize(("failures", "cut", "why"), [(3, 0, "connection refused"), (0, 2, "changed or damaged")])
def test_save_artifact_gives_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, failures: int, cut: int, why: str
) -> None:
    (tmp_path / "store").mkdir()
    with pytest.raises(RuntimeError, match=rf"in 3 tries: .*{why}"):
        store(monkeypatch, FlakyTask(tmp_path / "store", failures, cut), tmp_path)


def test_fetch_file_tries_a_broken_transfer_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    breaks = [True, True, False]

    def get_stream(url: str) -> Any:
        yield b"ab"
        if breaks.pop(0):
            raise ConnectionResetError(url)
        yield b"c"

    monkeypatch.setattr(StorageManager, "get_stream", get_stream)
    sha256 = hashlib.sha256(b"abc").hexdigest()
    assert Path(fetch_file("u", sha256, 3, str(tmp_path), "f", tries=3, pause_s=0)).read_bytes() == b"abc"
    breaks += [True, True]
    with pytest.raises(ConnectionResetError):
        fetch_file("u", sha256, 3, str(tmp_path), "f", tries=2, pause_s=0)
