"""Split CSV text into columns of text and report every malformed row.

pandas.read_csv accepts most malformed files silently. So the strict reader of the standard library is used.
"""

import csv
import difflib
from typing import Any

from clearml_flows.tabular.data.problems import problem


def csv_chunks(lines: Any, names: list[str], most_rows: int = 0) -> Any:
    """Split lines of CSV text into the expected columns, in chunks of rows.

    Args:
        lines: an iterable of lines with their ends, such as a file opened with `newline=""`.
        names: the expected columns.
        most_rows: the maximum rows of a chunk; 0: all rows are one chunk.

    Yields:
        The columns found, as lists of text; the line number of each row; the problems; the tolerated items.
        Rows with a wrong number of fields are reported and left out. The first chunk always comes.
        Further chunks come only if they have rows or report items.
    """
    last = [""]
    rows = numbered_rows(csv.reader(remember_last(lines, last), strict=True))
    nothing: tuple[int, list[str], str] = (1, [], "")
    line, header, broken = next((row for row in rows if any(row[1]) or row[2]), nothing)
    # A quoted header with another delimiter breaks the quoting rules. The delimiter is the error to report.
    problems, notes = check_header([last[0].strip()] if broken else header, names)
    if broken and "divided" not in problems[0]["rule"]:
        problems = [problem("", broken, [line])]
    places = {name: header.index(name) for name in names if header.count(name) == 1}
    if not places:
        yield {}, [], problems, notes
        return
    end, first = 0, True
    while not end:
        columns, numbers, odd, end = take_rows(rows, header, places, most_rows)
        told, tolerated = odd_rows(odd, len(header), 0 if last[0].endswith(("\n", "\r")) else end)
        if first or numbers or told or tolerated:
            yield columns, numbers, problems + told, notes + tolerated
        problems, notes, first = [], [], False


def remember_last(lines: Any, last: list[str]) -> Any:
    """Yield the lines and keep the last one in `last`."""
    for line in lines:
        last[0] = line
        yield line


def numbered_rows(reader: Any) -> Any:
    """Yield each row's first line number, fields and error text; stop after an error."""
    line = 0
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            what = "has a field that is too long: is a quote not closed?"
            if "field limit" not in str(error):
                what = f"has a quote that is not closed or not doubled ({error})"
            yield line + 1, [], what
            return
        if fields is None:
            return
        yield line + 1, fields, ""
        line = reader.line_num


def take_rows(rows: Any, header: list[str], places: dict[str, int], most: int) -> tuple[Any, list[int], Any, int]:
    """Read up to `most` rows (0: all) into columns.

    Returns:
        The columns; each row's line number; odd rows as line number → (number of fields, rule); and the
        line number of the last row, or 0 if more rows may follow.
    """
    columns: dict[str, list[str]] = {name: [] for name in places}
    filling = [(columns[name], place) for name, place in places.items()]
    numbers: list[int] = []
    odd: dict[int, tuple[int, str]] = {}
    seen: dict[str, str] = {}
    number = 1
    for number, fields, broken in rows:
        if broken:
            odd[number] = (0, broken)
        elif not any(fields):
            odd[number] = (0, "has rows without any value, which are left out")
        elif len(fields) != len(header):
            few = len(fields) < len(header)
            odd[number] = (len(fields), f"has rows with too {'few' if few else 'many'} fields")
        elif fields == header:
            odd[number] = (0, "has its header a second time: are these two files?")
        else:
            numbers.append(number)
            for values, place in filling:
                # One object for equal texts: a table has few distinct ones.
                values.append(seen.setdefault(fields[place], fields[place]))
            if len(numbers) == most:
                return columns, numbers, odd, 0
    return columns, numbers, odd, number


def odd_rows(odd: dict[int, tuple[int, str]], width: int, end: int) -> tuple[list[Any], list[Any]]:
    """Return problems and tolerated items for the odd rows found by `take_rows`.

    `end` is the number of the file's last row if no line end follows it, else 0.
    """
    if 0 < odd.get(end, (0, ""))[0] < width:
        odd = {**odd, end: (0, "is cut short: the last row is not whole")}
    problems, tolerated = [], []
    for rule in sorted({rule for _, rule in odd.values()}):
        rows = sorted(number for number, (_, told) in odd.items() if told == rule)
        fields = odd[rows[0]][0]
        sample = f"{fields} instead of {width}" if fields else ""
        if "without any value" in rule:
            tolerated.append(problem("", rule, rows, level="tolerated"))
        else:
            problems.append(problem("", rule, rows, sample=sample))
    return problems, tolerated


def check_header(header: list[str], names: list[str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Compare a header with the expected names; return problems and a note on unused columns."""
    found = [name for name in names if name in header]
    delimiters = {";": "semicolons", "\t": "tabs", "|": "bars", ":": "colons"}
    for delimiter, called in delimiters.items():
        parts = {name.strip(' "') for name in delimiter.join(header).split(delimiter)}
        if not found and len(parts & set(names)) * 2 > len(names):
            return [problem("", f"is divided by {called}: save it with commas", [1])], []
    near = near_names(header, names)
    if not found and len(near) * 2 < len(names):
        return [problem("", "has none of the expected columns in its first row", [1], sample=repr(header))], []
    problems = [
        problem(name, f"stands {header.count(name)} times in the header", [1])
        for name in found
        if header.count(name) > 1
    ]
    for name in names:
        if name not in header:
            hint = f": did you mean {near[name]!r}?" if name in near else ""
            problems.append(problem(name, f"is missing{hint}", [1]))
    extra = [name for name in header if name not in names]
    sample = ", ".join(map(repr, extra))
    notes = [problem("", "has columns that are not used", [1], len(extra), sample, "tolerated")] if extra else []
    return problems, notes


def near_names(header: list[str], names: list[str]) -> dict[str, str]:
    """Map each missing name to the most similar other name in the header, if there is one."""
    others = {"".join(filter(str.isalnum, name)).lower(): name for name in header if name not in names}
    near: dict[str, str] = {}
    for name in names:
        if name not in header:
            plain = "".join(filter(str.isalnum, name)).lower()
            inside = [other for other in others if len(other) > 3 and (other in plain or plain in other)]
            looks = difflib.get_close_matches(plain, others, n=1, cutoff=0.8) or inside
            near |= {name: others[looks[0]]} if looks else {}
    return near
