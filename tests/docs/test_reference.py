"""The generated pages, and that what they tell can be done."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from clearml_flows.settings import keys, variable
from docs.reference import commands, commands_page, main, settings_page
from tests.support.understood import check_understood

ROOT = Path(__file__).parents[2]
SETTINGS = (ROOT / "settings.toml").read_text("utf-8")
LEAVES = {context.command_path: context for context in commands() if not isinstance(context.command, click.Group)}
EXAMPLES = [
    line.partition("  #")[0].strip()
    for context in LEAVES.values()
    for line in (context.command.epilog or "").splitlines()
    if line.strip().startswith("flows ")
]


@pytest.mark.parametrize("name", ["commands.md", "settings.md"])
def test_the_pages_are_up_to_date(name: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, [str(tmp_path)])
    assert (done.exit_code, done.output) == (0, "")
    assert (ROOT / "docs" / name).read_text("utf-8") == (tmp_path / name).read_text("utf-8"), "run `make docs`"


def test_every_command_is_told_with_its_help() -> None:
    page = commands_page()
    assert "## flows experiments compare\n" in page
    assert "Usage: flows experiments compare [OPTIONS] [ID]..." in page
    for path, context in LEAVES.items():
        assert f"## {path}\n" in page
        assert context.command.help, path


def test_every_setting_is_told_with_its_manual_default_and_variable() -> None:
    page = settings_page(SETTINGS)
    for key in keys():
        section = page.partition(f"### {key}\n\n")[2].partition("\n### ")[0]
        manual, place = section.split("\n\n")[:2]
        assert len(manual) > 5, f"settings.toml tells nothing above {key}"
        assert f"`{variable(key)}`" in place
    assert "Default: `5` · environment: `FLOWS__TRAINING__FOLDS`" in page


def test_the_help_of_every_command_has_an_example() -> None:
    assert [path for path, context in LEAVES.items() if f"  {path}" not in (context.command.epilog or "")] == []


def test_every_example_of_the_help_is_understood() -> None:
    assert len(EXAMPLES) > 100
    for line in EXAMPLES:
        check_understood(line)
