import json
import re
from html.parser import HTMLParser

import pytest
from starlette.testclient import TestClient

from clearml_flows.localserver.storage import Storage
from tests.localserver.pages.conftest import FILES_URL, Records

EVIL = "<script>alert('EVIL')</script><img src=x onerror=alert('EVIL')>\"'><svg/onload=alert('EVIL')>"
EVIL_LINK = "javascript:alert('EVIL')"


class Elements(HTMLParser):
    """The elements of a page with their attributes, as a browser would make them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def fill(records: Records) -> None:
    """A pipeline run with everything on it, all of whose texts are hostile."""
    records.project("p1", EVIL)
    nodes = {
        EVIL: {"parents": [], "job_id": "step", "status": "completed"},
        "second": {"parents": [EVIL, "none"], "job_id": EVIL, "status": EVIL},
    }
    artifact = {"key": EVIL, "type": EVIL, "uri": f"{FILES_URL}/a b/{EVIL}", "hash": EVIL, "content_size": 12}
    records.task("step", parent="run", name=EVIL)
    records.task(
        "run",
        name=EVIL,
        type="controller",
        status="failed",
        status_message=EVIL,
        status_reason=EVIL,
        comment=EVIL,
        tags=[EVIL],
        system_tags=["pipeline"],
        last_worker=EVIL,
        hyperparams={EVIL: {EVIL: {"name": EVIL, "value": EVIL}}},
        configuration={"Pipeline": {"name": EVIL, "value": json.dumps(nodes)}},
        script={"diff": EVIL, "entry_point": EVIL},
        execution={
            "artifacts": [
                {**artifact, "type_data": {"preview": EVIL}},
                {**artifact, "uri": EVIL_LINK},
                {**artifact, "uri": "http://evil.example/x"},
            ]
        },
        models={"input": [{"name": EVIL, "model": EVIL}], "output": [{"name": EVIL, "model": "m1"}]},
        last_metrics={"a": {"b": {"metric": EVIL, "variant": EVIL, "value": 1.0}}},
    )
    records.model("m1", name=EVIL, uri=EVIL_LINK, task="run", comment=EVIL, labels={EVIL: 1}, design={"design": EVIL})
    records.scalar("run", EVIL, EVIL, [1.0, 2.0, 3.0])
    records.single("run", EVIL, 0.5)
    records.log("run", EVIL)
    layout = {"title": EVIL, "xaxis": {"title": {"text": EVIL}}, "images": [{"source": EVIL_LINK}]}
    records.plot(
        "run",
        EVIL,
        EVIL,
        {
            "data": [
                {"type": "scatter", "name": EVIL, "x": [EVIL, "b"], "y": [1, 2]},
                {"type": "table", "header": {"values": [EVIL]}, "cells": {"values": [[EVIL, f"<b>{EVIL}</b>"]]}},
                {"type": "heatmap", "z": [[1, 2]], "x": [EVIL, "b"], "y": [EVIL]},
                {"type": EVIL, "x": EVIL},
            ],
            "layout": layout,
        },
    )
    records.plot("run", "no plot", EVIL, EVIL)
    records.event("run", "training_debug_image", EVIL, EVIL, url=EVIL_LINK + ".png")
    records.event("run", "training_debug_image", EVIL, "b", url=f"{FILES_URL}/x/{EVIL}.png")
    records.event("run", "training_debug_image", EVIL, "c", url=f'data:image/png;base64,"{EVIL}')


PAGES = [
    "/",
    "/projects/p1",
    "/projects/p1/tasks/run/output/log",
    "/projects/p1/models/m1/general",
    "/projects/*/compare-tasks;ids=run,step",
]


@pytest.mark.parametrize("path", PAGES)
def test_no_page_executes_what_clients_wrote(client: TestClient, records: Records, path: str) -> None:
    fill(records)
    answer = client.get(path)
    assert answer.status_code == 200
    assert "EVIL" in answer.text
    for tag, attributes in Elements(answer.text).found:
        assert tag not in ("script", "iframe", "object", "embed", "base", "form", "style")
        assert not [name for name in attributes if name.startswith("on") or name == "style"], (tag, attributes)
        for name in ("href", "src", "action", "xlink:href", "data"):
            target = attributes.get(name)
            assert target is None or re.match(r"(/|\?page=|data:,$|data:image/png;base64,)", target), (tag, target)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "path",
    [
        "/projects/p1/tasks/run/output/log",
        "/projects/p1/experiments/run/output/log",
        "/projects/*/experiments/run",
        "/pipelines/p1/experiments/run",
        "/pipelines/p1/experiments/run/info-output/metrics",
        "/datasets/simple/p1/experiments/run",
    ],
)
def test_links_that_the_sdk_prints_open_the_run(client: TestClient, records: Records, path: str) -> None:
    records.task("run", name="my run")
    answer = client.get(path)
    assert answer.status_code == 200
    assert "my run" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/projects/p1/compare-tasks;ids=one,two,gone/scalars/graph",
        "/projects/*/compare-experiments;ids=one,two",
        "/pipelines/p1/compare-tasks;ids=one,two",
    ],
)
def test_tasks_beside_each_other(client: TestClient, records: Records, path: str) -> None:
    records.project("p1", "demo")
    image = f"{FILES_URL}/images/one.png"
    for task, depth in (("one", "3"), ("two", "7")):
        parameters = {"General": {"seed": {"value": "42"}}, "Estimator": {"depth": {"value": depth}}}
        records.task(task, name="the same name", hyperparams=parameters, parent="sweep")
        records.single(task, "test_roc_auc", float(depth) / 10)
        records.scalar(task, "cv_roc_auc", "fold", [0.5, float(depth)])
        records.plot(task, "ROC", "ROC", {"data": [{"x": [0, 1], "y": [0, 1], "name": f"area of {task}"}]})
        records.event(task, "training_debug_image", "Confusion", "Confusion", url=image)
    page = client.get(path).text
    rows = re.findall(r"<tr><th>([^<]*)</th>((?:<td[^>]*>[^<]*</td>)+)</tr>", page)
    assert [(name, re.findall(r">([^<]+)<", cells)) for name, cells in rows] == [
        ("test_roc_auc", ["0.3", "0.7"]),
        ("Estimator/depth", ["3", "7"]),
        ("General/seed", ["42", "42"]),
    ]
    assert "1 are the same" in page
    assert page.count("<polyline") == 4
    assert "area of one" in page
    assert "area of two" in page
    assert page.count('<img src="/files/images/one.png"') == 2
    records.task("sweep")
    assert 'href="/projects/*/compare-tasks;ids=one,two"' in client.get("/projects/p1/tasks/sweep").text
    assert "/projects/*/compare-tasks;ids=sweep,two,one" in client.get("/projects/p1").text


def test_only_as_many_tasks_are_drawn_as_there_are_colours(client: TestClient, records: Records) -> None:
    ids = [records.task(f"t{number}") for number in range(30)]
    for task in ids:
        records.scalar(task, "loss", "loss", [1.0, 2.0])
    page = client.get(f"/projects/*/compare-tasks;ids={','.join(ids)}").text
    assert "24 tasks compared" in page
    assert page.count("<polyline") == 8
    assert "of the first 8 tasks" in page


def test_a_scalar_of_one_point_is_a_value_and_no_chart(client: TestClient, records: Records) -> None:
    records.task("run")
    records.scalar("run", "accuracy", "accuracy", [0.75])
    records.scalar("run", "loss", "train", [0.5, 0.25])
    page = client.get("/projects/p1/tasks/run").text
    assert "<dt>accuracy</dt><dd>0.75</dd>" in page
    assert page.count('<figure class="chart">') == 1


@pytest.mark.parametrize(
    "path",
    [
        "/projects/p1/tasks/none",
        "/projects/p1/models/none/general",
        "/projects/none",
        "/nothing",
        "/files/none",
        "/projects/p1/compare-tasks;ids=none",
    ],
)
def test_what_is_not_there_is_a_404_page(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "<title>404</title>" in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_pages_are_read_only(client: TestClient, method: str) -> None:
    assert client.request(method, "/").status_code == 405


def test_task_page_shows_what_was_reported(client: TestClient, records: Records, storage: Storage) -> None:
    records.project("p1", "churn")
    records.task(
        "run",
        hyperparams={"Args": {"depth": {"name": "depth", "value": "7"}}},
        configuration={"model": {"name": "model", "value": "kind = forest"}},
        execution={"artifacts": [{"key": "data", "uri": f"{FILES_URL}/churn/data.csv", "content_size": 2048}]},
    )
    records.scalar("run", "loss", "train", [3.0, 2.0, 1.0])
    records.single("run", "test_roc_auc", 0.84375)
    records.log("run", "one line")
    (storage.root / "churn").mkdir()
    (storage.root / "churn" / "data.csv").write_text("a,b\n")
    page = client.get("/projects/p1/tasks/run").text
    for shown in (
        "churn",
        "depth",
        "7",
        "kind = forest",
        "data",
        "2.0 KiB",
        "loss",
        "0.84375",
        "one line",
        "1 min 0 s",
    ):
        assert shown in page
    elements = Elements(page).found
    assert [attributes["points"] for tag, attributes in elements if tag == "polyline"]
    assert ("a", {"href": "/files/churn/data.csv"}) in elements
    download = client.get("/files/churn/data.csv")
    assert download.text == "a,b\n"
    assert download.headers["content-disposition"].startswith("attachment")
    assert download.headers["x-content-type-options"] == "nosniff"


def test_pipeline_page_shows_its_steps_and_leads_to_them(client: TestClient, records: Records) -> None:
    nodes = {
        "download": {"parents": [], "job_id": "s1", "status": "executed"},
        "train": {"parents": ["download"], "job_id": "s2", "status": "cached"},
        "evaluate": {"parents": ["train"], "job_id": None, "status": "pending"},
    }
    records.task("s1", parent="run", status="failed")
    records.task("s2", parent="run")
    records.task("run", type="controller", configuration={"Pipeline": {"value": json.dumps(nodes)}})
    page = client.get("/pipelines/p1/experiments/run").text
    links = [attributes.get("href") for tag, attributes in Elements(page).found if tag == "a"]
    assert links.count("/projects/p1/tasks/s1/output/log") == 2
    assert "/projects/p1/tasks/s2/output/log" in links
    for shown in ("download", "train", "evaluate", "failed", "cached", "pending"):
        assert shown in page


def test_project_page_has_the_metrics_side_by_side_and_pages(client: TestClient, records: Records) -> None:
    records.project("p1", "churn")
    records.project("p2", "churn/sub")
    for number in range(101):
        metric = {"metric": "Summary", "variant": "test_f1_score", "value": number / 1000}
        records.task(f"task-{number}", last_metrics={"x": {"y": metric}})
    first = client.get("/projects/p1").text
    assert "test_f1_score" in first
    assert "0.1" in first
    assert "churn/sub" in first
    assert ">task-0<" not in first
    assert ">task-0<" in client.get("/projects/p1?page=1").text
    for page in ("-1", "x", "99999999999999", "\u0661"):
        assert client.get("/projects/p1", params={"page": page}).status_code == 200


def test_start_page_groups_the_latest_and_leaves_out_what_is_archived(client: TestClient, records: Records) -> None:
    records.task("a-run", type="controller", system_tags=["pipeline"])
    records.task("old-run", type="controller", system_tags=["pipeline", "archived"])
    records.task("a-dataset", system_tags=["dataset"])
    records.task("a-task")
    records.task("old-task", system_tags=["archived"])
    page = client.get("/").text
    order = [page.index(text) for text in ("Pipeline runs", ">a-run<", "Datasets", ">a-dataset<", "Latest", ">a-task<")]
    assert order == sorted(order)
    assert page.count(">a-run<") == page.count(">a-dataset<") == 1
    assert "old-" not in page


def test_files_outside_are_neither_linked_nor_served(client: TestClient, records: Records, storage: Storage) -> None:
    (storage.root.parent / "secret").write_text("secret")
    for path in ("/files/../secret", "/files/%2e%2e/secret", "/files/..%2fsecret", "/files//secret", "/files/"):
        assert client.get(path).status_code == 404
    records.task("run", execution={"artifacts": [{"key": "a", "uri": "http://evil.example/files/a"}]})
    page = client.get("/projects/p1/tasks/run").text
    assert "http://evil.example/files/a" in page
    assert not [values for tag, values in Elements(page).found if "evil" in str(values.get("href"))]


@pytest.mark.parametrize("junk", [None, 5, "x", [], {}, [None], [5], {"a": None}, {"a": [1]}, [[]], {"a": {"b": None}}])
def test_pages_stand_any_shape_of_document(client: TestClient, records: Records, junk: object) -> None:
    names = ("hyperparams", "configuration", "script", "execution", "models", "last_metrics", "comment", "started")
    records.task("run", tags=[junk], parent="x", **dict.fromkeys(names, junk))
    records.task("run2", execution={"artifacts": junk}, models={"input": junk}, configuration={"Pipeline": junk})
    records.task("run3", execution={"artifacts": [{"key": junk, "uri": junk, "type_data": junk, "content_size": junk}]})
    records.model("m1", metadata=junk, labels=junk, design=junk, uri=junk, comment=junk)
    records.project("p1", "p")
    records.plot("run", "a", "b", {"data": junk, "layout": junk})
    kinds = ("scatter", "bar", "histogram", "table", "heatmap", "pie")
    traces = [{"type": kind, "x": junk, "y": junk, "z": junk, "header": junk, "cells": junk} for kind in kinds]
    traces += [{"type": kind, "x": [junk], "y": [junk], "z": [junk], "cells": {"values": [junk]}} for kind in kinds]
    for number, trace in enumerate(traces):
        records.plot("run", "c", str(number), {"data": [trace]})
    for path in (*PAGES, "/projects/p1/tasks/run2", "/projects/p1/tasks/run3"):
        assert client.get(path).status_code == 200


def test_a_report_has_a_page_of_its_own(client: TestClient, records: Records, storage: Storage) -> None:
    (storage.root / "a.txt").write_text("x")
    assets = [f"{FILES_URL}/a.txt", EVIL_LINK]
    records.task(
        "r1", type="report", name=EVIL, tags=[EVIL], report=f"# Title {EVIL}", report_assets=assets, comment=EVIL
    )
    assert 'href="/reports/p1/r1"' in client.get("/").text
    answer = client.get("/reports/p1/r1")
    assert "# Title &lt;script&gt;alert" in answer.text
    tags = {tag for tag, _ in Elements(answer.text).found}
    assert tags.isdisjoint({"script", "svg", "img"})
    links = [attributes["href"] for tag, attributes in Elements(answer.text).found if tag == "a"]
    assert links == ["/", "/files/a.txt"]


@pytest.mark.parametrize("path", ["/reports/p1/t1", "/reports/p1/nope"])
def test_what_is_no_report_has_no_page_of_one(client: TestClient, records: Records, path: str) -> None:
    records.task("t1")
    assert client.get(path).status_code == 404
