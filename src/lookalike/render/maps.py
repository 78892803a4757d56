"""A map of pictures as one HTML page that needs nothing else: no network; its one script and all pictures inside."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.defaults import MAP_PICTURES, SEED
from lookalike.projection import Projection
from lookalike.render.map_classes import classes_of
from lookalike.render.report import _check_side, _render, _thumbnail
from lookalike.types import RGBImage
from lookalike.words import human_count, number, visible

__all__ = ["map_page"]

_METHODS = {"tsne": "t-SNE", "pca": "PCA"}


def map_page(
    projection: Projection,
    load: Callable[[str], RGBImage | None],
    *,
    title: str = "Map of pictures",
    thumbnail_side: int = 96,
    max_pictures: int = MAP_PICTURES,
    seed: int = SEED,
    progress: Callable[[int, int], None] | None = None,
) -> str:
    """Return an HTML page with a dot for each picture, which shows the picture when pointed at, clicked or reached.

    It zooms (wheel, pinch, + and -), pans (drag), goes from dot to dot by the arrow keys, puts pictures in the place of
    dots, finds names, and hides and shows labels.

    Parameters
    ----------
    projection
        Of `lookalike.projection.project`.
    load
        Gives the upright picture of a URI, at any scale, or None.
    title
        Of the page.
    thumbnail_side
        Longer side of the pictures in the page, in pixels, 16 to 2048. At 96 a picture takes about 4 kB.
    max_pictures
        Of more pictures, so many are drawn by lot, and the page says so.
    seed
        Of the lot.
    progress
        Called with how many pictures of how many are in the page.

    Returns
    -------
    str
        Can be encoded as UTF-8 whatever the file names are. Its policy lets nothing be loaded from anywhere, and no
        other script run.

    Raises
    ------
    UsageError
        If `thumbnail_side` is out of range.
    """
    _check_side(thumbnail_side)
    total = len(projection)
    rows = np.arange(total)
    if total > max_pictures:
        rows = np.sort(np.random.default_rng(seed).choice(total, max(max_pictures, 0), replace=False))
    classes, class_of = classes_of(projection)
    kind, thumbnails = "", []
    for done, row in enumerate(rows.tolist(), 1):
        pixels = load(projection.uris[row])
        source = "" if pixels is None else _thumbnail(pixels, thumbnail_side)[0]
        kind = kind or source.partition(",")[0]
        thumbnails.append(source.partition(",")[2])
        if progress:
            progress(done, len(rows))
    folder, names = _short_names([projection.uris[row] for row in rows.tolist()])
    at = np.asarray(class_of, np.int64)[rows]
    places = _whole(projection.xy[rows])
    shown = np.bincount(at, minlength=len(classes)).tolist()
    content = {
        "x": places[:, 0].tolist(),
        "y": places[:, 1].tolist(),
        "class": at.tolist(),
        "name": names,
        "folder": folder,
        "kind": kind + ",",
        "picture": thumbnails,
        "classes": [
            {"name": one.name, "colour": one.colour, "count": count} for one, count in zip(classes, shown, strict=True)
        ],
        "labelled": bool(projection.labels),
    }
    script = (Path(__file__).parent / "templates/map.js").read_text(encoding="utf-8")
    return _render(
        "map.html",
        title=visible(title),
        facts=_facts(projection),
        left_out="" if len(rows) == total else f"{number(len(rows))} of them, drawn by lot, are shown.",
        count=human_count(len(rows), "picture"),
        script=script,
        policy=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        content=_embedded(content),
    )


def _facts(projection: Projection) -> str:
    facts = [human_count(len(projection), "picture"), f"by {visible(projection.descriptor)}"]
    method = _METHODS.get(projection.method, projection.method)
    if projection.perplexity is not None:
        method += f", perplexity {projection.perplexity:.3g}"
    return " · ".join([*facts, method])


def _whole(xy: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return places as whole numbers, 10,000 to the longer side of the map and 0 in its middle: a third of the text."""
    if not len(xy):
        return np.zeros((0, 2), np.int64)
    low, high = xy.min(axis=0).astype(np.float64), xy.max(axis=0).astype(np.float64)
    span = float((high - low).max()) or 1.0
    found: NDArray[np.int64] = np.round((xy - (low + high) / 2) / span * 10_000).astype(np.int64)
    return found


def _short_names(uris: list[str]) -> tuple[str, list[str]]:
    """Return what all names begin with, up to a separator, and what follows it in each."""
    first, last = min(uris, default=""), max(uris, default="")
    common = 0 if first == last else next((i for i, (a, b) in enumerate(zip(first, last)) if a != b), len(first))  # noqa: B905
    folder = first[: first.rfind("/" if "/" in first else os.sep, 0, common) + 1]
    return visible(folder), [visible(uri[len(folder) :]) for uri in uris]


def _embedded(content: dict[str, Any]) -> str:
    """Return JSON that cannot end the element it stands in, whatever a name holds."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
