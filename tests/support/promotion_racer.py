"""One of several processes that promote at once: `python -m tests.support.promotion_racer MODEL MODEL`.

For each line on its standard input, it decides to promote the one of its models that is not in production, says so, and
does it at the next line; what came of it is the answer.
"""

import json
import sys
from typing import Any

from clearml_flows.tabular.registry.entries import find_models
from clearml_flows.tabular.registry.moves import find_production, promote_model
from clearml_flows.tabular.reporting import make_client


def say(**told: Any) -> None:
    sys.stdout.write(f"{json.dumps(told)}\n")
    sys.stdout.flush()


def race(client: Any, mine: list[str]) -> None:
    project_id = client.models.get_by_id(model=mine[0]).project
    for _ in sys.stdin:
        entries = find_models(client, "churn", project_id)
        found = find_production(entries)
        before = found.id if found else ""
        entry = next(one for one in entries if one.id in mine and one.id != before)
        say(decided=entry.id)
        sys.stdin.readline()
        problem = promote_model(client, entry, before, {"who": "racer", "via": "test", "why": "race"})
        say(problem=problem, model=entry.id)


if __name__ == "__main__":
    race(make_client(), sys.argv[1:])
