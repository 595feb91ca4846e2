"""`flows server backup|restore|upgrade --docker`: real folders, real tar, an engine that dies in the middle."""

import json
import stat
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from clearml_flows.errors import BadInput
from clearml_flows.server import archive
from clearml_flows.server.stack import VOLUMES
from tests.server.conftest import Docker


@pytest.fixture
def server(docker: Docker) -> Docker:
    """A server that runs, with something in each volume."""
    docker.has_a_server()
    for name in VOLUMES:
        folder = docker.volume(name) / "nested"
        folder.mkdir()
        (folder / "data").write_text(f"old {name}")
    return docker


def contents(docker: Docker, generation: int) -> set[str]:
    return {(docker.volume(name, generation) / "nested" / "data").read_text() for name in VOLUMES}


OLD = {f"old {name}" for name in VOLUMES}


def test_a_backup_is_taken_of_a_server_at_rest(server: Docker, tmp_path: Path) -> None:
    kept = tmp_path / "kept.tar"
    made = json.loads(server.ok("backup", kept, "--json").stdout)
    assert made["parts"].keys() == set(VOLUMES)
    assert made["images"]["clearml/server"] == "2.4.0"
    steps = [call.split()[1 if call.startswith("compose") else 0] for call in server.calls()]
    work = [step for step in steps if step not in ("info", "version", "ps", "--profile")]
    assert work == ["volume", *["run"] * len(VOLUMES)]
    assert set(server.services().values()) == {"running"}
    with tarfile.open(kept) as file:
        assert file.getnames() == [*(f"{name}.tar" for name in VOLUMES), "manifest.json", "manifest.sha256"]
    if sys.platform != "win32":
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_the_copier_sees_one_volume_and_has_little_power(server: Docker, tmp_path: Path) -> None:
    server.ok("backup", tmp_path / "kept")
    server.ok("restore", tmp_path / "kept")
    runs = [call for call in server.calls() if call.startswith("run ")]
    assert len(runs) == 2 * len(VOLUMES)
    for call in runs:
        assert "--network none --cap-drop ALL --security-opt no-new-privileges" in call
        assert call.count("--volume ") == 1
        assert (":/volume:ro" in call) == ("--create" in call)


def test_a_restore_brings_back_what_was_saved(server: Docker, tmp_path: Path) -> None:
    server.ok("backup", tmp_path / "kept")
    for name in VOLUMES:
        (server.volume(name) / "nested" / "data").write_text("new")
    before = server.values()
    done = server.ok("restore", tmp_path / "kept")
    assert contents(server, 2) == OLD
    assert server.values() == before | {"SERVER_GENERATION": "2"}
    # The ones before stay: it may have been the wrong backup.
    assert contents(server, 1) == {"new"}
    assert f"docker volume rm {server.volume('mongo', 1).name} " in done.stdout
    server.env_file.write_text(server.env_file.read_text().replace("GENERATION='2'", "GENERATION='1'"))
    server.ok("up")
    again = json.loads(server.ok("restore", tmp_path / "kept", "--json").stdout)
    assert again["aside"] == [server.volume(name, 1).name for name in VOLUMES]
    assert server.volumes() == sorted(server.volume(name, number).name for name in VOLUMES for number in (1, 3))
    assert set(server.services().values()) == {"running"}


def test_a_restore_on_another_machine(server: Docker, tmp_path: Path) -> None:
    server.ok("backup", tmp_path / "kept")
    server.ok("down", "--volumes", "--yes")
    server.ok("restore", tmp_path / "kept")
    assert contents(server, 2) == OLD


