"""Docstrings, comments, pages and settings keep the rules of style that a program can check."""

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("clearml_flows", "flows", "components", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "settings.toml"]
LONGEST = 90
HEADLESS = re.compile(r"(What|Whether|Who|Of|That)\b")
BANNED = re.compile(r"\b(told|stretch|trouble|teller)\b(?!:)", re.IGNORECASE)  # with a colon it names a parameter


def test_docstrings_begin_with_a_short_sentence() -> None:
    first = [(place, text.splitlines()[0]) for path in SOURCES for place, text in docstrings(path)]
    wrong = [f"{place} {line}" for place, line in first if len(line) > LONGEST or HEADLESS.match(line)]
    assert first
    assert not wrong, "\n".join(wrong)


def test_banned_words_appear_nowhere() -> None:
    texts = [found for path in SOURCES for found in (*docstrings(path), *comments(path))]
    texts += [(str(path.relative_to(ROOT)), path.read_text("utf-8")) for path in PAGES]
    wrong = [f"{place} {line}" for place, text in texts for line in text.splitlines() if BANNED.search(line)]
    assert not wrong, "\n".join(wrong)


def docstrings(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if text := ast.get_docstring(node):
            yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}", text


def comments(path: Path) -> Iterator[tuple[str, str]]:
    with path.open(encoding="utf-8") as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.type == tokenize.COMMENT:
                yield f"{path.relative_to(ROOT)}:{token.start[0]}", token.string
