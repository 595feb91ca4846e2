"""What differs between the contents of two dataset versions: files, columns, rows by key, and each column's values."""

from typing import TYPE_CHECKING, Any

from components.dataset_version import row_changes
from flows.errors import BadInput
from flows.names import did_you_mean
from ops.dataset_content import Content

if TYPE_CHECKING:
    import pandas as pd


def compare_content(before: Content, after: Content, key: str) -> dict[str, Any]:
    """`{files: {added, removed, changed}, tables: [...]}`, a table for each that both have; see `compare_tables`.

    A table alone is compared with a table alone, whatever their files are called.
    """
    files = {
        "added": sorted(after.files.keys() - before.files.keys()),
        "removed": sorted(before.files.keys() - after.files.keys()),
        "changed": sorted(
            name for name in before.files.keys() & after.files.keys() if before.files[name] != after.files[name]
        ),
    }
    pairs = [(name, name) for name in after.tables if name in before.tables]
    if not pairs and len(before.tables) == len(after.tables) == 1:
        pairs = [(next(iter(before.tables)), next(iter(after.tables)))]
    known = [content.manifest.get("key", "") for content in (after, before)]
    tables = [
        {"table": new, **compare_tables(before.tables[old], after.tables[new], key or next(filter(None, known), ""))}
        for old, new in pairs
    ]
    return {"files": files, "tables": tables}


def compare_tables(before: "pd.DataFrame", after: "pd.DataFrame", key: str) -> dict[str, Any]:
    """`{key, rows: {before, after, added, removed, changed}, columns: {added, removed}, summary: [...]}`.

    Rows are told apart by `key`; if it is empty, by the first column, where its values name each row of both; else
    only equal rows are the same. The summary has, for each column of both, how many rows changed in it, and what
    `describe_column` tells of both.

    Raises:
        BadInput: there is no column `key`, or it does not name each row.
    """
    before, after = _same_types(before, after)
    key = _checked_key(before, after, key) if key else _found_key(before, after)
    changes = row_changes(before, after, key)
    changed = _cells_changed(before, after, key)
    return {
        "key": key,
        "rows": {"before": len(before), "after": len(after)}
        | {what: changes[f"rows_{what}"] for what in ("added", "removed", "changed")},
        "columns": {what: changes[f"columns_{what}"] for what in ("added", "removed")},
        "summary": [
            {
                "column": name,
                "changed": changed.get(name),
                "before": describe_column(before[name]),
                "after": describe_column(after[name]),
            }
            for name in after.columns
            if name in before.columns
        ],
    }


def describe_column(values: "pd.Series") -> dict[str, Any]:
    """`{missing, distinct}` and, of numbers, `{min, mean, max}`; of others `{most, share}`: the commonest one."""
    import pandas as pd

    values = values.mask(values.astype(str).str.strip() == "")
    numbers = pd.to_numeric(values, errors="coerce")
    known = values.dropna()
    told: dict[str, Any] = {"missing": int(values.isna().sum()), "distinct": int(known.astype(str).nunique())}
    if len(known) and numbers.notna().sum() == len(known):
        return told | {what: float(getattr(numbers, what)()) for what in ("min", "mean", "max")}
    counts = known.astype(str).value_counts()
    return told | ({"most": str(counts.index[0]), "share": float(counts.iloc[0] / len(known))} if len(known) else {})


def _same_types(before: "pd.DataFrame", after: "pd.DataFrame") -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """Both with text in columns that are text in one of them and something else in the other."""
    import pandas as pd

    other = [name for name in after.columns if name in before.columns and before[name].dtype != after[name].dtype]
    numbers = pd.api.types.is_numeric_dtype
    mixed = {name: str for name in other if not (numbers(before[name]) and numbers(after[name]))}
    return before.astype(mixed), after.astype(mixed)


def _checked_key(before: "pd.DataFrame", after: "pd.DataFrame", key: str) -> str:
    for frame in (before, after):
        if key not in frame.columns:
            raise BadInput(f"there is no column {key!r} to tell rows apart{did_you_mean(key, map(str, frame.columns))}")
        repeated = int(frame[key].duplicated().sum())
        if repeated:
            raise BadInput(f"column {key} does not tell rows apart: {repeated} rows repeat a value of it")
    return key


def _found_key(before: "pd.DataFrame", after: "pd.DataFrame") -> str:
    import pandas as pd

    first = str(after.columns[0]) if len(after.columns) else ""
    if first not in before.columns or pd.api.types.is_float_dtype(after[first]):
        return ""
    unique = all(frame[first].notna().all() and not frame[first].duplicated().any() for frame in (before, after))
    return first if unique else ""


def _cells_changed(before: "pd.DataFrame", after: "pd.DataFrame", key: str) -> dict[str, int]:
    """By column, in how many of the rows that both have its value differs; nothing without a key."""
    if not key:
        return {}
    old, new = before.set_index(key), after.set_index(key)
    common = new.index.intersection(old.index)
    shared = [name for name in new.columns if name in old.columns]
    one, other = old.loc[common, shared], new.loc[common, shared]
    differs = (one != other) & ~(one.isna() & other.isna())
    return {name: int(differs[name].sum()) for name in shared} | {key: 0}
