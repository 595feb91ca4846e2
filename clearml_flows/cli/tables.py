"""Output of commands: a JSON document or a table.

In a pipe or file, each row is one line and nothing is shortened. On a terminal, the table is fitted in this order: ids
are shortened to unique prefixes, long texts are folded, optional columns are left out (with a note), and finally each
row becomes a block of lines. Every command accepts a shortened id (`backend/lookup.py`).
"""

import io
import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import click
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from clearml_flows.plain_text import cell

_ID = re.compile(r"[0-9a-f]{32}")
_SHORTEST_ID = 8
_NOT_FOLDED = 24
_FOLDED_TO = 16
_UNLIMITED = 100_000


def show(
    document: Any,
    as_json: bool,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    empty: str = "nothing found",
    spare: Sequence[str] = (),
) -> None:
    """Print the document as JSON, or the rows as a table. Without rows, print `empty` on stderr.

    `spare` are the columns that a narrow terminal leaves out, first one first.
    """
    if as_json:
        click.echo(json.dumps(document))
    elif rows:
        click.echo(table(columns, rows, terminal_width(), spare))
    else:
        click.echo(empty, err=True)


def show_facts(document: Any, as_json: bool, facts: Mapping[str, Any]) -> None:
    """Print the document as JSON, or the facts as lines of name and value."""
    if as_json:
        click.echo(json.dumps(document))
    else:
        click.echo(_facts([[name, cell(value)] for name, value in facts.items()], terminal_width()))


def say(document: Any, as_json: bool, sentence: str) -> None:
    """Print the document as JSON, or the sentence."""
    click.echo(json.dumps(document) if as_json else sentence)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], width: int | None, spare: Sequence[str] = ()) -> str:
    """Return the rows as a table of at most `width` characters (None: any width)."""
    cells = [[cell(value) for value in row] for row in rows]
    numeric = [all(_is_number(row[place]) for row in rows) for place in range(len(columns))]
    whole = _grid(columns, cells, numeric)
    if width is None or _measured(whole).maximum <= width:
        return _lines(whole, width or _UNLIMITED)
    short = _shortened(cells)
    for count in range(len(spare) + 1):
        kept = [place for place, name in enumerate(columns) if name not in spare[:count]]
        grid = _grid(_only(kept, columns), [_only(kept, row) for row in short], _only(kept, numeric))
        if _measured(grid).minimum <= width:
            gone = f"\n(the terminal is too narrow for: {', '.join(spare[:count])})" if count else ""
            return _lines(grid, width) + gone
    blocks = [_facts([[name, value] for name, value in zip(columns, row, strict=True)], width) for row in cells]
    return "\n\n".join(blocks)


def terminal_width() -> int | None:
    """Return the number of columns of the terminal, or None if stdout is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _is_number(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, int | float) and not isinstance(value, bool))


def _grid(columns: Sequence[str], cells: Sequence[Sequence[str]], numeric: Sequence[bool]) -> Table:
    grid = Table(box=None, pad_edge=False, show_header=any(columns))
    for place, name in enumerate(columns):
        longest = max(cell_len(row[place]) for row in cells)
        folds = longest > _NOT_FOLDED
        least = max(_FOLDED_TO, *(_longest_word(row[place]) for row in cells)) if folds else longest
        justify: Literal["right", "left"] = "right" if numeric[place] else "left"
        least = max(least, cell_len(name))
        grid.add_column(name, overflow="fold", no_wrap=not folds, min_width=least, justify=justify)
    for row in cells:
        grid.add_row(*map(Text, row))
    return grid


def _longest_word(text: str) -> int:
    return max(map(cell_len, text.split()), default=0)


def _facts(facts: Sequence[Sequence[str]], width: int | None) -> str:
    grid = Table(box=None, pad_edge=False, show_header=False)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in facts:
        grid.add_row(Text(name), Text(value))
    return _lines(grid, width or _UNLIMITED)


def _shortened(cells: Sequence[Sequence[str]]) -> list[list[str]]:
    """Shorten ids in the cells to the shortest unique prefixes of 8 characters or more."""
    ids = {text for row in cells for text in row if _ID.fullmatch(text)}
    length = next((size for size in range(_SHORTEST_ID, 32) if len({one[:size] for one in ids}) == len(ids)), 32)
    return [[text[:length] if text in ids else text for text in row] for row in cells]


def _only(places: Sequence[int], values: Sequence[Any]) -> list[Any]:
    return [values[place] for place in places]


def _measured(grid: Table) -> Measurement:
    unlimited = _console(_UNLIMITED)
    return Measurement.get(unlimited, unlimited.options, grid)


def _lines(grid: Table, width: int) -> str:
    console = _console(width)
    console.print(grid)
    written = console.file.getvalue() if isinstance(console.file, io.StringIO) else ""
    return "\n".join(line.rstrip() for line in written.rstrip("\n").split("\n"))


def _console(width: int) -> Console:
    return Console(file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False, color_system=None)
