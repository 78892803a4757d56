"""Two small results whose pictures are plain colours with a marked edge."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lookalike.results import DuplicateGroup, DuplicateReport, GroupMember, SearchResult
from lookalike.types import RGBImage

EDGES = {"left": (255, 0, 0), "right": (0, 255, 0), "top": (0, 0, 255), "bottom": (255, 0, 255)}


def edged(height: int, width: int, border: int = 4) -> RGBImage:
    """Return a grey picture whose four sides have each a colour of their own."""
    picture = np.full((height, width, 3), 128, np.uint8)
    picture[:, :border], picture[:, -border:] = EDGES["left"], EDGES["right"]
    picture[:border, border:-border], picture[-border:, border:-border] = EDGES["top"], EDGES["bottom"]
    return picture


@pytest.fixture
def load() -> Callable[[str], RGBImage | None]:
    """Give tall pictures for "tall", nothing for "gone", wide ones for the rest."""

    def picture(uri: str) -> RGBImage | None:
        if "gone" in uri:
            return None
        return edged(200, 100) if "tall" in uri else edged(100, 200)

    return picture


@pytest.fixture
def search_result() -> SearchResult:
    distances = np.array([[0.0, 0.125, np.inf], [np.inf, np.inf, np.inf]], np.float32)
    return SearchResult(
        queries=("/q/beach.jpg", "/q/gone.jpg"),
        keys=np.array([[4, 7, -1], [-1, -1, -1]], np.int64),
        distances=distances,
        uris=(("/p/beach.jpg", "/p/tall.jpg", None), (None, None, None)),
        descriptor="lite0",
        failed=(("/q/gone.jpg", "no such file"),),
    )


@pytest.fixture
def duplicate_report() -> DuplicateReport:
    keeper = GroupMember("/p/keep.jpg", True, None, None, None, "most pixels", 400, 200, 9_000)
    linked = GroupMember("/p/link.jpg", False, "same-file", 1.0, 0.0, "the same bytes", 400, 200, 9_000, hardlink=True)
    small = GroupMember("/p/small.jpg", False, "same-picture", 0.987, 0.0123, "at half the size", 200, 100, 3_000)
    cropped = GroupMember("/p/tall.jpg", False, "edited", 0.9, 0.2, "cropped", 100, 200, 12_000)
    other_keeper = GroupMember("/p/burst1.jpg", True, None, None, None, "the oldest", 400, 200, 5_000)
    burst = GroupMember("/p/burst2.jpg", False, "same-scene", 0.8, 0.1, "another shot", 400, 200, 5_500)
    groups = (DuplicateGroup(1, (keeper, linked, small, cropped)), DuplicateGroup(2, (other_keeper, burst)))
    return DuplicateReport(groups, "same-scene", 1_234, 2.5, (("too plain to tell apart", 3),))
