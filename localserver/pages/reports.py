"""What tasks and models reported, for their pages: charts of scalars, single values, plots, images, console lines."""

from collections.abc import Callable
from typing import Any

from localserver.pages.charts import Chart, Series, chart
from localserver.pages.plots import Figure, read_figure
from localserver.pages.shapes import mapping, number, shown_milliseconds, shown_size, text
from localserver.store.events import IMAGE, LOG, PLOT, SCALAR, SINGLE_VALUE_ITERATION, Which
from localserver.store.session import Session

LOG_EVENTS = 1000
MAX_FIGURES = 60
MAX_IMAGES = 60
# The SDK's own pictures of a graph: the page draws a pipeline's from the steps, a dataset's parents are its links.
_PICTURES_OF_GRAPHS = ("Pipeline", "Pipeline Details", "__Dataset Genealogy")
_IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")
_IMAGE_DATA = tuple(f"data:image/{kind};base64," for kind in ("png", "jpeg", "gif", "webp"))

Json = dict[str, Any]


class Links:
    """From the uris that clients stored to what a page may link to: only files of this server's own file server."""

    def __init__(self, files_url: str) -> None:
        self._bases = {files_url + "/", files_url.replace("127.0.0.1", "localhost") + "/"}

    def file(self, uri: Any) -> str | None:
        """Return the path under which pages serve this file, or None when it is not here."""
        if not isinstance(uri, str):
            return None
        return next(("/files/" + uri[len(base) :] for base in self._bases if uri.startswith(base)), None)

    def image(self, uri: Any) -> str | None:
        """Return what an image may be loaded from: a raster file here, or one that is in the text itself."""
        if not isinstance(uri, str):
            return None
        if uri.startswith(_IMAGE_DATA):
            return uri
        return self.file(uri) if uri.lower().endswith(_IMAGE_ENDINGS) else None


def scalars(db: Session, id: str) -> tuple[list[Chart], list[tuple[str, float]]]:
    """Return a chart for each metric, and the single values."""
    curves: dict[str, dict[str, list[tuple[float, float]]]] = {}
    singles = []
    for _, metric, variant, iteration, _, value in db.events.values(Which([id], SCALAR)):
        height = number(value)
        if height is None:
            continue
        if iteration == SINGLE_VALUE_ITERATION:
            singles.append((text(variant, 200), height))
        else:
            curves.setdefault(metric, {}).setdefault(variant, []).append((float(iteration), height))
    charts = [
        chart(text(metric, 200), [Series(text(name, 80), points) for name, points in variants.items()])
        for metric, variants in curves.items()
    ]
    return charts, singles


def figures(db: Session, id: str, links: Links) -> list[Figure]:
    """Return the latest plot of each title and series."""
    found = []
    latest = db.events.latest(Which([id], PLOT), 1)
    for event in [event for event in latest if event.get("metric") not in _PICTURES_OF_GRAPHS][:MAX_FIGURES]:
        metric, variant = text(event.get("metric"), 200), text(event.get("variant"), 200)
        title = metric if variant in ("", metric) else f"{metric} / {variant}"
        found.append(read_figure(title, event.get("plot_str"), links.image))
    return found


def images(db: Session, id: str, links: Links) -> list[Json]:
    """Return the latest debug image of each title and series."""
    return [
        {
            "title": f"{text(event.get('metric'), 200)} / {text(event.get('variant'), 200)}",
            "source": links.image(event.get("url")),
            "link": links.file(event.get("url")),
            "uri": text(event.get("url"), 500),
        }
        for event in db.events.latest(Which([id], IMAGE), 1)[:MAX_IMAGES]
    ]


def console(db: Session, id: str) -> list[tuple[str, str]]:
    """Return the last console events as (time, text), oldest first."""
    events, _ = db.events.page(Which([id], LOG), LOG_EVENTS, descending=True)
    return [(shown_milliseconds(event.get("timestamp")), text(event.get("msg"), 20_000)) for event in reversed(events)]


def artifact(entry: Json, link: Callable[[Any], str | None]) -> Json:
    """Return an artifact as a row of a table."""
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
