"""Compare two dataset versions: files, columns, rows by key, and values of each column."""

from typing import TYPE_CHECKING, Any

from clearml_flows.datasets.content import Content
from clearml_flows.errors import BadInput
from clearml_flows.spelling import did_you_mean

if TYPE_CHECKING:
    import pandas as pd


def compare_content(before: Content, after: Content, key: str) -> dict[str, Any]:
    """Return `{files: {added, removed, changed}, tables: […]}`, one entry for each common table.

    If both have only one table, these are compared even if their names differ. See `compare_tables`.
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
    """Compare two tables by rows and columns.

    Rows are matched by `key`. If `key` is empty, they are matched by the first column if its values are unique in both
    tables. Otherwise only equal rows match.

    Returns:
        `{key, rows: {before, after, added, removed, changed}, columns: {added, removed}, summary: […]}`. For each
        common column, the summary has the number of changed rows and the result of `describe_column` for both tables.

    Raises:
        BadInput: there is no column `key`, or its values are not unique.
    """
    from clearml_flows.tabular.datasets.dataset_version import row_changes

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
    """Return `{missing, distinct}` of a column, and statistics.

    Numbers add `{min, mean, max}`. Other values add `{most, share}`, the most frequent value and its share.
    """
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
    """Convert columns of different types to text in both tables, unless both are numeric."""
    import pandas as pd

    other = [name for name in after.columns if name in before.columns and before[name].dtype != after[name].dtype]
    numbers = pd.api.types.is_numeric_dtype
    mixed = {name: str for name in other if not (numbers(before[name]) and numbers(after[name]))}
    return before.astype(mixed), after.astype(mixed)


def _checked_key(before: "pd.DataFrame", after: "pd.DataFrame", key: str) -> str:
    for frame in (before, after):
        if key not in frame.columns:
            raise BadInput(f"there is no column {key!r} to identify rows{did_you_mean(key, map(str, frame.columns))}")
        repeated = int(frame[key].duplicated().sum())
        if repeated:
            raise BadInput(f"column {key} does not identify rows: {repeated} rows repeat a value of it")
    return key


def _found_key(before: "pd.DataFrame", after: "pd.DataFrame") -> str:
    import pandas as pd

    first = str(after.columns[0]) if len(after.columns) else ""
    if first not in before.columns or pd.api.types.is_float_dtype(after[first]):
        return ""
    unique = all(frame[first].notna().all() and not frame[first].duplicated().any() for frame in (before, after))
    return first if unique else ""


def _cells_changed(before: "pd.DataFrame", after: "pd.DataFrame", key: str) -> dict[str, int]:
    """Return the number of changed rows for each column. Empty without a key."""
    if not key:
        return {}
    old, new = before.set_index(key), after.set_index(key)
    common = new.index.intersection(old.index)
    shared = [name for name in new.columns if name in old.columns]
    one, other = old.loc[common, shared], new.loc[common, shared]
    differs = (one != other) & ~(one.isna() & other.isna())
    return {name: int(differs[name].sum()) for name in shared} | {key: 0}
