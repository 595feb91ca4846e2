"""A `docker` on PATH that plays the engine, and `flows server … --docker` in this process."""

import json
import os
import socket
import sys
from functools import partial
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from click.testing import CliRunner, Result

from clearml_flows.cli.main import main
from clearml_flows.server import env_file, health, machine, releases
from clearml_flows.server.stack import VOLUMES, stack
from clearml_flows.settings import load

SERVICES = ("mongo", "elasticsearch", "redis", "apiserver", "fileserver", "webserver", "async_delete")
FAKE = Path(__file__).parents[1] / "support" / "fake_docker.py"


class Docker:
    """The fake engine and the server of one data directory."""

    def __init__(self, home: Path, data: Path) -> None:
        self.home, self.data = home, data
        self.env_file = data / "docker" / ".env"
        (home / "volumes").mkdir()
        (home / "services.json").write_text("{}")
        self.plan()

    def plan(self, **changes: Any) -> None:
        """What the engine does from now on: all goes well but for `changes`."""
        well = {"engine": "up", "compose": "2.29.1", "memory": 16 * 2**30, "os": "Linux"}
        (self.home / "plan.json").write_text(json.dumps(well | changes))

    def has_a_server(self) -> None:
        """As after `flows server up --docker`, without the time that takes."""
        settings, of = load(), stack(load())
        values = env_file.new() | env_file.from_settings(settings.docker)
        of.folder.mkdir(parents=True)
        env_file.write(of.env_file, values | {"SERVER_IMAGES": releases.as_line(of.images())})
        for name in VOLUMES:
            self.volume(name).mkdir()
        (self.home / "services.json").write_text(json.dumps(dict.fromkeys(SERVICES, "running")))

    def calls(self) -> list[str]:
        """The command lines since the last look, without the options of compose."""
        path = self.home / "calls.jsonl"
        lines = path.read_text().splitlines() if path.is_file() else []
        path.unlink(missing_ok=True)
        return [" ".join(self._short(json.loads(line))) for line in lines]

    def volume(self, name: str, generation: int = 1) -> Path:
        return self.home / "volumes" / f"clearml-flows_{name}_{generation}"

    def volumes(self) -> list[str]:
        return sorted(path.name for path in (self.home / "volumes").iterdir())

    def services(self) -> dict[str, str]:
        return dict(json.loads((self.home / "services.json").read_text()))

    def values(self) -> dict[str, str]:
        lines = self.env_file.read_text().splitlines()
        return {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines if "='" in line)}

    def server(self, *arguments: str | Path) -> Result:
        return CliRunner().invoke(main, ["server", *map(str, arguments), "--docker"])

    def ok(self, *arguments: str | Path) -> Result:
        done = self.server(*arguments)
        assert done.exit_code == 0, done.output
        return done

    def refused(self, *arguments: str | Path, code: int = 1) -> str:
        """The sentence with which the command ends, without a traceback and with nothing on stdout."""
        done = self.server(*arguments)
        assert (done.exit_code, done.stdout) == (code, ""), done.output
        assert isinstance(done.exception, SystemExit)
        [sentence] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        return sentence

    @staticmethod
    def _short(words: list[str]) -> list[str]:
        if words[0] == "compose" and "--file" in words:
            rest = words[words.index("--file") + 2 :]
            return ["compose", *rest]
        return words


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    home, bin_folder = tmp_path / "engine", tmp_path / "bin"
    home.mkdir()
    bin_folder.mkdir()
    command = bin_folder / "docker"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -I -B "{FAKE}" "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_DOCKER", str(home))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("FLOWS__SERVER__DATA_DIR", str(tmp_path / "data"))
    for name, port in zip(("API", "WEB", "FILES"), free_ports(3), strict=True):
        monkeypatch.setenv(f"FLOWS__DOCKER__{name}_PORT", str(port))
    map_count = tmp_path / "max_map_count"
    map_count.write_text("524288\n")
    monkeypatch.setattr(machine, "MAP_COUNT", map_count)
    monkeypatch.setattr(health, "_POLL_SECONDS", 0.0)
    # The least work that bcrypt can be asked for.
    monkeypatch.setattr(bcrypt, "gensalt", partial(bcrypt.gensalt, 4))
    return Docker(home, tmp_path / "data")


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
