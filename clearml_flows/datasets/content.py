"""Content of a dataset: files, tables, and the sha256 that addresses it.

A table is addressed by its column names and rows, as in the version_dataset step. Other files are addressed by their
bytes. The address of one file is its own sha256 (`rows_sha256` for a table). The address of several files is made of
their paths and sha256. Content that version_dataset stored keeps its address.
"""

import csv
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clearml_flows.errors import BadInput
from clearml_flows.tabular.artifacts import file_sha256, load_ref
from clearml_flows.tabular.data.csv_bytes import check_bytes
from clearml_flows.tabular.data.csv_text import numbered_rows, odd_rows, remember_last, take_rows
from clearml_flows.tabular.data.problems import describe_problems, problem

if TYPE_CHECKING:
    import pandas as pd

MAX_TABLE_BYTES = 1_000_000_000
DELIMITERS = ",;\t|"
TABLES = (".csv", ".tsv", ".parquet")
SPLIT = {"manifest.json", "train.parquet", "test.parquet"}


@dataclass(frozen=True)
class Content:
    """Files as `{path: {bytes, sha256}}`, and tables as DataFrames by path.

    For content of version_dataset, `tables` has all rows under `rows`, and `manifest` is its manifest.
    """

    sha256: str
    files: dict[str, dict[str, Any]]
    tables: "dict[str, pd.DataFrame]"
    manifest: dict[str, Any]

    @property
    def rows(self) -> int:
        return sum(map(len, self.tables.values()))

    @property
    def schema(self) -> dict[str, dict[str, Any]]:
        """Return `{table: {rows, columns: [{name, type}]}}`. The type is number or text."""
        return {
            table: {
                "rows": len(rows),
                "columns": [{"name": str(name), "type": _type(values)} for name, values in rows.items()],
            }
            for table, rows in self.tables.items()
        }

    @property
    def bytes(self) -> int:
        return sum(file["bytes"] for file in self.files.values())


def read_content(folder: Path) -> Content:
    """Return the content of the files below a folder.

    Raises BadInput if a table has another format than its suffix says.
    """
    import pandas as pd

    from clearml_flows.tabular.datasets.dataset_files import content_sha256, rows_sha256

    paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    files = {name: {"bytes": path.stat().st_size, "sha256": file_sha256(str(path))} for name, path in paths.items()}
    tables = {name: read_table(path) for name, path in paths.items() if path.suffix.lower() in TABLES}
    manifest = _split_manifest(paths, tables)
    if manifest:
        parts = [tables["train.parquet"], tables["test.parquet"]]
        return Content(content_sha256(manifest), files, {"rows": pd.concat(parts, ignore_index=True)}, manifest)
    counts = {name: str(file["sha256"]) for name, file in files.items()}
    counts |= {name: rows_sha256(_plain(table)) for name, table in tables.items()}
    address = next(iter(counts.values())) if len(counts) == 1 else _sha256(counts)
    return Content(address, files, tables, {})


def read_table(path: Path) -> "pd.DataFrame":
    """Return the rows of a CSV file (all values as text) or parquet file.

    A CSV may be separated by commas, semicolons, tabs or bars. Raises BadInput with the problems of a bad file.
    """
    from clearml_flows.tabular.parquet import read_parquet

    if path.stat().st_size > MAX_TABLE_BYTES:
        raise BadInput(f"{path.name} has {path.stat().st_size} bytes; a table may have {MAX_TABLE_BYTES}")
    if path.suffix.lower() != ".parquet":
        return _read_csv(path)
    try:
        rows: pd.DataFrame = read_parquet(str(path), _parquet_columns(path), MAX_TABLE_BYTES)
        return rows
    except ValueError as error:
        raise BadInput(str(error)) from None


def _read_csv(path: Path) -> "pd.DataFrame":
    import pandas as pd

    with path.open("rb") as file:
        problems, _ = check_bytes(file)
        if problems:
            raise BadInput(describe_problems(path.name, problems, len(problems)))
        file.seek(0)
        text = io.TextIOWrapper(file, "utf-8-sig", newline="")
        last = [""]
        head = text.readline()
        text.seek(0)
        delimiter = max(DELIMITERS, key=head.count)
        rows = numbered_rows(csv.reader(remember_last(text, last), strict=True, delimiter=delimiter))
        line, header, broken = next((row for row in rows if any(row[1]) or row[2]), (1, [], "is empty"))
        twice = sorted({name for name in header if header.count(name) > 1})
        problems = [problem(name, f"stands {header.count(name)} times in the header", [1]) for name in twice]
        problems += [problem("", broken, [line])] if broken else []
        columns, _, odd, end = take_rows(rows, header, {name: place for place, name in enumerate(header)}, 0)
        told, _ = odd_rows(odd, len(header), 0 if last[0].endswith(("\n", "\r")) else end)
    if problems + told:
        raise BadInput(describe_problems(path.name, problems + told, len(problems + told)))
    return pd.DataFrame(columns, dtype=str)


def _parquet_columns(path: Path) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return list(pq.read_schema(path).names)
    except pa.ArrowException:
        return []


def _split_manifest(paths: dict[str, Path], tables: "dict[str, pd.DataFrame]") -> dict[str, Any]:
    """Return the manifest of version_dataset's content, with the present sha256 of its rows.

    Empty for other content.
    """
    from clearml_flows.tabular.datasets.dataset_files import content_sha256, rows_sha256

    if set(paths) != SPLIT:
        return {}
    try:
        manifest = load_ref(paths["manifest.json"].read_text("utf-8"))
        now = {f"{part}_sha256": rows_sha256(tables[f"{part}.parquet"]) for part in ("train", "test")}
        content_sha256({**manifest, **now})
    except (ValueError, KeyError):
        return {}
    return {**manifest, **now}


def _plain(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Return the rows with JSON values. Values that are no number, boolean or text become text."""
    import numpy as np
    import pandas as pd

    made: dict[Any, Any] = {}
    for name, values in frame.items():
        if pd.api.types.is_float_dtype(values) and np.isinf(values.astype(float)).any():
            made[name] = values.astype(object).where(~np.isinf(values.astype(float)), values.astype(str))
        elif not (pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)):
            made[name] = values.astype(object).where(values.isna(), values.astype(str))
    return frame.assign(**made)


def _type(values: "pd.Series") -> str:
    import pandas as pd

    known = values[values.astype(str).str.strip() != ""].dropna()
    return "number" if len(known) and pd.to_numeric(known, errors="coerce").notna().all() else "text"


def _sha256(values: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()
