"""A `docker` whose engine is a folder: volumes are folders of it, containers lines of a file; tar really runs.

FAKE_DOCKER names the folder. `plan.json` in it says what goes wrong; `calls.jsonl` gets every command line. It is
started hundreds of times: what takes long to import (pathlib, shutil) is imported where it is needed, or not at all.
"""

import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

HOME = os.environ["FAKE_DOCKER"]
WORDS = sys.argv[1:]
CORE = ("mongo", "elasticsearch", "redis", "apiserver", "fileserver", "webserver", "async_delete")
AGENTS = ("door", "agent_default", "agent_services")
VOLUMES = ("mongo", "mongo_config", "elastic", "redis", "files")


def main() -> None:
    plan = read("plan.json")
    with open(f"{HOME}/calls.jsonl", "a", encoding="utf-8") as calls:
        calls.write(json.dumps(WORDS) + "\n")
    for part, message in plan.get("fails", {}).items():
        if part in " ".join(WORDS):
            fail(message)
    if WORDS[0] == "info":
        info(plan)
    elif WORDS[0] == "volume":
        volume(WORDS[1], WORDS[2:])
    elif WORDS[0] == "context":
        print(plan.get("host", "unix:///var/run/docker.sock"))
    elif WORDS[0] == "ps":
        print(plan.get("started_from", ""))
    elif WORDS[0] == "run":
        run(plan)
    elif WORDS[:2] == ["compose", "version"]:
        print(plan["compose"]) if plan["compose"] else fail("docker: 'compose' is not a docker command.")
    elif WORDS[0] == "compose":
        compose(plan)


def info(plan: "dict[str, Any]") -> None:
    if plan["engine"] != "up":
        fail(plan["engine"])
    print(json.dumps({"MemTotal": plan["memory"], "DockerRootDir": "/nowhere", "OperatingSystem": plan["os"]}))


def volume(action: str, rest: list[str]) -> None:
    names = [word for word in rest if "_" in word and "=" not in word]
    if action == "ls":
        print("\n".join(sorted(os.listdir(f"{HOME}/volumes"))))
    elif action == "create":
        os.mkdir(f"{HOME}/volumes/{names[0]}")
    elif action == "inspect" and not all(os.path.isdir(f"{HOME}/volumes/{name}") for name in names):
        fail("no such volume")
    elif action == "rm":
        import shutil

        for name in names:
            shutil.rmtree(f"{HOME}/volumes/{name}", ignore_errors=True)


def run(plan: "dict[str, Any]") -> None:
    name = WORDS[WORDS.index("--volume") + 1].split(":")[0]
    tar = WORDS[WORDS.index("--create" if "--create" in WORDS else "--extract") :]
    tar[tar.index("/volume")] = f"{HOME}/volumes/{name}"
    if plan.get("hangs_in") == name:
        import time

        with open(f"{HOME}/hangs", "w", encoding="utf-8"):
            time.sleep(60)
    if plan.get("dies_in") == name:
        if "--create" in tar:
            sys.stdout.write("x" * 700)
        fail("the engine was stopped")
    sys.stdout.flush()
    os.execvp("tar", ["tar", *tar])


def compose(plan: "dict[str, Any]") -> None:
    with open(option("--env-file"), encoding="utf-8") as file:
        values = dict(line.rstrip("\n'").split("='", 1) for line in file if "='" in line)
    generation = int(values["SERVER_GENERATION"])
    action = next(word for word in WORDS if word in ("pull", "up", "down", "stop", "ps", "logs"))
    there = read("services.json")
    if action == "up":
        for name in VOLUMES:
            os.makedirs(f"{HOME}/volumes/{option('--project-name')}_{name}_{generation}", exist_ok=True)
        named = [name for name in WORDS[WORDS.index("up") :] if name in CORE + AGENTS]
        there.update(dict.fromkeys(named or (CORE + AGENTS if "agents" in WORDS else CORE), "running"))
    elif action == "down":
        there = {}
    elif action == "stop":
        there = dict.fromkeys(there, "exited")
    elif action == "ps":
        ps(plan, there, generation)
    elif action == "logs":
        print("a line of the log")
    with open(f"{HOME}/services.json", "w", encoding="utf-8") as file:
        json.dump(there, file)


def ps(plan: "dict[str, Any]", there: dict[str, str], generation: int) -> None:
    ill = plan.get("ill", {}) if generation >= plan.get("ill_from", 0) else {}
    rows = [
        {"Service": name, "State": state, "Health": ill.get(name, "healthy") if state == "running" else ""}
        for name, state in there.items()
    ]
    if plan.get("old_json") == "oops":
        print("oops")
        return
    print(json.dumps(rows) if plan.get("old_json") else "\n".join(json.dumps(row) for row in rows))


def read(name: str) -> "dict[str, Any]":
    with open(f"{HOME}/{name}", encoding="utf-8") as file:
        return dict(json.load(file))


def option(name: str) -> str:
    return WORDS[WORDS.index(name) + 1]


def fail(message: str) -> "NoReturn":
    sys.stderr.write(message + "\n")
    sys.exit(1)


if __name__ == "__main__":
    main()
