"""Run all checks. A check that fails, raises or times out does not stop the others."""

import threading
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from clearml_flows.doctor import (
    backend_checks,
    entry_checks,
    machine_checks,
    outside_checks,
    process_checks,
    task_checks,
)
from clearml_flows.doctor.check_result import CheckInput, CheckResult, failed, skipped
from clearml_flows.errors import FlowsError
from clearml_flows.localserver.state import Failure
from clearml_flows.settings import load

LIMIT_SECONDS = 20.0
OF_MACHINE = (machine_checks.check_python, machine_checks.check_packages)
OF_SETTINGS = (
    backend_checks.check_configuration,
    machine_checks.check_secrets,
    machine_checks.check_disk,
    outside_checks.check_notifications,
    process_checks.check_agents,
    process_checks.check_schedules,
    process_checks.check_monitor,
    process_checks.check_locks,
    entry_checks.check_entries,
    entry_checks.check_release,
)
OF_BACKEND = (
    backend_checks.check_clock,
    backend_checks.check_files,
    task_checks.check_queues,
    task_checks.check_shared_locks,
    task_checks.check_remote_schedules,
    task_checks.check_orphans,
)
Say = Callable[[str], None]
Check = Callable[[], CheckResult | list[CheckResult]]


def diagnose(
    fix: bool = False, broke: Say = lambda _traceback: None, done: Callable[[CheckResult], None] | None = None
) -> list[CheckResult]:
    """Run all checks and return their findings.

    Args:
        fix: repair problems that are safe to repair.
        broke: gets the traceback of a check that raised an unexpected error.
        done: gets each finding when its check ends.
    """
    findings = []
    for finding in _findings(broke):
        told = _mended(finding, broke) if fix and finding.mend else finding
        findings.append(told)
        if done:
            done(told)
    return findings


def _findings(broke: Say) -> Iterator[CheckResult]:
    for check in OF_MACHINE:
        yield from _carried_out(_name(check), check, broke)
    try:
        settings = load()
    except FlowsError as wrong:
        yield failed("settings", str(wrong))
        yield from (skipped(_name(check), "the settings cannot be read") for check in (*OF_SETTINGS, *OF_BACKEND))
        return
    # Started first, because it waits for a remote service. The other checks are quick.
    asked = _begun("kaggle", partial(outside_checks.check_kaggle, settings), broke)
    reached: list[CheckInput] = []
    yield from _carried_out("backend", partial(_reach, settings, reached), broke)
    for of_settings in OF_SETTINGS:
        yield from _carried_out(_name(of_settings), partial(of_settings, settings), broke)
    yield from asked()
    for of_backend in OF_BACKEND:
        if reached:
            yield from _carried_out(_name(of_backend), partial(of_backend, reached[0]), broke)
        else:
            yield skipped(_name(of_backend), "the backend does not answer, or does not know us")
    for found in reached:
        found.backend.api.close()


def _reach(settings: Any, reached: list[CheckInput]) -> list[CheckResult]:
    findings, found = backend_checks.reach(settings)
    reached.extend([found] if found else [])
    return findings


def _carried_out(name: str, check: Check, broke: Say) -> list[CheckResult]:
    return _begun(name, check, broke)()


def _begun(name: str, check: Check, broke: Say) -> Callable[[], list[CheckResult]]:
    """Start the check in a thread. The returned function waits for its findings.

    After LIMIT_SECONDS or an exception, the finding says so.
    """
    told: list[CheckResult] = []

    def carry_out() -> None:
        try:
            found = check()
            told.extend(found if isinstance(found, list) else [found])
        except (FlowsError, Failure) as wrong:
            told.append(failed(name, str(wrong)))
        except OSError as wrong:
            where = f"{wrong.filename}: " if wrong.filename else ""
            told.append(failed(name, f"{where}{wrong.strerror or type(wrong).__name__}"))
            broke(traceback.format_exc())
        except Exception as wrong:
            told.append(failed(name, f"the check itself broke: {type(wrong).__name__}", "flows doctor --debug"))
            broke(traceback.format_exc())

    thread = threading.Thread(target=carry_out, daemon=True, name=f"check of {name}")

    def wait() -> list[CheckResult]:
        thread.join(LIMIT_SECONDS)
        return list(told) or [failed(name, f"no answer within {LIMIT_SECONDS:.0f} s")]

    thread.start()
    return wait


def _mended(finding: CheckResult, broke: Say) -> CheckResult:
    try:
        return finding.mended()
    except Exception as wrong:
        broke(traceback.format_exc())
        sentence = str(wrong) if isinstance(wrong, FlowsError | OSError) else type(wrong).__name__
        return failed(finding.check, f"{finding.message}; it could not be mended: {sentence}", finding.fix)


def _name(check: Callable[..., Any]) -> str:
    return check.__name__.removeprefix("check_")
