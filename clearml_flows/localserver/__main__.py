"""Run, back up and restore the embedded ClearML backend of a data directory.

Exit codes: 0 success, 1 failure, 2 usage error, 5 (`status`) not running.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from clearml_flows.localserver import launcher
from clearml_flows.localserver.state import Failure

FAILED, NOT_RUNNING = 1, 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the arguments, run one command, and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.do(options)
    except Failure as failure:
        sys.stderr.write(f"{failure}\n")
        return FAILED
    return code


def _up(options: argparse.Namespace) -> int:
    status = launcher.up(options.data_dir, options.api_port, options.files_port, options.timeout)
    _show(status, options.json)
    return 0


def _down(options: argparse.Namespace) -> int:
    stopped = launcher.down(options.data_dir)
    if options.json:
        sys.stdout.write(json.dumps({"stopped": stopped}) + "\n")
    else:
        sys.stdout.write("Stopped.\n" if stopped else "No server is running.\n")
    return 0


def _status(options: argparse.Namespace) -> int:
    status = launcher.status(options.data_dir)
    _show(status, options.json)
    return 0 if status.running else NOT_RUNNING


def _show(status: launcher.Status, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(asdict(status)) + "\n")
    elif not status.running:
        sys.stdout.write(f"No server is running on {status.data_dir}.\n")
    else:
        sys.stdout.write(
            f"Pages and API  {status.web_url}\nFiles          {status.files_url}\n"
            f"Process        {status.pid}\nConfiguration  {status.config_file}\n"
        )


def _logs(options: argparse.Namespace) -> int:
    lines = launcher.logs(options.data_dir, options.lines)
    text = json.dumps(lines) + "\n" if options.json else "".join(line + "\n" for line in lines)
    sys.stdout.write(text)
    return 0


def _reset(options: argparse.Namespace) -> int:
    if not options.yes:
        sys.stderr.write("reset removes all runs, models and files of the backend; add --yes to confirm\n")
        return 2
    launcher.reset(options.data_dir)
    return 0


def _backup(options: argparse.Namespace) -> int:
    from clearml_flows.localserver.backup import backup

    made = backup(options.data_dir, options.file, options.force)
    _tell(options, made, f"{made.file} contains {_counted(made.counts)}.")
    return 0


def _restore(options: argparse.Namespace) -> int:
    from clearml_flows.localserver.restore import restore

    done = restore(options.data_dir, options.file)
    before = f" The previous data is in {done.aside}." if done.aside else ""
    _tell(options, done, f"Restored {_counted(done.backup.counts)}.{before}")
    return 0


def _upgrade(options: argparse.Namespace) -> int:
    from clearml_flows.localserver.restore import upgrade

    done = upgrade(options.data_dir, options.file)
    said = (
        f"Upgraded from {done.before} to {done.after}; backup: {done.backup.file}."
        if done.backup
        else "The store is up to date."
    )
    _tell(options, done, said)
    return 0


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _tell(options: argparse.Namespace, done: Any, sentence: str) -> None:
    sys.stdout.write((json.dumps(asdict(done)) if options.json else sentence) + "\n")


def _serve(options: argparse.Namespace) -> int:
    # Imported here, so that other commands do not load the server's modules.
    from clearml_flows.localserver.serve import serve

    serve(options.data_dir, options.api_port, options.files_port, options.parent)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m clearml_flows.localserver", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--data-dir", type=Path, required=True, help="the server's data directory")
    common.add_argument("--json", action="store_true", help="print one JSON document")
    ports = argparse.ArgumentParser(add_help=False)
    for name in ("--api-port", "--files-port"):
        ports.add_argument(name, type=_port, default=0, help="0: the remembered port, else a free one")
    for name, do, parents, text in (
        ("up", _up, [common, ports], "start the server if it is not running"),
        ("down", _down, [common], "stop the server"),
        ("status", _status, [common], "show whether the server is running, and its URLs"),
        ("logs", _logs, [common], "print the last lines of the log"),
        ("reset", _reset, [common], "remove all data of a stopped server"),
        ("backup", _backup, [common], "write all data to one file, also while the server is running"),
        ("restore", _restore, [common], "replace the data of a stopped server with a backup"),
        ("upgrade", _upgrade, [common], "back up a stopped server and upgrade its store to this release"),
        ("serve", _serve, [common, ports], "run the server in the foreground"),
    ):
        command = commands.add_parser(name, parents=parents, help=text, description=text)
        command.set_defaults(do=do)
        if name == "serve":
            command.add_argument("--parent", type=int, metavar="PID", help="stop when this process ends")
        if name == "up":
            command.add_argument("--timeout", type=float, default=30.0, help="seconds to wait for the first answer")
        if name == "logs":
            command.add_argument("-n", "--lines", type=int, default=100)
        if name in ("backup", "restore"):
            command.add_argument("file", type=Path)
        if name == "backup":
            command.add_argument("--force", action="store_true", help="replace an existing file")
        if name == "upgrade":
            command.add_argument(
                "file", type=Path, nargs="?", help="path of the backup (default: in the data directory)"
            )
        if name == "reset":
            command.add_argument("--yes", action="store_true", help="confirm the removal")
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, got {port}")
    return port


if __name__ == "__main__":
    sys.exit(main())
