from pathlib import Path

from click.testing import CliRunner

from docs.api_coverage import main, page

PAGE = Path(__file__).parents[2] / "docs" / "api-coverage.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `make docs`"


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, [str(tmp_path / "page.md")])
    assert (done.exit_code, done.output) == (0, "")
    assert (tmp_path / "page.md").read_text("utf-8") == page()


def test_the_page_counts_against_the_servers_own_endpoints() -> None:
    lines = page().splitlines()
    (total,) = [line for line in lines if line.startswith("| **all** |")]
    assert " of 204 |" in total
    assert any(line.startswith("| tasks | ") for line in lines)


def test_the_page_names_what_is_left_out_with_the_reason() -> None:
    assert (
        "- Left out: get_settings, reset_settings, set_settings: storage settings of the web application"
        in page().splitlines()
    )
    assert any(line.startswith("- Left out: ") and line.endswith(": ClearML Serving") for line in page().splitlines())
