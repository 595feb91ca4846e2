"""Images as debug samples of a Task; ClearML compares them across experiments."""

import re
from typing import Any

from sklearn.metrics import confusion_matrix

from clearml_flows.tabular.artifacts import upload_file
from clearml_flows.tabular.reporting import send_report


def confusion_image(y: Any, p: Any, threshold: float, path: str) -> None:
    """Write the confusion matrix at the threshold as a PNG; larger shares of a class are darker."""
    from matplotlib.figure import Figure

    counts = confusion_matrix(y, p >= threshold)
    shares = counts / counts.sum(axis=1, keepdims=True)
    figure = Figure(figsize=(4.2, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in [((row, column), counts[row, column]) for row in (0, 1) for column in (0, 1)]:
        share = shares[row, column]
        colour = "white" if share > 0.5 else "black"
        axes.text(column, row, f"{count}\n{share:.1%}", ha="center", va="center", color=colour)
    axes.set_xticks([0, 1], ["called negative", "called positive"])
    axes.set_yticks([0, 1], ["negative", "positive"])
    axes.set_title(f"Confusion at threshold {threshold:.3f}")
    figure.savefig(path, format="png")


def fit_image(y: Any, p: Any, path: str) -> None:
    """Write a PNG of predicted against true values; on the line they are equal."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.scatter(y, p, s=8, alpha=0.3)
    axes.axline((float(y.mean()), float(y.mean())), slope=1, color="grey", linestyle=":")
    axes.set_xlabel("true")
    axes.set_ylabel("predicted")
    axes.set_title("Predicted against true")
    figure.savefig(path, format="png")


def send_image(client: Any, task_id: str, title: str, path: str) -> None:
    """Upload a PNG file and report it as a debug sample of the Task.

    Raises:
        RuntimeError: the backend did not accept it.
    """
    name = f"images/{task_id}/{re.sub('[^a-z0-9]+', '-', title.lower())}.png"
    url = f"{client.session.get_files_server_host().rstrip('/')}/{name}"
    upload_file(path, url)
    place = {"metric": title, "variant": title, "iter": 0}
    send_report(client, task_id, [{"type": "training_debug_image", **place, "url": url, "key": name}])