def test_nothing_is_overwritten_but_by_force(server: Docker, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("mine")
    assert "nothing is overwritten" in server.refused("backup", kept, code=2)
    assert kept.read_text() == "mine"
    assert set(server.services().values()) == {"running"}
    server.ok("backup", kept, "--force")
    archive.verify(kept)


@pytest.mark.parametrize("volume", ["mongo", "files"])
def test_an_engine_that_dies_in_the_middle_of_a_backup(server: Docker, tmp_path: Path, volume: str) -> None:
    server.plan(dies_in=server.volume(volume).name)
    assert "docker cannot copy" in server.refused("backup", tmp_path / "kept")
    assert not [path for path in tmp_path.iterdir() if "kept" in path.name]
    assert set(server.services().values()) == {"running"}


def test_an_engine_that_dies_in_the_middle_of_a_restore(server: Docker, tmp_path: Path) -> None:
    server.ok("backup", tmp_path / "kept")
    before, volumes = server.env_file.read_text(), server.volumes()
    server.plan(dies_in=server.volume("elastic", 2).name)
    assert "docker cannot fill clearml-flows_elastic_2: the engine was stopped" in server.refused(
        "restore", tmp_path / "kept"
    )
    assert (server.env_file.read_text(), server.volumes(), contents(server, 1)) == (before, volumes, OLD)
    assert set(server.services().values()) == {"running"}


def test_a_server_that_does_not_run_on_the_backup_has_its_old_data_again(server: Docker, tmp_path: Path) -> None:
    server.ok("backup", tmp_path / "kept")
    before, volumes = server.env_file.read_text(), server.volumes()
    server.plan(ill={"mongo": "unhealthy"}, ill_from=2)
    sentence = server.refused("restore", tmp_path / "kept")
    assert "has its old data again: not healthy: mongo (unhealthy)" in sentence
    assert (server.env_file.read_text(), server.volumes(), contents(server, 1)) == (before, volumes, OLD)
    assert set(server.services().values()) == {"running"}


def test_what_a_killed_restore_left_is_not_in_the_way(server: Docker, tmp_path: Path) -> None:
    server.ok("backup", tmp_path / "kept")
    (server.volume("mongo", 2)).mkdir()
    server.ok("restore", tmp_path / "kept")
    assert server.volumes() == sorted(server.volume(name, number).name for name in VOLUMES for number in (1, 3))


def flip(data: bytearray) -> None:
    data[data.index(b"old elastic")] ^= 1


def flip_manifest(data: bytearray) -> None:
    data[data.index(b'"created": "2') + 13] ^= 1


def cut(data: bytearray) -> None:
    del data[-2000:]


def cut_hard(data: bytearray) -> None:
    del data[3000:]


def other_format(data: bytearray) -> None:
    data[:] = b"PK\x03\x04 a zip"


def emptied(data: bytearray) -> None:
    data.clear()


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (flip, "is damaged: elastic.tar is not what was saved"),
        (flip_manifest, "is damaged: its manifest is not what was saved"),
        (cut, "is no whole backup"),
        (cut_hard, "is no whole backup"),
        (other_format, "is no whole backup"),
        (emptied, "is no whole backup"),
    ],
)
def test_damage_is_found(tmp_path: Path, harm: Callable[[bytearray], None], sentence: str) -> None:
    path = tmp_path / "kept"
    with archive.Writer(path, "2026-11-23", {"mongo": "8.0.15"}) as file:
        for name in VOLUMES:
            file.add(name, [f"old {name}".encode(), bytes(1000)])
    data = bytearray(path.read_bytes())
    harm(data)
    path.write_bytes(data)
    with pytest.raises(BadInput, match=sentence):
        archive.verify(path)


def test_a_damaged_backup_touches_nothing(server: Docker, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    server.ok("backup", kept)
    data = bytearray(kept.read_bytes())
    flip(data)
    kept.write_bytes(data)
    before, _ = server.env_file.read_text(), server.calls()
    assert "is damaged: elastic.tar" in server.refused("restore", kept, code=2)
    assert (server.calls(), server.env_file.read_text(), contents(server, 1)) == ([], before, OLD)


def test_every_byte_of_the_data_counts(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    with archive.Writer(path, "now", {}) as file:
        file.add("mongo", [b"ab", b"cd"])
    whole = path.read_bytes()
    part = file.manifest.parts["mongo"]
    assert b"".join(archive.chunks(path, "mongo", part)) == b"abcd"
    for place in range(512, 516):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 128]) + whole[place + 1 :])
        with pytest.raises(BadInput):
            archive.verify(path)
        with pytest.raises(BadInput):
            list(archive.chunks(path, "mongo", part))


