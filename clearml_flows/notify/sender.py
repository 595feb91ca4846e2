"""Send messages in a separate process, which is killed at its timeout.

A timeout inside the process is not enough: a server may send one byte at a time, a name may not resolve,
a library may wait without a limit. A thread that hangs would keep the monitor from ending.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from threading import Timer
from time import monotonic
from typing import Any, TextIO

from clearml_flows.notify.channels import Channel
from clearml_flows.notify.masking import Masker, parts
from clearml_flows.notify.outcome import AGAIN, Outcome
from clearml_flows.notify.safe_text import beginning, one_line

ERROR_BYTES = 300


@dataclass(frozen=True)
class Delivery:
    """A message for the sending process.

    Attributes:
        number: number of the message in the outbox.
        kind: kind of the event.
        subject: subject of the text.
        body: body of the text.
        document: JSON document, for a plain webhook.
    """

    number: int
    kind: str
    subject: str = ""
    body: str = ""
    document: dict[str, Any] | None = None


class Sender:
    """Sends a channel's messages in order, in one process, until a message has to be retried."""

    def __init__(self, channel: Channel, deliveries: Sequence[Delivery], seconds: float) -> None:
        self._deliveries = deliveries
        self._seconds = seconds
        self._masker = Masker({}, parts(channel.url))
        # The URL goes through a pipe, since other users can see arguments and environment of a process.
        self._told = {
            "url": channel.url,
            "plain": channel.plain_webhook,
            "seconds": seconds,
            "deliveries": [asdict(delivery) for delivery in deliveries],
        }
        self._process: subprocess.Popen[str] | None = None

    def outcomes(self) -> dict[int, Outcome]:
        """Send the messages and return outcomes by number. Messages that were not started have none."""
        try:
            self._process = _start()
        except OSError as wrong:
            return {self._deliveries[0].number: Outcome(AGAIN, f"no process can be started: {wrong.strerror}")}
        printed, why = self._communicate(self._process)
        found = dict(_outcome(line) for line in printed.splitlines() if line.endswith("}"))
        told = {number: Outcome(one.state, self._shown(one.error), one.after) for number, one in found.items()}
        broke_off = why and not any(outcome.state == AGAIN for outcome in told.values())
        unknown = [delivery.number for delivery in self._deliveries if delivery.number not in told]
        if unknown and broke_off:
            told[unknown[0]] = Outcome(AGAIN, why)
        return told

    def stop(self) -> None:
        """Kill the process if it runs. `outcomes` then returns soon."""
        if self._process:
            self._process.kill()

    def _shown(self, error: str) -> str:
        return beginning(one_line(self._masker(error)), ERROR_BYTES)

    def _communicate(self, process: subprocess.Popen[str]) -> tuple[str, str]:
        """Return the output of the process, and why it is incomplete or an empty text."""
        try:
            printed, _ = process.communicate(json.dumps(self._told), timeout=self._seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            printed, _ = process.communicate()
            return printed, f"no answer within {self._seconds:g} s"
        ended = f"the sending process ended with exit code {process.returncode}"
        return printed, ended if process.returncode else ""


def main(given: TextIO, told: TextIO) -> None:
    """Send the messages of a request.

    Args:
        given: stream with the request as JSON.
        told: stream that gets a JSON line per outcome.
    """
    asked = json.load(given)
    begun = monotonic()
    # If the parent is killed, this timer ends the process.
    last = Timer(asked["seconds"] + 1, os._exit, (1,))
    last.daemon = True
    last.start()
    for delivery in (Delivery(**one) for one in asked["deliveries"]):
        if monotonic() - begun > asked["seconds"] / 2:
            return  # the next process has the full timeout for the rest
        outcome = _send(asked["url"], asked["plain"], delivery, asked["seconds"])
        told.write(json.dumps({"number": delivery.number, **asdict(outcome)}) + "\n")
        told.flush()
        if outcome.state == AGAIN:
            return


def _start() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "clearml_flows.notify.sender"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # The output of a library may contain tokens.
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        # Ctrl-C must not interrupt a delivery, since the message would be sent again.
        start_new_session=True,
    )


def _send(url: str, plain: bool, delivery: Delivery, seconds: float) -> Outcome:
    try:
        if plain:
            from clearml_flows.notify.webhook import post

            return post(url, delivery.document or {}, seconds)
        from clearml_flows.notify.message import Message
        from clearml_flows.notify.services import open_service, send

        return send(open_service(url), delivery.kind, Message(delivery.subject, delivery.body))
    except Exception as wrong:  # a service plugin of apprise may raise any exception
        return Outcome(AGAIN, f"{type(wrong).__name__} in the code that sends")


def _outcome(line: str) -> tuple[int, Outcome]:
    told = json.loads(line)
    return told["number"], Outcome(told["state"], told["error"], told["after"])


if __name__ == "__main__":
    # Keep the output of libraries out of the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    main(sys.stdin, answers)
