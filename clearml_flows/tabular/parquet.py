"""Parquet files of checked rows."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def write_parquet(frame: Any, path: str) -> None:
    """Write a DataFrame's columns, without its index, as parquet."""
    frame.to_parquet(path, engine="pyarrow", index=False)


def read_parquet(path: str, columns: list[str], max_bytes: int) -> Any:
    """Read a parquet file into a DataFrame.

    Raises:
        ValueError: it is no parquet file, unpacks to more than `max_bytes`, or does not have exactly `columns`.
    """
    with Path(path).open("rb") as file:
        if file.read(4) != b"PAR1":
            raise ValueError(f"{Path(path).name} is no parquet file: it does not begin with PAR1")
    try:
        parquet = pq.ParquetFile(path)
    except pa.ArrowException as error:
        raise ValueError(f"{Path(path).name} is a damaged parquet file: {error}") from error
    with parquet:
        groups = [parquet.metadata.row_group(i).total_byte_size for i in range(parquet.metadata.num_row_groups)]
        if sum(groups) > max_bytes:
            raise ValueError(f"{Path(path).name} unpacks to {sum(groups)} bytes, more than the {max_bytes} allowed")
        if parquet.schema_arrow.names != columns:
            raise ValueError(f"{Path(path).name} has the columns {parquet.schema_arrow.names}, expected {columns}")
        return parquet.read().to_pandas()
