"""Process of an agent: `clearml-agent` with a rotating log and no output while it is idle.

python clearml_flows/agents/agent_process.py LOG daemon --queue default …      (LOG is a file, or - for standard output)
"""

import os
import runpy
import sys
import threading
from logging import Formatter, Handler, LogRecord, StreamHandler
from logging.handlers import RotatingFileHandler
from typing import IO

MAX_BYTES = 5_000_000
IDLE = ("No tasks in queue", "No tasks in Queues")


def main() -> None:
    """Run clearml-agent with the arguments after the path of the log."""
    # The log is private, and the agent's temporary files contain credentials.
    os.umask(0o077)
    log = _log(sys.argv.pop(1))
    reader, writer = os.pipe()
    for descriptor in (1, 2):
        os.dup2(writer, descriptor)
    os.close(writer)
    copier = threading.Thread(target=_copy, args=(os.fdopen(reader, "r", errors="replace"), log), daemon=True)
    copier.start()
    try:
        runpy.run_module("clearml_agent", run_name="__main__", alter_sys=True)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.closerange(1, 3)
        copier.join(timeout=2)


def _log(path: str) -> Handler:
    if path == "-":
        return StreamHandler(os.fdopen(os.dup(1), "w", buffering=1))
    log = RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=1)
    log.setFormatter(Formatter("%(asctime)s %(message)s"))
    return log


def _copy(lines: IO[str], log: Handler) -> None:
    for line in lines:
        if line.strip() and not line.startswith(IDLE):
            log.emit(LogRecord("agent", 0, "", 0, line.rstrip(), None, None))


if __name__ == "__main__":
    main()
