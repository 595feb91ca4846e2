"""Result of a check."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from clearml_flows.backend.connection import Backend
from clearml_flows.settings import Settings

STATUSES = ("ok", "warning", "failed", "skipped")


@dataclass(frozen=True)
class CheckResult:
    """Result of one check.

    `fix` is the command that repairs the problem. `mend` repairs it if that is safe, and returns what it did.
    """

    check: str
    status: str
    message: str
    fix: str | None = None
    mend: Callable[[], str] | None = field(default=None, repr=False, compare=False)
    fixed: bool = False

    def mended(self) -> "CheckResult":
        """Run `mend` and return the repaired finding. Raises what `mend` raises."""
        if self.mend is None:
            return self
        return replace(self, status="ok", message=f"{self.message}: {self.mend()}", fix=None, mend=None, fixed=True)

    def document(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in ("check", "status", "message", "fix", "fixed")}
        return {**told, "fixable": self.mend is not None}


@dataclass(frozen=True)
class CheckInput:
    """Input of checks that need the backend. `files_host` is its file server."""

    settings: Settings
    backend: Backend
    files_host: str


def ok(check: str, message: str) -> CheckResult:
    return CheckResult(check, "ok", message)


def warning(check: str, message: str, fix: str | None = None, mend: Callable[[], str] | None = None) -> CheckResult:
    return CheckResult(check, "warning", message, fix, mend)


def failed(check: str, message: str, fix: str | None = None, mend: Callable[[], str] | None = None) -> CheckResult:
    return CheckResult(check, "failed", message, fix, mend)


def skipped(check: str, message: str) -> CheckResult:
    return CheckResult(check, "skipped", message)
