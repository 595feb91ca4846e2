"""Reported data of tasks and models: charts, single values, plots, images, console lines."""

from collections.abc import Callable
from typing import Any

from clearml_flows.localserver.pages.charts import Chart, Series, chart
from clearml_flows.localserver.pages.plots import Figure, read_figure
from clearml_flows.localserver.pages.shapes import mapping, number, shown_milliseconds, shown_size, text
from clearml_flows.localserver.store.events import IMAGE, LOG, PLOT, SCALAR, SINGLE_VALUE_ITERATION, Which
from clearml_flows.localserver.store.session import Session

LOG_EVENTS = 1000
MAX_FIGURES = 60
MAX_IMAGES = 60
# Pictures of graphs that the SDK makes. The page draws the steps of a pipeline and links the parents of a dataset.
_PICTURES_OF_GRAPHS = ("Pipeline", "Pipeline Details", "__Dataset Genealogy")
_IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")
_IMAGE_DATA = tuple(f"data:image/{kind};base64," for kind in ("png", "jpeg", "gif", "webp"))

Json = dict[str, Any]
# Points by metric, then by (task, variant).
Curves = dict[str, dict[tuple[str, str], list[tuple[float, float]]]]


class Links:
    """Map stored uris to links of a page. Only files of this server's file server are linked."""

    def __init__(self, files_url: str) -> None:
        self._bases = {files_url + "/", files_url.replace("127.0.0.1", "localhost") + "/"}

    def file(self, uri: Any) -> str | None:
        """Return the path at which pages serve this file, or None if the file is not on this server."""
        if not isinstance(uri, str):
            return None
        return next(("/files/" + uri[len(base) :] for base in self._bases if uri.startswith(base)), None)

    def image(self, uri: Any) -> str | None:
        """Return the source of an image, or None if it must not be loaded.

        Allowed are raster files on this server and images in a data URL.
        """
        if not isinstance(uri, str):
            return None
        if uri.startswith(_IMAGE_DATA):
            return uri
        return self.file(uri) if uri.lower().endswith(_IMAGE_ENDINGS) else None


def scalars(db: Session, id: str) -> tuple[list[Chart], list[tuple[str, float]]]:
    """Return a chart for each metric, and the single values as (name, value)."""
    found, singles = curves(db, [id])
    charts = [
        chart(text(metric, 200), [Series(text(variant, 80), points) for (_, variant), points in series.items()])
        for metric, series in found.items()
    ]
    return charts, sorted(singles.get(id, {}).items())


def curves(db: Session, ids: list[str]) -> tuple[Curves, dict[str, dict[str, float]]]:
    """Return the curves of tasks by metric, and their single values by task.

    If all series of a metric have one point, the metric counts as single values.
    """
    found: Curves = {}
    singles: dict[str, dict[str, float]] = {}
    for id, metric, variant, iteration, _, value in db.events.values(Which(ids, SCALAR)):
        height = number(value)
        if height is None:
            continue
        if iteration == SINGLE_VALUE_ITERATION:
            singles.setdefault(id, {})[text(variant, 200)] = height
        else:
            found.setdefault(metric, {}).setdefault((id, variant), []).append((float(iteration), height))
    for metric in [metric for metric, series in found.items() if max(map(len, series.values())) == 1]:
        for (id, variant), points in found.pop(metric).items():
            name = text(metric if variant in ("", metric) else f"{metric}/{variant}", 200)
            singles.setdefault(id, {}).setdefault(name, points[0][1])
    return found, singles


def plots(db: Session, id: str, links: Links) -> list[tuple[str, Figure]]:
    """Return the latest plot of each title and series, as (title, figure)."""
    latest = db.events.latest(Which([id], PLOT), 1)
    events = [event for event in latest if event.get("metric") not in _PICTURES_OF_GRAPHS][:MAX_FIGURES]
    return [(_title(event), read_figure(_title(event), event.get("plot_str"), links.image)) for event in events]


def images(db: Session, id: str, links: Links) -> list[tuple[str, Json]]:
    """Return the latest debug image of each title and series, as (title, image)."""
    return [
        (
            _title(event),
            {
                "source": links.image(event.get("url")),
                "link": links.file(event.get("url")),
                "uri": text(event.get("url"), 500),
            },
        )
        for event in db.events.latest(Which([id], IMAGE), 1)[:MAX_IMAGES]
    ]


def _title(event: Json) -> str:
    metric, variant = text(event.get("metric"), 200), text(event.get("variant"), 200)
    return metric if variant in ("", metric) else f"{metric} / {variant}"


def console(db: Session, id: str) -> list[tuple[str, str]]:
    """Return the last LOG_EVENTS console events as (time, text), oldest first."""
    events, _ = db.events.page(Which([id], LOG), "timestamp", LOG_EVENTS, descending=True)
    return [(shown_milliseconds(event.get("timestamp")), text(event.get("msg"), 20_000)) for event in reversed(events)]


def artifact(entry: Json, link: Callable[[Any], str | None]) -> Json:
    """Return an artifact as a table row. `link` returns the path of a file or None."""
    preview = mapping(entry.get("type_data")).get("preview")
    return {
        "name": text(entry.get("key"), 200),
        "kind": text(entry.get("type"), 100),
        "size": shown_size(entry.get("content_size")),
        "sha256": text(entry.get("hash"), 64),
        "uri": text(entry.get("uri"), 1000),
        "link": link(entry.get("uri")),
        "preview": text(preview, 5000),
    }