def test_a_backup_that_is_not_there_or_of_another_release(server: Docker, tmp_path: Path) -> None:
    assert "cannot be read: No such file" in server.refused("restore", tmp_path / "none", code=2)
    assert "cannot be read: Is a directory" in server.refused("restore", tmp_path, code=2)
    with archive.Writer(tmp_path / "older", "2025-01-01", {"clearml/server": "2.3.0", "mongo": "8.0.15"}):
        pass
    sentence = server.refused("restore", tmp_path / "older", code=2)
    assert "clearml/server 2.3.0 → 2.4.0" in sentence
    assert contents(server, 1) == OLD


def records(server: Docker, images: str) -> None:
    """As if the data had last been used by these releases."""
    line = f"SERVER_IMAGES='{server.values()['SERVER_IMAGES']}'"
    server.env_file.write_text(server.env_file.read_text().replace(line, f"SERVER_IMAGES='{images}'"))


BEFORE = "clearml/server:2.3.0 elasticsearch:8.17.0 mongo:8.0.15 redis:8.2.3"


def test_an_upgrade_makes_a_backup_first(server: Docker) -> None:
    assert "nothing to do" in server.ok("upgrade").stdout
    records(server, BEFORE)
    assert "`flows server upgrade --docker` makes a backup and upgrades" in server.refused("up")
    server.calls()
    done = json.loads(server.ok("upgrade", "--json").stdout)
    assert archive.verify(Path(done["backup"])).images["clearml/server"] == "2.3.0"
    calls = server.calls()
    stages = [stage for call in calls for stage in (" pull ", " stop", "run ", " up ") if stage in call[:40]]
    assert stages == [" pull ", " stop", *["run "] * len(VOLUMES), " up "]
    assert "clearml/server:2.4.0" in server.values()["SERVER_IMAGES"]
    assert contents(server, 1) == OLD
    server.ok("up")


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        ("clearml/server:2.5.0 elasticsearch:8.19.9 mongo:8.0.15 redis:8.2.3", "was last used by clearml/server 2.5.0"),
        ("clearml/server:2.4.0 elasticsearch:9.0.0 mongo:8.0.15 redis:8.2.3", "elasticsearch 9.0.0"),
        ("clearml/server:2.0.0 elasticsearch:8.17.0 mongo:6.0.19 redis:7.4.1", "not from 6.0.19 to 8.0.15"),
    ],
)
@pytest.mark.parametrize("verb", ["up", "upgrade"])
def test_a_downgrade_and_a_leap_are_refused(server: Docker, images: str, sentence: str, verb: str) -> None:
    records(server, images)
    assert sentence in server.refused(verb)
    assert not [call for call in server.calls() if "pull" in call or "stop" in call]


def test_an_upgrade_that_fails_names_the_way_back(server: Docker) -> None:
    records(server, BEFORE)
    server.plan(fails={" up ": "no space left on device"})
    assert "take the checkout from before and `flows server restore" in server.refused("upgrade")


def test_an_upgrade_without_its_images_changes_nothing(server: Docker) -> None:
    records(server, BEFORE)
    server.plan(fails={"pull": "manifest unknown"})
    assert "docker cannot fetch the images" in server.refused("upgrade")
    assert server.values()["SERVER_IMAGES"] == BEFORE
    assert set(server.services().values()) == {"running"}


def test_agents_that_ran_run_again_after_a_restore_and_an_upgrade(server: Docker, tmp_path: Path) -> None:
    server.ok("up", "--agents")
    server.ok("backup", tmp_path / "kept")
    assert len(server.services()) == 10
    server.ok("restore", tmp_path / "kept")
    assert len(server.services()) == 10
    records(server, BEFORE)
    server.ok("upgrade")
    assert set(server.services().values()) == {"running"}
    assert len(server.services()) == 10


def test_an_upgrade_whose_backup_fails_changes_nothing(server: Docker) -> None:
    records(server, BEFORE)
    before = server.env_file.read_text()
    server.plan(dies_in=server.volume("redis").name)
    assert "docker cannot copy" in server.refused("upgrade")
    assert server.env_file.read_text() == before
    assert set(server.services().values()) == {"running"}
