"""Write docs/api-coverage.md: endpoints and request fields of the embedded backend.

python docs/api_coverage.py docs/api-coverage.md
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import click

from clearml_flows.localserver import schema, services
from clearml_flows.localserver.registry import ENDPOINTS
from clearml_flows.localserver.schema import Table

# ClearML Server's own automated tests by service: (passed on the embedded backend, all). ClearML Serving's test is not
# counted. The failing tests need a second user or a system role.
SERVER_TESTS: Mapping[str, tuple[int, int]] = {
    "events": (21, 21),
    "models": (17, 17),
    "organization": (3, 3),
    "pipelines": (3, 3),
    "projects": (21, 23),
    "queues": (13, 13),
    "reports": (4, 4),
    "tasks": (51, 51),
    "users": (0, 4),
    "workers": (8, 8),
}
FEW = 6
INTRODUCTION = """# What the embedded backend answers

The measure is ClearML Server 2.3.0: its endpoints, and the fields of their requests that it reads.
`make docs` writes this page from the tables in `clearml_flows/localserver/schema`; a test fails when it is stale.

- **acted on**: the field does what it does on ClearML Server.
- **no effect**: acting on the field would change nothing here; the reason is below.
- **refused**: acting on the field would change the answer, and the backend does not. A request that gives it another
  value than the default gets 400/16 with the field's name.
- An endpoint that is not answered gets 404 with its name, and one line in the log.
- A field that ClearML Server does not know is ignored by both.
"""
HEADER = """| service | endpoints | fields acted on | no effect | refused | server's own tests |
| --- | ---: | ---: | ---: | ---: | ---: |"""


@dataclass
class Service:
    """Tables of one service: answered, left out on purpose, and missing."""

    name: str
    answered: list[Table] = field(default_factory=list)
    left_out: list[Table] = field(default_factory=list)
    missing: list[Table] = field(default_factory=list)

    @property
    def endpoints(self) -> int:
        return len(self.answered) + len(self.left_out) + len(self.missing)

    def without_effect(self) -> list[tuple[str, str, str]]:
        """Return (reason, field, endpoint) of every field without effect."""
        return [(item.no_effect, item.name, table.name) for table, item in self._fields() if item.no_effect]

    def refused(self) -> list[tuple[str, str]]:
        """Return (field, endpoint) of every refused field."""
        return [(item.name, table.name) for table, item in self._fields() if item.is_refused]

    def row(self) -> tuple[int, int, int, int, int]:
        """Return counts: answered endpoints, endpoints, fields acted on, without effect, refused."""
        idle, refused = len(self.without_effect()), len(self.refused())
        known = sum(1 for _ in self._fields())
        return len(self.answered), self.endpoints, known - idle - refused, idle, refused

    def _fields(self) -> Iterable[tuple[Table, schema.Field]]:
        return ((table, item) for table in self.answered for item in table.fields.values())


@click.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
def main(path: Path) -> None:
    """Write the API coverage of the embedded backend to PATH."""
    path.write_text(page(), "utf-8")


def page() -> str:
    found = _services()
    rows = [service.row() for service in found]
    total = [sum(column) for column in zip(*rows, strict=True)]
    tests = [SERVER_TESTS[service.name] for service in found if service.name in SERVER_TESTS]
    passed = (sum(one for one, _ in tests), sum(of for _, of in tests))
    lines = [INTRODUCTION, HEADER]
    lines += [
        _line(service.name, row, SERVER_TESTS.get(service.name)) for service, row in zip(found, rows, strict=True)
    ]
    lines.append(_line("**all**", total, passed if tests else None))
    return "\n".join([*lines, *(section for service in found if (section := _section(service)))]) + "\n"


def _services() -> list[Service]:
    services.load()
    found: dict[str, Service] = {}
    for name in sorted(schema.endpoints()):
        service = found.setdefault(name.partition(".")[0], Service(name.partition(".")[0]))
        table = schema.table(name)
        if name in ENDPOINTS:
            service.answered.append(table)
        elif table.left_out:
            service.left_out.append(table)
        else:
            service.missing.append(table)
    return list(found.values())


def _line(name: str, row: Iterable[int], tests: tuple[int, int] | None) -> str:
    answered, endpoints, acted, idle, refused = row
    share = f"{tests[0]} of {tests[1]} ({100 * tests[0] // tests[1]} %)" if tests else "-"
    return f"| {name} | {answered} of {endpoints} | {acted} | {idle or '-'} | {refused or '-'} | {share} |"


def _section(service: Service) -> str:
    """Return the section of a service's gaps. Empty if there are none."""
    lines = [f"- Not answered: {_names(service.missing)}"] if service.missing else []
    lines += [
        f"- Left out: {_names(tables)}: {reason}"
        for reason, tables in groupby(sorted(service.left_out, key=_reason), key=_reason)
    ]
    refused = sorted(service.refused())
    if refused:
        lines.append("- Refused:")
        lines += [
            f"    - `{name}` of {_actions(endpoint for _, endpoint in group)}"
            for name, group in groupby(refused, key=lambda item: item[0])
        ]
    idle = sorted(service.without_effect())
    if idle:
        lines.append("- No effect:")
        lines += [
            f"    - {', '.join(f'`{name}`' for name in dict.fromkeys(name for _, name, _ in members))} of"
            f" {_few_actions(dict.fromkeys(endpoint for _, _, endpoint in members))}: {reason}"
            for reason, members in ((reason, list(group)) for reason, group in groupby(idle, key=lambda item: item[0]))
        ]
    return "\n".join([f"\n## {service.name}\n", *lines]) if lines else ""


def _reason(table: Table) -> str:
    return table.left_out


def _names(tables: Iterable[Table]) -> str:
    return _actions(table.name for table in tables)


def _actions(endpoints: Iterable[str]) -> str:
    return ", ".join(sorted(endpoint.partition(".")[2] for endpoint in endpoints))


def _few_actions(endpoints: Iterable[str]) -> str:
    """Return the actions, or their number if there are more than FEW."""
    named = list(endpoints)
    return _actions(named) if len(named) <= FEW else f"{len(named)} endpoints"


if __name__ == "__main__":
    main()
