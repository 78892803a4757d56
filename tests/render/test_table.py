from __future__ import annotations

from typing import Any

import pytest

from lookalike.render.table import table_text
from lookalike.results import DuplicateReport, SearchResult
from lookalike.types import Rows
from lookalike.words import cell_width

SEARCH = ("query", "rank", "uri", "distance", "verdict", "probability")


def lines(rows: Rows, **options: Any) -> list[str]:
    text = table_text(rows, **options)
    assert text.endswith("\n")
    return text[:-1].split("\n")


def test_a_search_is_aligned_with_each_query_once_and_no_empty_columns() -> None:
    rows = Rows(
        SEARCH,
        [
            ("/q/a.jpg", 1, "/p/one.jpg", 0.0, None, None),
            ("/q/a.jpg", 10, "/p/three.jpg", 0.12345, None, None),
            ("/q/b.jpg", 1, "/p/two.jpg", 1.5, None, None),
        ],
    )
    assert lines(rows) == [
        "query     rank  uri           distance",
        "/q/a.jpg     1  /p/one.jpg      0.0000",
        "            10  /p/three.jpg    0.1235",
        "/q/b.jpg     1  /p/two.jpg      1.5000",
    ]


def test_duplicates_say_yes_at_the_keeper_and_sizes_in_words(duplicate_report: DuplicateReport) -> None:
    rows = duplicate_report.rows()
    assert lines(
        Rows(
            rows.columns[:3] + rows.columns[3:6:2] + rows.columns[9:],
            [row[:3] + row[3:6:2] + row[9:] for row in rows.values],
        )
    ) == [
        "group  uri            keeper  verdict       distance    bytes  hardlink",
        "    1  /p/keep.jpg    yes                              9.0 kB",
        "       /p/link.jpg            same-file       0.0000   9.0 kB  yes",
        "       /p/small.jpg           same-picture    0.0123   3.0 kB",
        "       /p/tall.jpg            edited          0.2000  12.0 kB",
        "    2  /p/burst1.jpg  yes                              5.0 kB",
        "       /p/burst2.jpg          same-scene      0.1000   5.5 kB",
    ]


def test_a_narrow_table_shortens_paths_and_then_leaves_out_columns_and_says_so(
    duplicate_report: DuplicateReport,
) -> None:
    narrow = lines(duplicate_report.rows(), width=80)
    assert narrow[0] == "group  uri            keeper  verdict       distance  reason"
    assert narrow[-1] == (
        "(no room for probability, width, height, bytes, hardlink: use a wider terminal or --format csv)"
    )
    assert all(len(line) <= 80 for line in narrow[:-1])


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_a_table_stays_within_the_width_and_keeps_the_ends_of_names(width: int) -> None:
    deep = "/home/someone" + "/folder" * 30 + "/beach at sunset.jpg"
    table = lines(Rows(SEARCH, [(deep, rank, deep, 0.5, None, None) for rank in (1, 2)]), width=width)
    assert all(cell_width(line) <= width for line in table)
    assert all("sunset.jpg" in line for line in table[1:])
    assert deep in table_text(Rows(SEARCH, [(deep, 1, deep, 0.5, None, None)]))


def test_wide_characters_are_aligned() -> None:
    table = lines(Rows(("uri", "rank"), [("/猫/猫.jpg", 1), ("/cat/c.jpg", 2)]))
    assert [cell_width(line) for line in table] == [16, 16, 16]


def test_names_cannot_move_the_cursor_or_mark_up_anything() -> None:
    table = lines(Rows(("uri", "rank"), [("[red]x\n\x1b[2J.jpg", 1)]))
    assert table[1] == "[red]x\\n\\x1b[2J.jpg     1"


def test_bits_have_no_decimals_and_missing_numbers_are_blank() -> None:
    table = lines(Rows(("descriptor", "distance"), [("pdq", 12.0), ("pdq", 8.0), ("pdq", None)]))
    assert table == ["descriptor  distance", "pdq               12", "pdq                8", "pdq"]


def test_an_empty_table_has_its_header() -> None:
    assert table_text(Rows(("group", "uri", "keeper"), [])) == "group  uri  keeper\n"


def test_one_object_is_a_list_of_names_and_values() -> None:
    rows = Rows(
        ("indexed", "bytes", "roots", "descriptors", "seconds", "interrupted", "note"),
        [(12, 8_123_456, ["/photos", "/more"], {"lite0": 5, "pdq": 7}, 1.23456, False, None)],
        single=True,
    )
    assert lines(rows) == [
        "indexed      12",
        "bytes        8.1 MB",
        "roots        /photos",
        "             /more",
        "descriptors  lite0 5, pdq 7",
        "seconds      1.235",
        "interrupted  no",
        "note",
    ]


def test_one_row_that_is_too_wide_becomes_a_list() -> None:
    rows = Rows(("a", "b", "width_a", "height_a", "width_b", "height_b"), [("/x/a.jpg", "/x/b.jpg", 1, 2, 3, 4)])
    assert len(lines(rows, width=80)) == 2
    assert lines(rows, width=40)[0] == "a         /x/a.jpg"


def test_colour_changes_no_character_of_the_text(search_result: SearchResult) -> None:
    import re

    plain, coloured = table_text(search_result.rows()), table_text(search_result.rows(), colour=True)
    assert "\x1b" not in plain
    assert "\x1b[1m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain
