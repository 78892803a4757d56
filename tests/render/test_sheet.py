from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import UsageError
from lookalike.render import sheet
from lookalike.render.sheet import _draws, groups_sheet, search_sheet
from lookalike.results import DuplicateReport, SearchResult
from lookalike.types import RGBImage

from .conftest import EDGES, edged

Load = Callable[[str], RGBImage | None]


def test_a_sheet_is_as_wide_as_its_columns(search_result: SearchResult, load: Load) -> None:
    narrow = search_sheet(search_result, load, tile=100, columns=2)
    wide = search_sheet(search_result, load, tile=100, columns=5)
    large = search_sheet(search_result, load, tile=200, columns=2)
    assert narrow.mode == "RGB"
    assert narrow.width == 80 + 3 * 100 + 3 * 20
    assert wide.width - narrow.width == 3 * 120
    assert large.width - narrow.width == 3 * 100
    assert large.height - narrow.height == 2 * 100


def test_neighbours_wrap_into_further_rows(search_result: SearchResult, load: Load) -> None:
    one_row = search_sheet(search_result, load, tile=100, columns=2)
    two_rows = search_sheet(search_result, load, tile=100, columns=1)
    assert two_rows.height - one_row.height == 100 + 52 + 20


@pytest.mark.parametrize("size", [(100, 200), (200, 100), (61, 1000), (500, 500), (20, 30)])
def test_no_picture_is_cropped(search_result: SearchResult, size: tuple[int, int]) -> None:
    height, width = size
    border = max(4, max(size) // 25)
    page = np.asarray(search_sheet(search_result, lambda uri: edged(height, width, border), tile=160))
    tile = page[120 : 120 + 160, 40 : 40 + 160].astype(int)
    for colour in EDGES.values():
        assert (np.abs(tile - colour).sum(axis=2) < 60).any(), colour


def test_a_picture_keeps_its_aspect_in_the_middle_of_its_tile(search_result: SearchResult) -> None:
    blue = np.zeros((100, 200, 3), np.uint8)
    blue[..., 2] = 255
    page = np.asarray(search_sheet(search_result, lambda uri: blue, tile=160))
    rows, columns = np.nonzero((page[120:280, 40:200] == (0, 0, 255)).all(axis=2))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (40, 119, 0, 159)


def test_the_query_is_outlined_outside_of_its_picture(search_result: SearchResult) -> None:
    blue = np.zeros((160, 160, 3), np.uint8)
    blue[..., 2] = 255
    page = np.asarray(search_sheet(search_result, lambda uri: blue, tile=160))
    assert (page[120:280, 40:200] == (0, 0, 255)).all()
    assert tuple(page[200, 36]) == (30, 98, 178)
    assert tuple(page[200, 40 + 160 + 40 - 4]) != (30, 98, 178)


def test_a_missing_picture_says_so(search_result: SearchResult, load: Load) -> None:
    page = search_sheet(search_result, lambda uri: None, tile=160)
    tile = np.asarray(page)[120:280, 40:200]
    # Letters on the plain ground of the tile.
    assert 200 < (tile != tile[0, 0]).any(axis=2).sum() < 4000


def test_the_pictures_are_loaded_once_per_tile(search_result: SearchResult, load: Load) -> None:
    asked: list[str] = []

    def counting(uri: str) -> RGBImage | None:
        asked.append(uri)
        return load(uri)

    search_sheet(search_result, counting)
    assert asked == ["/q/beach.jpg", "/p/beach.jpg", "/p/tall.jpg", "/q/gone.jpg"]


def test_too_many_queries_are_left_out_and_not_loaded(search_result: SearchResult, load: Load) -> None:
    many = replace(
        search_result,
        queries=search_result.queries * 20,
        keys=np.tile(search_result.keys, (20, 1)),
        distances=np.tile(search_result.distances, (20, 1)),
        uris=search_result.uris * 20,
    )
    few = search_sheet(many, load, tile=64, max_queries=3)
    more = search_sheet(many, load, tile=64, max_queries=4)
    assert more.height - few.height == 64 + 52 + 36


def test_a_sheet_stays_within_its_pixels(search_result: SearchResult, load: Load) -> None:
    uris = tuple(f"/p/{number}.jpg" for number in range(400))
    many = SearchResult(("/q.jpg",), np.arange(400)[None], np.zeros((1, 400), np.float32), (uris,), "pdq")
    page = search_sheet(many, load, tile=64, max_pixels=500_000)
    assert page.width * page.height <= 500_000
    assert page.height > 300


def test_duplicates_have_a_block_per_group_with_the_keeper_first(duplicate_report: DuplicateReport, load: Load) -> None:
    asked: list[str] = []

    def counting(uri: str) -> RGBImage | None:
        asked.append(uri)
        return load(uri)

    page = groups_sheet(duplicate_report, counting, tile=100, columns=3)
    assert page.size == (80 + 4 * 100 + 4 * 20, 120 + 40 + 2 * 152 + 36)
    assert asked == [member.uri for group in duplicate_report.groups for member in group.members]
    fewer = groups_sheet(duplicate_report, load, tile=100, columns=3, max_groups=1)
    assert fewer.height < page.height


def test_empty_results_are_a_sheet_too(load: Load) -> None:
    nothing = SearchResult((), np.zeros((0, 5), np.int64), np.zeros((0, 5), np.float32), (), "lite0")
    assert isinstance(search_sheet(nothing, load), Image.Image)
    assert groups_sheet(DuplicateReport((), "edited", 0, 0.0), load).height > 100


def test_any_name_can_be_drawn(search_result: SearchResult, load: Load) -> None:
    names = ("/q/caf\udce9\n[red]<b>.jpg", "https://example.org/Zoë/кот 猫.jpg?size=large#x")
    plain = search_sheet(search_result, load)
    odd = search_sheet(replace(search_result, queries=names, failed=()), load, title="Zoë\n\udce9")
    assert odd.size == plain.size
    assert np.asarray(odd).tobytes() != np.asarray(plain).tobytes()


def test_the_words_of_a_sheet_are_in_the_font_of_pillow() -> None:
    assert all(_draws(letter, "") for letter in "query same-file 0123456789 <…·>")
    assert not _draws("猫", "")


def test_letters_that_no_font_has_become_plain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "_SYSTEM_FONTS", ("no such font.ttf",))
    assert sheet._lettered("Zoë, e\u0301té, 猫.jpg", 14)[0] == "Zoe, ete, ?.jpg"


def test_accented_letters_are_drawn_where_the_system_has_a_font() -> None:
    if not any(_draws("ë", name) for name in sheet._SYSTEM_FONTS):
        pytest.skip("no font of the system is known here")
    text, font = sheet._lettered("Zoë", 14)
    assert text == "Zoë"
    assert font.getname() != sheet._lettered("Zoe", 14)[1].getname()


@pytest.mark.parametrize(("tile", "columns"), [(10, 5), (5000, 5), (224, 0), (224, 100)])
def test_sizes_out_of_range_are_refused(search_result: SearchResult, load: Load, tile: int, columns: int) -> None:
    with pytest.raises(UsageError, match=r"not (10|5000|0|100)"):
        search_sheet(search_result, load, tile=tile, columns=columns)
