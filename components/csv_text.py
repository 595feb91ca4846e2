"""From a file's bytes to columns of text, with every problem of bytes and shape told and nothing guessed.

pandas.read_csv accepts most malformed files without a word, so the rows are read with the strict reader of the standard
library. A problem is a dict `{column, rule, count, rows, sample}`; rows are line numbers of the file, header = 1, the
first five. These functions travel with a step; list all of them in its `helper_functions=[…]`.
"""

from typing import Any


def problem(column: str, rule: str, rows: Any = (), count: int = 0, sample: str = "") -> dict[str, Any]:
    """One entry of the report, for a column or (empty) the file; `count` defaults to the number of rows."""
    told = [int(row) for row in rows]
    return {"column": column, "rule": rule, "count": count or len(told), "rows": told[:5], "sample": sample[:60]}


def describe_problems(name: str, problems: list[dict[str, Any]], most: int = 6) -> str:
    """One line that begins with "bad data:" and names the first problems."""
    told = []
    for item in problems[:most]:
        subject = f"column {item['column']}" if item["column"] else "the file"
        where = f" (row {', '.join(map(str, item['rows']))})" if item["rows"] and item["rows"] != [1] else ""
        times = f", {item['count']} times" if item["count"] > 1 and item["rows"] else ""
        sample = f", such as {item['sample']}" if item["sample"] else ""
        told.append(f"{subject} {item['rule']}{times}{where}{sample}")
    more = f"; and {len(problems) - most} more, see the report" if len(problems) > most else ""
    return f"bad data: {name}: {'; '.join(told)}{more}".replace("\n", " ")


def decode_csv(data: bytes) -> tuple[str, list[dict[str, Any]], list[str]]:
    """Decodes UTF-8 and recognises what is no CSV at all.

    Returns:
        The text (empty if there are problems), the problems, and notes on what was tolerated.
    """
    signatures = {
        b"PK\x03\x04": "is a zip file: unpack it",
        b"\x1f\x8b": "is a gzip file: unpack it",
        b"PAR1": "is a parquet file: export it as CSV",
        b"%PDF": "is a PDF: export the data as CSV",
        b"\xd0\xcf\x11\xe0": "is an Excel file: export it as CSV",
        b"\xff\xfe": "is UTF-16 text: save it as UTF-8",
        b"\xfe\xff": "is UTF-16 text: save it as UTF-8",
    }
    for signature, rule in signatures.items():
        if data.startswith(signature):
            return "", [problem("", rule, sample=repr(data[:16]))], []
    nul = data.find(b"\0")
    if nul >= 0:
        line = data.count(b"\n", 0, nul) + 1
        return "", [problem("", "has NUL bytes: save it as UTF-8 text", [line], data.count(b"\0"))], []
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        around = repr(data[max(0, error.start - 8) : error.start + 8])
        return "", [problem("", "is not UTF-8 (Latin-1, perhaps): save it as UTF-8", [line], sample=around)], []
    if not text.strip():
        return "", [problem("", "is empty")], []
    first = text.lstrip()[0]
    if first in "<{[":
        what = "is a web page" if first == "<" else "is JSON, perhaps an error message"
        return "", [problem("", f"{what}, not CSV: get the file again", sample=repr(text.lstrip()[:40]))], []
    notes = ["it begins with a byte order mark"] if data.startswith(b"\xef\xbb\xbf") else []
    return text, [], notes + (["its lines end with CR LF"] if "\r\n" in text else [])


def read_columns(text: str, names: list[str]) -> tuple[dict[str, list[str]], list[int], list[Any], list[str]]:
    """Splits CSV text into the columns wanted.

    Returns:
        The columns that are there, as lists of text; the line number of each row; the problems; the notes. Rows of a
        wrong length are told and left out.
    """
    import csv
    import io

    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    columns: dict[str, list[str]] = {}
    lines: list[int] = []
    wrong: dict[int, int] = {}
    seen: dict[str, str] = {}
    problems: list[Any] = []
    notes: list[str] = []
    line = 0
    try:
        for fields in reader:
            start, line = line + 1, reader.line_num
            if not header:
                header = fields
                problems, notes = check_header(header, names)
                columns = {name: [] for name in names if header.count(name) == 1}
                if not columns:
                    return {}, [], problems, notes
                places = [(columns[name], header.index(name)) for name in columns]
            elif len(fields) == len(header):
                lines.append(start)
                for values, place in places:
                    # One object for equal texts: a table has few distinct ones.
                    values.append(seen.setdefault(fields[place], fields[place]))
            elif fields:
                wrong[start] = len(fields)
    except csv.Error as error:
        return (
            {},
            [],
            [*problems, problem("", f"has a quote that is not closed or not doubled ({error})", [line + 1])],
            notes,
        )
    return columns, lines, problems + wrong_lengths(wrong, len(header), line, text), notes


def wrong_lengths(wrong: dict[int, int], width: int, last: int, text: str) -> list[dict[str, Any]]:
    """The problems of rows (line number → number of fields) that have not as many fields as the header."""
    problems = []
    if last in wrong and wrong[last] < width and not text.endswith(("\n", "\r")):
        problems.append(problem("", "is cut short: the last row is not whole", [last]))
        wrong = {line: length for line, length in wrong.items() if line != last}
    for rule, rows in [
        ("has rows with too few fields", [line for line, length in wrong.items() if length < width]),
        ("has rows with too many fields", [line for line, length in wrong.items() if length > width]),
    ]:
        if rows:
            problems.append(problem("", rule, rows, sample=f"{wrong[rows[0]]} instead of {width}"))
    return problems


def check_header(header: list[str], names: list[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """The problems and notes of a header, against the names that it should have."""
    import difflib

    found = [name for name in names if name in header]
    if not found:
        for delimiter, called in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if set(delimiter.join(header).split(delimiter)) & set(names):
                return [problem("", f"is divided by {called}: save it with commas", [1])], []
    problems = [
        problem(name, f"stands {header.count(name)} times in the header", [1])
        for name in found
        if header.count(name) > 1
    ]
    others = {"".join(filter(str.isalnum, name)).lower(): name for name in header if name not in names}
    hints = 0
    for name in names:
        if name in header:
            continue
        near = difflib.get_close_matches("".join(filter(str.isalnum, name)).lower(), others, n=1, cutoff=0.8)
        hints += len(near)
        problems.append(problem(name, f"is missing: did you mean {others[near[0]]!r}?" if near else "is missing", [1]))
    if not found and hints * 2 < len(names):
        return [problem("", "has none of the expected columns in its first row", [1], sample=repr(header))], []
    extra = [name for name in header if name not in names]
    return problems, [f"columns that are not used: {', '.join(map(repr, extra))[:200]}"] if extra else []
