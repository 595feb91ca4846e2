"""Events by the API as the web app asks for them, and through the SDK's own readers."""

import json
from typing import Any

from clearml import Task
from clearml.backend_api.session.client import APIClient

from tests.contract.child import Document, tell

SCALAR, PLOT, IMAGE, LOG = "training_stats_scalar", "plot", "training_debug_image", "log"
START = 1_700_000_000_000


def ask(project: str) -> Document:
    client = APIClient()
    made = client.projects.create(name=project).id
    task = client.tasks.create(name="reports", project=made, type="training").id
    model = client.models.create(name="reports too", project=made, uri="file:///a", ready=False).id
    added = report(task, model)
    return {
        "added": added,
        "console": console(task),
        "raw": raw(task),
        "curves": curves(task, model),
        "iterations": iterations(task),
        "images": images(task),
        "plots": plots(task),
        "metrics": names(send("get_multi_task_metrics", tasks=[task])[1]["metrics"]),
        "summary": summary(task, client.tasks.get_all(id=[task])[0].data.to_dict()),
        "refused": refused(task, model),
        "sdk": by_sdk(Task.get_task(task_id=task)),
        "download": download(task),
        "cleared": cleared(task),
    }


def send(action: str, **data: Any) -> tuple[list[int], Any]:
    """The codes and the data of an answer, whatever the SDK's classes make of it."""
    answer = Task._get_default_session().send_request("events", action, json=data).json()
    return [answer["meta"]["result_code"], answer["meta"]["result_subcode"]], answer["data"]


