"""Items of the data report: problems, warnings and tolerated findings, all of one shape.

An item is a dict `{level, column, rule, count, rows, sample}`.

- `level` is problem, warning or tolerated.
- `column` is empty if the item concerns the whole file.
- `rows` are the first five line numbers in the file; the header is line 1.
- `sample` is one value from the file, as Python's `repr` writes it.
"""

from typing import Any


def problem(
    column: str, rule: str, rows: Any = (), count: int = 0, sample: str = "", level: str = "problem"
) -> dict[str, Any]:
    """Build a report item; `count` defaults to the number of rows."""
    told = [int(row) for row in rows]
    found = {"count": count or len(told), "rows": told[:5], "sample": sample[:60]}
    return {"level": level, "column": column, "rule": rule, **found}


def tell_problem(item: dict[str, Any]) -> str:
    """Describe an item as a clause: `column tenure is blank, 2 times (row 3, 4), such as ' '`."""
    subject = f"column {item['column']}" if item["column"] else "the file"
    where = f" (row {', '.join(map(str, item['rows']))})" if item["rows"] and item["rows"] != [1] else ""
    times = f", {item['count']} times" if item["count"] > 1 and item["rows"] else ""
    sample = f", such as {item['sample']}" if item["sample"] else ""
    return f"{subject} {item['rule']}{times}{where}{sample}"


def describe_problems(name: str, problems: list[dict[str, Any]], most: int = 6) -> str:
    """Return one line that begins with "bad data:" and names the first problems."""
    more = f"; and {len(problems) - most} more, see the report" if len(problems) > most else ""
    return f"bad data: {name}: {'; '.join(map(tell_problem, problems[:most]))}{more}".replace("\n", " ")


def report_cells(items: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return the items as table rows of text, with formulas escaped for spreadsheets."""
    return [
        {
            name: escape_cell(", ".join(map(str, value)) if isinstance(value, list) else str(value))
            for name, value in item.items()
        }
        for item in items
    ]


def escape_cell(text: str) -> str:
    """Prefix the text with an apostrophe if a spreadsheet would run it as a formula."""
    return f"'{text}" if text.lstrip(" ")[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else text
