"""A command at a terminal of its own, as a person has one: what it shows, and what is typed into it."""

import fcntl
import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

PATIENCE = 90.0


class Terminal:
    def __init__(self, process: "subprocess.Popen[bytes]", terminal: int) -> None:
        self.process = process
        self.terminal = terminal
        self.shown = ""
        self.seen = 0

    def wait_for(self, text: str) -> None:
        """Wait until it shows this, after what was waited for before."""
        while text not in self.shown[self.seen :]:
            assert self._read(), f"{text!r} is not shown: {self.shown}"
        self.seen = self.shown.index(text, self.seen) + len(text)

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def answer(self, question: str, answer: str) -> None:
        self.wait_for(question)
        self.type(answer + "\n")

    def end(self) -> int:
        """Read all that it shows up to its end; its exit code."""
        while self._read():
            pass
        return self.process.wait(PATIENCE)

    def wait_until_hidden(self) -> None:
        """Wait until what is typed is no longer shown."""
        deadline = time.monotonic() + PATIENCE
        while self.echoes():
            assert time.monotonic() < deadline, self.shown
            time.sleep(0.01)

    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.terminal)[3] & termios.ECHO)

    def _read(self) -> bool:
        ready, _, _ = select.select([self.terminal], [], [], PATIENCE)
        part = b""
        with suppress(OSError):  # how Linux tells that nobody has the terminal open any more
            part = os.read(self.terminal, 65536) if ready else b""
        self.shown += part.decode("utf-8", "replace")
        return bool(part)


@contextmanager
def at_a_terminal(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Terminal]:
    """Run the command for as long as the context lasts."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        # It is the terminal that Ctrl-C comes from.
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    # With it open here, too, the end of the process would not be the end of what can be read.
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
