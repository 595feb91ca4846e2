"""The report as an HTML page and as a Markdown card: same content, nothing in it runs or breaks out."""

from html.parser import HTMLParser
from typing import Any

from clearml_flows.tabular.report.model_card import markdown_card, markdown_table, markdown_text
from clearml_flows.tabular.report.page import html_page, html_table
from clearml_flows.tabular.report.plots import confusion_figure, roc_figure
from clearml_flows.tabular.report.sections import report_sections
from tests.support.customers import make_customers
from tests.support.report_facts import EVIL, dataset, evaluation, experiment, model_entry, sweep


def sections() -> list[dict[str, Any]]:
    """A report in which everything that comes from outside is hostile."""
    customers = make_customers(60)
    y, p = (customers["churn"] == "Yes").to_numpy().astype(int), customers["tenure"].to_numpy() / 72
    entry = model_entry(reason=EVIL, experiment_name=EVIL, libraries=EVIL, commit=EVIL)
    entry.name = EVIL
    rows = dataset(name=EVIL, target=EVIL, numeric=[EVIL], categorical=[EVIL])
    figures = {EVIL: roc_figure(y, {EVIL: p}), "Confusion": confusion_figure(y, p, 0.5)}
    judged = evaluation(reason=EVIL, segments={EVIL: {EVIL: {EVIL: EVIL}}})
    return report_sections(entry, rows, sweep(experiment(EVIL, 0.8)), judged, figures, 5, 1)


class Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, set[str]] = {}
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def test_nothing_on_the_page_runs_or_is_loaded() -> None:
    page = Elements(html_page(EVIL, EVIL, sections()))
    assert not page.tags & {"script", "a", "img", "link", "iframe", "object", "form", "base"}
    assert not {name for name in page.attributes if name.startswith("on")} | page.attributes.keys() & {"src", "href"}
    assert page.text.count(EVIL) > 10


def test_the_page_holds_table_curve_and_legend() -> None:
    page = Elements(html_page("churn", "", sections()))
    assert {"table", "svg", "polyline", "figcaption", "pre"} <= page.tags
    assert "called positive" in page.text
    assert "chance" in page.text


def test_numbers_stand_right_and_hashes_do_not() -> None:
    assert html_table(["a"], [["0.5000"]]).count("class=num") == 1
    assert html_table(["a"], [["0.1 to 0.2"]]).count("class=num") == 1
    assert html_table(["a"], [["forest"]]).count("class=num") == 0
    assert html_table([], [["sha256", "16" * 32]]).count("class=num") == 0


def test_the_card_says_what_the_page_says_but_for_the_figures() -> None:
    card = markdown_card("churn", "today", sections())
    assert card.startswith("# churn\n")
    for title in ("## Verdict", "## Data and lineage", "## Test results", "## Limits", "## How to use it"):
        assert title in card
    assert "## Curves" not in card
    assert "| test_roc_auc | 0.8500 | 0.8300 to 0.8700 |" in card


def test_nothing_in_the_card_is_taken_for_markdown_or_html() -> None:
    shown = [line for line in markdown_card("churn", "", sections()).splitlines() if not line.startswith("    ")]
    assert not [line for line in shown if "<" in line]
    assert markdown_text("a|b\n# `c` *d* [e](f) _g_ cv_roc_auc & <i>") == (
        r"a\|b \# \`c\` \*d\* \[e\](f) \_g\_ cv_roc_auc &amp; &lt;i>"
    )
    rows = markdown_table(["a", "b"], [["1|2", "3"], ["4"]]).splitlines()
    assert rows == ["| a | b |", "| --- | --- |", "| 1\\|2 | 3 |", "| 4 |  |"]
