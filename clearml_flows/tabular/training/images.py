"""Pictures among a Task's debug samples, where ClearML shows those of several experiments beside each other.

Every function here may travel with a step.
"""

from typing import Any

if __name__ != "__main__":  # ClearML copies unconditional imports into a step's script, where these functions stand.
    from clearml_flows.tabular.artifacts import upload_file
    from clearml_flows.tabular.reporting import send_report


def confusion_image(y: Any, p: Any, threshold: float, path: str) -> None:
    """Writes a PNG of how many rows of each class are called what at the threshold; darker for a larger share of it."""
    from matplotlib.figure import Figure
    from sklearn.metrics import confusion_matrix

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
    """Writes a PNG of what was predicted of each row against what is true; on the line they are equal."""
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
    """Stores a PNG file on the file server and shows it among the Task's debug samples under the title.

    Raises:
        RuntimeError: the backend did not take it.
    """
    import re

    name = f"images/{task_id}/{re.sub('[^a-z0-9]+', '-', title.lower())}.png"
    url = f"{client.session.get_files_server_host().rstrip('/')}/{name}"
    upload_file(path, url)
    place = {"metric": title, "variant": title, "iter": 0}
    send_report(client, task_id, [{"type": "training_debug_image", **place, "url": url, "key": name}])
