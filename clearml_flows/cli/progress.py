"""Live progress of a run on stderr: a table on a terminal, else a line per change."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table

from clearml_flows.run.snapshot import Run, Step

Show = Callable[[Run | None, float], None]

LOOKS = {
    "pending": ("·", "dim"),
    "queued": ("…", "dim"),
    "in_progress": ("▶", "yellow"),
    "completed": ("✓", "green"),
    "cached": ("=", "cyan"),
    "failed": ("✗", "red"),
    "stopped": ("■", "red"),
}


@contextmanager
def progress(flow: str, wanted: bool) -> Iterator[Show]:
    """A function to call with each look at the run."""
    console = Console(stderr=True)
    if not wanted:
        yield lambda _run, _seconds: None
    elif console.is_terminal:
        with Live(console=console, refresh_per_second=4) as live:
            yield lambda run, seconds: live.update(_table(flow, run, seconds))
    else:
        yield _Lines(console)


class _Lines:
    def __init__(self, console: Console) -> None:
        self.console = console
        self.said: dict[str, str] = {}

    def __call__(self, run: Run | None, seconds: float) -> None:
        for step in run.steps if run else ():
            now = step.progress if step.status == "in_progress" and step.progress else step.status
            if self.said.get(step.name, "pending") != now:
                self.said[step.name] = now
                self.console.print(f"{seconds:6.1f} s  {step.name}: {now}", markup=False, highlight=False)


def _table(flow: str, run: Run | None, seconds: float) -> Table:
    table = Table(title=f"{flow} · {seconds:.0f} s", title_justify="left", box=None, padding=(0, 1))
    for name, justify in (("", "left"), ("step", "left"), ("state", "left"), ("seconds", "right"), ("", "left")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]  # a literal in a tuple is a str to mypy
    if run is None:
        table.add_row("▶", "starting the controller", "", "", "")
    for step in run.steps if run else ():
        table.add_row(*_row(step))
    return table


def _row(step: Step) -> tuple[str, ...]:
    sign, colour = LOOKS.get(step.status, ("?", "white"))
    seconds = f"{step.seconds:.1f}" if step.seconds else ""
    return f"[{colour}]{sign}[/]", step.name, f"[{colour}]{step.status}[/]", seconds, step.progress
