"""Files for the machine's own scheduler: systemd units, a crontab line, a Windows task.

Each starts `flows schedule tick` once a minute. All of them use the same file of schedules.
"""

import shlex
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from clearml_flows.backend.connection import data_dir
from clearml_flows.errors import FlowsError
from clearml_flows.project import check_project, settings_file
from clearml_flows.settings import Settings

UNIT = "flows-schedule"
MARK = "# made by: flows schedule install"
TICK = ["-m", "clearml_flows", "schedule", "tick"]

SERVICE = f"""{MARK} --systemd
[Unit]
Description=Start the flows that are due
After=network-online.target

[Service]
Type=oneshot
WorkingDirectory={{folder}}
Environment={{variable}}
ExecStart={{command}}
# The runs that were started go on when this has ended.
KillMode=process
"""
TIMER = f"""{MARK} --systemd
[Unit]
Description=Look once a minute for flows that are due

[Timer]
OnCalendar=minutely
AccuracySec=1s

[Install]
WantedBy=timers.target
"""
TASK = """<?xml version="1.0"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>Start the flows that are due</Description></RegistrationInfo>
  <Triggers>
    <TimeTrigger>
      <Repetition><Interval>PT1M</Interval></Repetition>
      <StartBoundary>2026-01-01T00:00:00</StartBoundary>
      <Enabled>true</Enabled>
    </TimeTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author"><LogonType>S4U</LogonType><RunLevel>LeastPrivilege</RunLevel></Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <StartWhenAvailable>true</StartWhenAvailable>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <Hidden>true</Hidden>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>cmd.exe</Command>
      <Arguments>{arguments}</Arguments>
      <WorkingDirectory>{folder}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
"""


@dataclass(frozen=True)
class Machine:
    """The python, settings file and log that the machine's scheduler is to use, all absolute."""

    python: str
    settings: Path
    log: Path

    @property
    def folder(self) -> Path:
        return self.settings.parent


def this_machine(settings: Settings) -> Machine:
    """Return the paths of this machine and create the log's folder.

    Raises:
        BadInput: there is no project.
        FlowsError: a path has control characters, which no scheduler accepts.
    """
    check_project()
    machine = Machine(sys.executable, settings_file(), data_dir(settings) / "logs" / "schedule.log")
    if any(not character.isprintable() for character in f"{machine.python}{machine.settings}{machine.log}"):
        raise FlowsError(f"{str(machine.settings)!r} cannot be used in a scheduler: a path has control characters")
    machine.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # before the shell opens the log
    return machine


def systemd(machine: Machine) -> dict[str, str]:
    """Return the text of each systemd unit by its file name."""
    service = SERVICE.format(
        folder=str(machine.folder).replace("%", "%%"),
        variable=_quoted(f"FLOWS_SETTINGS={machine.settings}"),
        command=" ".join(_quoted(word).replace("$", "$$") for word in [machine.python, *TICK]),
    )
    return {f"{UNIT}.service": service, f"{UNIT}.timer": TIMER}


def cron(machine: Machine) -> str:
    """Return the crontab line between two comments, by which a later call finds the line."""
    words = shlex.join([machine.python, *TICK])
    command = f"cd {shlex.quote(str(machine.folder))} && FLOWS_SETTINGS={shlex.quote(str(machine.settings))} {words}"
    line = f"* * * * * {command} >> {shlex.quote(str(machine.log))} 2>&1".replace("%", r"\%")
    begin, end = _marks(machine)
    return f"{begin}\n{line}\n{end}\n"


def windows(machine: Machine) -> str:
    """Return the XML definition of a task for the Windows Task Scheduler."""
    command = " ".join([f'"{machine.python}"', *TICK])
    arguments = f'/d /c "set "FLOWS_SETTINGS={machine.settings}" && {command}"'
    return TASK.format(arguments=escape(arguments), folder=escape(str(machine.folder)))


def apply_systemd(machine: Machine) -> str:
    """Write the units for this user and return the commands to run next.

    Raises:
        FlowsError: a file of this name exists and this command did not write it.
    """
    folder = Path.home() / ".config" / "systemd" / "user"
    folder.mkdir(parents=True, exist_ok=True)
    for name in systemd(machine):
        path = folder / name
        if path.exists() and not path.read_text("utf-8").startswith(MARK):
            raise FlowsError(f"{path} was not written by this command; move it away first")
    for name, text in systemd(machine).items():
        (folder / name).write_text(text, "utf-8")
    return (
        f"{folder / UNIT}.service and .timer are written; "
        f"`systemctl --user daemon-reload && systemctl --user enable --now {UNIT}.timer` starts the timer, "
        "`loginctl enable-linger` keeps it running after you log out"
    )


def apply_cron(machine: Machine) -> str:
    """Put the line into this user's crontab and leave all other lines as they are.

    Raises FlowsError.
    """
    before = _crontab("-l")
    after = _without_ours(before, machine)
    after += "" if not after or after.endswith("\n") else "\n"
    _crontab("-", after + cron(machine))
    return "the line is in the crontab; `crontab -l` shows it"


def apply_windows(machine: Machine) -> str:
    """Register the task with the Windows Task Scheduler. Raises FlowsError."""
    schtasks = shutil.which("schtasks")
    if schtasks is None:
        raise FlowsError("schtasks was not found, so this is not Windows; run without --apply to print the task")
    path = machine.log.with_name("schedule-task.xml")
    path.write_text(windows(machine), "utf-8")
    done = subprocess.run(
        [schtasks, "/Create", "/F", "/TN", UNIT, "/XML", str(path)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise FlowsError(f"schtasks refused the task: {done.stderr.strip() or done.stdout.strip()}")
    return f"the task {UNIT} is registered"


def installed() -> dict[str, str]:
    """Return the entries in this machine's schedulers by the option of `install` for each."""
    found: dict[str, str] = {}
    unit = Path.home() / ".config" / "systemd" / "user" / f"{UNIT}.service"
    if unit.is_file():
        found["systemd"] = unit.read_text("utf-8")
    with suppress(FlowsError):  # there is no crontab here, or this user may have none
        found["cron"] = _crontab("-l")
    if schtasks := shutil.which("schtasks"):
        query = [schtasks, "/Query", "/TN", UNIT, "/XML"]
        found["windows"] = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    return found


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _marks(machine: Machine) -> tuple[str, str]:
    return f"{MARK} --cron, begin, {machine.settings}", f"{MARK} --cron, end, {machine.settings}"


def _without_ours(crontab: str, machine: Machine) -> str:
    begin, end = _marks(machine)
    lines = crontab.splitlines(keepends=True)
    places = [number for number, line in enumerate(lines) if line.rstrip("\n") in (begin, end)]
    if not places:
        return crontab
    if [lines[place].rstrip("\n") for place in places] != [begin, end]:
        raise FlowsError(f"the crontab has the line {begin!r} without its end, or twice; correct it with `crontab -e`")
    return "".join(lines[: places[0]] + lines[places[1] + 1 :])


def _crontab(option: str, text: str | None = None) -> str:
    program = shutil.which("crontab")
    if program is None:
        raise FlowsError("crontab was not found; run without --apply to print the line")
    done = subprocess.run([program, option], input=text, capture_output=True, text=True, check=False)
    if done.returncode and option == "-l" and "no crontab" in done.stderr.lower():
        return ""
    if done.returncode:
        raise FlowsError(f"crontab {option} failed: {done.stderr.strip() or f'exit code {done.returncode}'}")
    return done.stdout
