"""`flows agent start --services` on a fresh backend runs what `PipelineController.start()` leaves to it."""

import json
from pathlib import Path

from clearml_flows.backend.client import Api
from tests.agents.conftest import PATIENCE
from tests.e2e.conftest import ROOT, Place, make_place
from tests.support.agents import backend_api, wait_until
from tests.support.backend import running_backend

QUICK = {"FLOWS__AGENTS__POLL": "0.5", "FLOWS__AGENTS__REPORT": "1"}
ENDED = ("completed", "failed", "stopped")
PIPELINE = ROOT / "tests" / "support" / "queued_pipeline.py"


def test_controller_and_step_complete(tmp_path: Path) -> None:
    place = make_place(tmp_path / "project", **QUICK)
    with running_backend(place.folder / ".flows") as backend:
        api = backend_api(backend)
        try:
            done = place.flows("agent", "start", "--services", "--json")
            assert done.exit_code == 0, done.stderr
            [agent] = json.loads(done.stdout)["agents"]
            assert [agent["services"], agent["state"], agent["queues"]] == [True, "idle", ["services"]]
            # -P: modules beside the script are not to be imported as if they were others of the same name.
            sent = Place(place.folder, backend.env()).python("-P", str(PIPELINE))
            assert sent.exit_code == 0, sent.stderr
            wait_until(
                lambda: statuses(api).get("queued") in ENDED, "the controller ended", PATIENCE, Path(agent["log"])
            )
            assert statuses(api) == {"queued": "completed", "double": "completed"}
        finally:
            place.flows("agent", "stop")
            api.close()


def statuses(api: Api) -> dict[str, str]:
    return {task["name"]: task["status"] for task in api.call("tasks.get_all", search_hidden=True)["tasks"]}
