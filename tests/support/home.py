"""A user's home and project folder for `flows` in this process: nothing of the machine's, nothing of another test's."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from clearml_flows.cli.main import main
from tests.support.command import Done

SETTINGS = """
[clearml]
connect_timeout = 30.0
[churn]
kaggle_dataset = "owner/customers"
kaggle_file = "customers.csv"
[[churn.experiments]]
name = "forest"
family = "RandomForest"
"""


@dataclass(frozen=True)
class Home:
    """`folder` is the home directory, in which the project's settings file stands, too."""

    folder: Path

    @property
    def conf(self) -> Path:
        return self.folder / "clearml.conf"

    @property
    def data_dir(self) -> Path:
        return self.folder / ".flows"

    def flows(self, *arguments: str, stdin: str = "") -> Done:
        ended = CliRunner().invoke(main, arguments, input=stdin)
        if ended.exception and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        return Done(ended.exit_code, ended.stdout, ended.stderr)


def make_home(folder: Path, patch: pytest.MonkeyPatch) -> Home:
    folder.mkdir(exist_ok=True)
    (folder / "settings.toml").write_text(SETTINGS, "utf-8")
    patch.setenv("HOME", str(folder))
    patch.setenv("FLOWS_SETTINGS", str(folder / "settings.toml"))
    patch.chdir(folder)
    return Home(folder)
