"""The shell's tab key, in a real bash."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.installed import install_flows

ROOT = Path(__file__).parents[2]
PRESS_TAB = """
eval "$(_FLOWS_COMPLETE=bash_source flows)"
complete -p flows
COMP_WORDS=({words})
COMP_CWORD={place}
_flows_completion flows
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completed(folder: Path, *words: str) -> list[str]:
    script = PRESS_TAB.format(words=" ".join(f"'{word}'" for word in words), place=len(words) - 1)
    env = {**os.environ, "PATH": install_flows(folder / "bin"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, timeout=60, check=True)
    registered, *found = done.stdout.split("\n")
    assert "-F _flows_completion flows" in registered
    return [word for word in found if word]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("flows", "exp"), ["experiments"]),
        (("flows", "experiments", "l"), ["leaderboard", "list"]),
        (("flows", "experiments", "export", "--form"), ["--format"]),
        (("flows", "experiments", "export", "--format", ""), ["csv", "json", "md", "html"]),
    ],
)
def test_the_tab_key_completes_commands_options_and_values(
    tmp_path: Path, words: tuple[str, ...], found: list[str]
) -> None:
    assert sorted(completed(tmp_path, *words)) == sorted(found)
