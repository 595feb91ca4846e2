"""Render the sections of a report as one HTML page without scripts, fonts or external files.

The page has a light and a dark style.
"""

import re
from html import escape
from typing import Any

from clearml_flows.tabular.report.charts import chart_series, svg_chart


def html_page(title: str, subtitle: str, sections: list[dict[str, Any]]) -> str:
    """Render the whole page; every text is escaped."""
    parts = []
    for section in sections:
        blocks = "".join(html_block(block) for block in section["blocks"])
        parts.append(f"<section><h2>{escape(section['title'])}</h2>{blocks}</section>\n")
    # A meta tag, because a file opened from disk has no HTTP headers.
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = (
        f'<meta charset="utf-8"><title>{escape(title)}</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<style>{page_style()}</style>"
    )
    top = f'<h1>{escape(title)}</h1><p class="quiet">{escape(subtitle)}</p>\n'
    body = f"<main>{top}{''.join(parts)}</main>"
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n'


def html_block(block: dict[str, Any]) -> str:
    """Render one block of a section."""
    kind = block["kind"]
    if kind == "table":
        return html_table(block["head"], block["rows"])
    if kind == "figure":
        return html_figure(block["title"], block["figure"])
    if kind == "list":
        return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in block['items'])}</ul>"
    tags = {"text": "p", "heading": "h3", "code": "pre", "warning": 'p class="warning"'}
    return f"<{tags[kind]}>{escape(block['text'])}</{tags[kind].split()[0]}>"


def html_table(head: list[str], rows: list[list[str]]) -> str:
    """Render a table.

    With a head, numbers are right-aligned. Without a head, the first cell of a row is its name.
    """

    def cell(text: str, tag: str = "td") -> str:
        number = re.fullmatch(r"[-+]?\d[\d.,e+-]*( to [-+]?\d[\d.,e+-]*)?", text)
        return f"<{tag}{' class=num' if number and head else ''}>{escape(text)}</{tag}>"

    lines = []
    for row in rows:
        cells = [cell(text, "th" if not head and place == 0 else "td") for place, text in enumerate(row)]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    top = f"<thead><tr>{''.join(f'<th>{escape(name)}</th>' for name in head)}</tr></thead>" if head else ""
    kind = "" if head else ' class="facts"'
    return f'<div class="scroll"><table{kind}>{top}<tbody>{"".join(lines)}</tbody></table></div>'


def html_figure(title: str, figure: dict[str, Any]) -> str:
    """Render a figure with title and legend; a heatmap as a table."""
    drawn = "".join(html_heatmap(trace) for trace in figure["data"] if trace.get("type") == "heatmap")
    picture, legend = svg_chart(figure), ""
    if picture:
        names = [one["name"] for one in chart_series(figure)[0]]
        legend = "".join(f'<li class="c{number % 6}">{escape(name)}</li>' for number, name in enumerate(names) if name)
        legend = f'<ul class="legend">{legend}</ul>'
    return f"<figure><figcaption>{escape(title)}</figcaption>{picture}{legend}{drawn}</figure>"


def html_heatmap(trace: dict[str, Any]) -> str:
    """Render a heatmap as a table of its texts or numbers."""
    cells = trace.get("text") or trace["z"]
    head = ["", *(str(name) for name in trace.get("x") or [""] * len(cells[0]))]
    names = trace.get("y") or [""] * len(cells)
    return html_table(head, [[str(name), *map(str, row)] for name, row in zip(names, cells, strict=True)])


def page_style() -> str:
    """Return the page's style sheet."""
    light = "--ink:#1d2433;--quiet:#5b6577;--line:#dfe3ea;--ground:#f6f7f9;--card:#fff;--warn:#fff4d6"
    dark = "--ink:#e6e9ef;--quiet:#a3adbd;--line:#363d4a;--ground:#14171c;--card:#1d2128;--warn:#4a3a10"
    colors = ["#2463eb", "#e8590c", "#0f9960", "#9333ea", "#c2255c", "#0891b2"]
    bright = ["#7aa5ff", "#ff9a5c", "#4fd6a0", "#c79bff", "#ff85ab", "#5fd0e6"]
    light += "".join(f";--c{number}:{color}" for number, color in enumerate(colors))
    dark += "".join(f";--c{number}:{color}" for number, color in enumerate(bright))
    series = "".join(
        f".c{n} polyline{{stroke:var(--c{n})}}.c{n} circle,.c{n} rect{{fill:var(--c{n})}}"
        f"li.c{n}::before{{color:var(--c{n})}}"
        for n in range(len(colors))
    )
    return (
        f":root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}"
        "*{box-sizing:border-box}"
        "body{margin:0;font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground)}"
        "main{max-width:1040px;margin:0 auto;padding:12px 20px 60px}h1{margin:16px 0 0;overflow-wrap:anywhere}"
        "h2{font-size:18px;margin:0 0 8px}h3{font-size:14px;margin:14px 0 4px}.quiet{color:var(--quiet);margin:0}"
        "section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:14px 18px;margin:16px 0}"
        ".scroll{overflow-x:auto}table{border-collapse:collapse;font-size:14px}"
        "th,td{padding:4px 16px 4px 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;"
        "overflow-wrap:break-word}.facts td{overflow-wrap:anywhere}"
        "th{font-weight:600;color:var(--quiet);white-space:nowrap}"
        ".num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
        "pre{background:var(--ground);border-radius:6px;padding:10px 12px;overflow-x:auto;font-size:13px}"
        ".warning{background:var(--warn);border-radius:6px;padding:10px 12px;font-weight:600}"
        "figure{display:inline-block;vertical-align:top;width:460px;max-width:100%;margin:8px 14px 16px 0}"
        "figcaption{font-weight:600}svg{width:100%;height:auto}svg text{font-size:11px;fill:var(--quiet)}"
        "svg .grid{stroke:var(--line);fill:none}svg polyline{fill:none;stroke-width:2}"
        ".legend{list-style:none;margin:0;padding:0 0 0 56px;font-size:13px;color:var(--quiet)}"
        ".legend li{display:inline-block;margin-right:14px}.legend li::before{content:'\\25CF  '}" + series
    )