def report(task: str, model: str) -> Document:
    scalar = {"type": SCALAR, "task": task, "metric": "loss", "x_axis_label": "epochs"}
    picture = {"type": IMAGE, "task": task, "metric": "faces"}
    events: list[Document] = [
        *(
            {**scalar, "variant": name, "iter": at, "value": at, "timestamp": START}
            for at in range(20)
            for name in "ab"
        ),
        {**scalar, "metric": "Summary", "variant": "auc", "iter": -(2**31), "value": 0.5},
        *(
            {"type": LOG, "task": task, "timestamp": START + at // 2, "msg": str(at), "level": "info"}
            for at in range(8)
        ),
        *({**picture, "variant": "kept", "iter": at, "url": f"http://x/{at}"} for at in range(6)),
        *({**picture, "variant": "over", "iter": at, "url": f"http://x/{at % 2}"} for at in range(6)),
        *(
            {"type": PLOT, "task": task, "metric": metric, "variant": "v", "iter": at, "plot_str": "{}"}
            for metric in ("roc", "tree")
            for at in range(3)
        ),
        {**scalar, "task": model, "variant": "m", "iter": 3, "value": 2, "model_event": True},
        {"type": LOG, "task": model, "msg": "refused", "model_event": True},
        {**scalar, "task": "0" * 32, "variant": "a", "iter": 0, "value": 1},
    ]
    added: Document = {}
    for part in (events[:30], events[30:]):
        lines = "\n".join(json.dumps(event) for event in part)
        headers = {"Content-Type": "application/json-lines"}
        session = Task._get_default_session()
        added = session.send_request("events", "add_batch", headers=headers, data=lines).json()["data"]
    return {**added, "errors_info": sorted(added["errors_info"].values())}


def console(task: str) -> Document:
    def lines(**request: Any) -> str:
        return "".join(sorted(event["msg"] for event in send("get_task_log", task=task, **request)[1]["events"]))

    return {
        "last": lines(batch_size=3),
        "first": lines(batch_size=3, navigate_earlier=False),
        "before": lines(batch_size=2, from_timestamp=START + 2),
        "after": lines(batch_size=2, from_timestamp=START + 2, navigate_earlier=False),
        "behind the end": lines(from_timestamp=START + 3, navigate_earlier=False),
    }


def raw(task: str) -> list[list[Any]]:
    request: Document = {"task": task, "metric": {"metric": "loss", "variants": ["a"]}}
    pages = [send("scalar_metrics_iter_raw", **request, batch_size=7, count_total=True)[1]]
    while pages[-1]["returned"]:
        pages.append(send("scalar_metrics_iter_raw", **request, scroll_id=pages[-1]["scroll_id"])[1])
    return [[page["returned"], page["total"], page["variants"].get("a", {}).get("iter")] for page in pages]


def curves(task: str, model: str) -> Document:
    compared = send("multi_task_scalar_metrics_iter_histogram", tasks=[task], samples=4)[1]["metrics"]
    return {
        "sampled": compared["loss"]["b"][task],
        "of model": send("scalar_metrics_iter_histogram", task=model, model_events=True)[1],
    }


def iterations(task: str) -> list[Any]:
    request: Document = {"metrics": [{"task": task, "metric": "faces"}], "iters": 2}
    shown, scroll_id = [], None
    for more in ({}, {}, {"navigate_earlier": False}, {"refresh": True}):
        answer = send("debug_images", **request, **more, **({"scroll_id": scroll_id} if scroll_id else {}))[1]
        scroll_id = answer["scroll_id"]
        found = answer["metrics"][0]["iterations"]
        shown.append([[page["iter"], sorted(event["variant"] for event in page["events"])] for page in found])
    return shown


def images(task: str) -> list[Any]:
    answer = send("get_debug_image_sample", task=task, metric="faces", variant="kept", iteration=4)[1]
    shown = [sample(answer)]
    for more in ({}, {}, {"navigate_earlier": False}, {"next_iteration": True, "navigate_earlier": False}):
        answer = send("next_debug_image_sample", task=task, scroll_id=answer["scroll_id"], **more)[1]
        shown.append(sample(answer))
    empty = send("get_debug_image_sample", task=task, metric="faces", variant="none")[1]
    return [*shown, sample(empty)]


def plots(task: str) -> list[Any]:
    answer = send("get_plot_sample", task=task, metric="tree", iteration=1, navigate_current_metric=False)[1]
    shown = [sample(answer)]
    for more in ({}, {}, {"navigate_earlier": False}, {"next_iteration": True, "navigate_earlier": False}):
        answer = send("next_plot_sample", task=task, scroll_id=answer["scroll_id"], **more)[1]
        shown.append(sample(answer))
    latest = send("get_multi_task_plots", tasks=[task], metrics=[{"metric": "roc"}])[1]
    return [*shown, [sorted(latest["plots"]), list(latest["plots"]["roc"]["v"][task]), latest["returned"]]]


def sample(answer: Document) -> list[Any]:
    """Where a sample is and the iterations there are: [iteration, metric, variant, lowest, highest]."""
    event = answer["event"] if "event" in answer else next(iter(answer["events"]), None)
    place = [event["iter"], event["metric"], event["variant"]] if event else []
    return [*place, answer["min_iteration"], answer["max_iteration"]]


def names(metrics: list[Document]) -> list[Any]:
    return [[item["metric"], item["variants"]] for item in metrics]


def summary(task: str, document: Document) -> Document:
    items = [item for variants in document["last_metrics"].values() for item in variants.values()]
    (item,) = (item for item in items if (item["metric"], item["variant"]) == ("loss", "b"))
    return {**item, "last_iteration": document["last_iteration"]}


def refused(task: str, model: str) -> Document:
    other = "0" * 32
    return {
        "unknown task": send("get_task_log", task=other)[0],
        "unknown model": send("get_task_plots", task=other, model_events=True)[0],
        "a model's id": send("get_task_events", task=model)[0],
        "no tasks": send("get_multi_task_metrics", tasks=[])[0],
        "scroll": send("get_task_events", task=task, scroll_id="x")[0],
        "sample": send("next_plot_sample", task=task, scroll_id="x")[0],
        "samples": send("scalar_metrics_iter_histogram", task=task, samples=0)[0],
    }


def by_sdk(task: Task) -> Document:
    samples = task.get_debug_samples("faces", "over", n_last_iterations=2)
    return {
        "console": sorted(task.get_reported_console_output(number_of_reports=2)),
        "single": task.get_reported_single_values(),
        "scalars": task.get_reported_scalars()["loss"]["a"],
        "all scalars": task.get_all_reported_scalars()["loss"]["b"]["x"],
        "plots": sorted([plot["metric"], plot["iter"]] for plot in task.get_reported_plots(max_iterations=2)),
        "samples": [event["iter"] for event in samples],
    }


def download(task: str) -> list[str]:
    session = Task._get_default_session()
    request = {"task": task, "line_type": "text", "line_format": "{level}: {msg}"}
    return sorted(session.send_request("events", "download_task_log", json=request).text.splitlines())


def cleared(task: str) -> list[Any]:
    return [
        send("clear_task_log", task=task)[1]["deleted"],
        send("delete_for_task", task=task)[1]["deleted"],
        send("get_task_events", task=task)[1]["total"],
    ]


if __name__ == "__main__":
    tell(ask)
