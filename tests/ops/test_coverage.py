from pathlib import Path

from click.testing import CliRunner

from ops.coverage import main, page

PAGE = Path(__file__).parents[2] / "docs" / "api-coverage.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `make docs`"


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, [str(tmp_path / "page.md")])
    assert (done.exit_code, done.output) == (0, "")
    assert (tmp_path / "page.md").read_text("utf-8") == page()


def test_what_is_answered_is_checked_and_what_is_not_is_open() -> None:
    lines = page().splitlines()
    assert "- [x] get_by_id" in lines
    assert "- [ ] share" in lines
    assert "- [x] ping (no class in the SDK)" in lines
    assert "## datasets" not in page()
