"""Render the sections of a report as Markdown: the model card. Figures are left out."""

import re
from typing import Any


def markdown_card(title: str, subtitle: str, sections: list[dict[str, Any]]) -> str:
    """Render the whole card; Markdown and HTML in texts are escaped."""
    lines = [f"# {markdown_text(title)}", "", markdown_text(subtitle), ""]
    for section in sections:
        blocks = [markdown_block(block) for block in section["blocks"] if block["kind"] != "figure"]
        if blocks:
            lines += [f"## {markdown_text(section['title'])}", "", *(f"{block}\n" for block in blocks)]
    return "\n".join(lines)


def markdown_block(block: dict[str, Any]) -> str:
    """Render one block of a section."""
    kind = block["kind"]
    if kind == "table":
        return markdown_table(block["head"], block["rows"])
    if kind == "list":
        return "\n".join(f"- {markdown_text(item)}" for item in block["items"])
    if kind == "code":
        # Indented, not fenced: the text could contain a fence.
        return "\n".join(f"    {line}".rstrip() for line in block["text"].splitlines())
    text = markdown_text(block["text"])
    return {"heading": f"### {text}", "warning": f"> **{text}**"}.get(kind, text)


def markdown_table(head: list[str], rows: list[list[str]]) -> str:
    """Render a table; short rows are padded to the longest."""
    width = max([len(head), *map(len, rows)])
    table = [head or [""] * width, ["---"] * width, *rows]
    lines = [
        [*(row if place == 1 else map(markdown_text, row)), *[""] * (width - len(row))]
        for place, row in enumerate(table)
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def markdown_text(text: str) -> str:
    """Return the text on one line, with Markdown and HTML marks escaped."""
    plain = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*|\[\]#~]|(?<!\w)_|_(?!\w))", r"\\\1", plain)
