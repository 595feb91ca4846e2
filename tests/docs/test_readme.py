"""README and docs name commands, options, files and make targets that exist."""

import re
from pathlib import Path

import click

from clearml_flows.cli.main import main
from clearml_flows.cli.run import run_command

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = ["runs", "agents", "datasets", "experiments", "models", "backend"]
LINES = [
    line
    for page in [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in COMMANDS)]
    for line in re.findall(r"^flows (.+)$", page.read_text("utf-8"), re.M)
]


def test_each_make_target_exists() -> None:
    targets = re.findall(r"^make (\w+)", README, re.M)
    assert {"run", "test"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:.*##", (ROOT / "Makefile").read_text("utf-8"), re.M), target


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 110


def test_each_linked_file_exists() -> None:
    links = [(page, link) for page in PAGES for link in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text("utf-8"))]
    assert len(links) > 20
    assert [(page.name, link) for page, link in links if not (page.parent / link).exists()] == []


def test_each_option_of_a_run_exists() -> None:
    options = {option for parameter in run_command("churn").params for option in parameter.opts}
    named = set(re.findall(r"churn_flow\.py .*?(--[\w-]+)|`(--[\w-]+)", README))
    assert {option for pair in named for option in pair if option} <= options


def test_each_flows_command_exists() -> None:
    assert len(LINES) > 50
    for line in LINES:
        noun, _, verbs = line.partition("#")[0].strip().partition(" ")
        command = main.commands[noun]
        if isinstance(command, click.Group):
            assert {verb.split()[0] for verb in verbs.split("|") if verb.strip()} <= command.commands.keys(), line
        else:
            named = {word for word in verbs.split() if word.startswith("-")}
            assert named <= {option for parameter in command.params for option in parameter.opts}, line
