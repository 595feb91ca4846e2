"""The report in a browser: readable in light and dark."""

from pathlib import Path

import pytest

from clearml_flows.tabular.report.page import html_page
from tests.support.browser import loaded_page, needs_browser
from tests.tabular.report.test_page import sections

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
# The page has no script, so the test adds one that writes the computed colours down.
READ_COLORS = (
    "<script>const s=getComputedStyle(document.body);document.documentElement.setAttribute('data-colors',"
    "s.color+';'+s.backgroundColor)</script></body>"
)


@needs_browser
@pytest.mark.parametrize(
    ("scheme", "colors"),
    [("light", "rgb(29, 36, 51);rgb(246, 247, 249)"), ("dark", "rgb(230, 233, 239);rgb(20, 23, 28)")],
)
def test_ink_and_ground_follow_the_color_scheme(tmp_path: Path, scheme: str, colors: str) -> None:
    page = html_page("churn", "", sections())
    assert POLICY in page
    (tmp_path / "page.html").write_text(page.replace(POLICY, "").replace("</body>", READ_COLORS), "utf-8")
    preferred = f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}"
    html = loaded_page((tmp_path / "page.html").as_uri(), tmp_path / "profile", preferred)
    assert html.split('data-colors="')[1].split('"')[0] == colors
