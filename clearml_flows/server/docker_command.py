"""Run the `docker` command. Its errors become one sentence."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from clearml_flows.errors import FlowsError

_STDERR = 2
# Variables of the shell override the .env in compose, so variables with these prefixes are removed.
_OURS = ("SERVER_", "COMPOSE_")


def ask(*words: str, to: str, seconds: float = 120.0) -> str:
    """Return the output of `docker WORDS`.

    Raises FlowsError, "docker cannot <to>: …", if the command fails or times out.
    """
    done = _run([*words], to, stdout=subprocess.PIPE, stderr=subprocess.PIPE, seconds=seconds)
    if done.returncode:
        raise FlowsError(f"docker cannot {to}: {_reason(done.stderr)}")
    return done.stdout.decode("utf-8", "replace")


def documents(*words: str, to: str) -> list[Any]:
    """Return the JSON output of `docker WORDS`: a list of documents, or one document a line.

    Raises FlowsError.
    """
    told = ask(*words, to=to).strip()
    try:
        found = json.loads(told) if told.startswith("[") else [json.loads(line) for line in told.splitlines()]
    except ValueError:
        raise FlowsError(f"docker cannot {to}: its answer is not JSON but {told[:80]!r}; upgrade Docker") from None
    return [document for document in found if document]


def tell(*words: str, to: str) -> None:
    """Run `docker WORDS` and show its progress on stderr. Raises FlowsError if it fails."""
    done = _run([*words], to, stdout=_STDERR, stderr=None)
    if done.returncode:
        raise FlowsError(f"docker cannot {to} (exit code {done.returncode}); what it says is above")


def show(*words: str, to: str) -> None:
    """Run `docker WORDS` and show its output on stdout. Raises FlowsError if it fails."""
    sys.stdout.flush()
    done = _run([*words], to, stdout=None, stderr=None)
    if done.returncode:
        raise FlowsError(f"docker cannot {to} (exit code {done.returncode}); what it says is above")


@contextmanager
def reading(*words: str, to: str) -> Iterator[IO[bytes]]:
    """Yield the output of `docker WORDS` as a stream.

    Raises FlowsError at the end of the block if the command failed.
    """
    with _piped(words, to, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None  # noqa: S101 - a pipe was requested above
        yield process.stdout


def feed(words: Iterable[str], chunks: Iterable[bytes], to: str) -> None:
    """Write chunks to the input of `docker WORDS`.

    Raises FlowsError if the command fails, even if it has read all chunks.
    """
    with _piped(words, to, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stdin is not None  # noqa: S101 - a pipe was requested above
        try:
            for chunk in chunks:
                process.stdin.write(chunk)
            process.stdin.close()
        except BrokenPipeError:
            # The command ended early. `_piped` reports its exit code and its last line.
            process.stdin = None


@contextmanager
def _piped(
    words: Iterable[str], to: str, stdin: int = subprocess.DEVNULL, stdout: int | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [_command(), *words], stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, env=_environment()
    )
    try:
        yield process
        complaint = process.stderr.read() if process.stderr else b""
        if process.wait():
            raise FlowsError(f"docker cannot {to}: {_reason(complaint)}")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe and not pipe.closed:
                pipe.close()


def _run(
    words: list[str], to: str, stdout: int | None, stderr: int | None, seconds: float | None = None
) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(
            [_command(), *words],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env=_environment(),
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise FlowsError(f"docker cannot {to}: no answer within {seconds:.0f} seconds; restart Docker") from None
    except OSError as error:
        raise FlowsError(f"docker cannot {to}: {error.strerror or error}") from None


def _command() -> str:
    found = shutil.which("docker")
    if found is None:
        raise FlowsError("the command docker is not on PATH; install Docker (https://docs.docker.com/get-docker/)")
    return found


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}


def _reason(complaint: bytes) -> str:
    lines = [line.strip() for line in complaint.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it does not say why"
