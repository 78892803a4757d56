"""How much of one folder is inside another."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import lookalike
from lookalike.demo import shipped_photographs
from lookalike.errors import UsageError
from lookalike.folders import WIDE, FolderPair, _Folders, compare_folders
from lookalike.store import Image as Named

COLUMNS = ("a", "b", "inside", "of", "share", "inside_back", "of_back", "share_back", "bytes", "nested")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a phone with three photographs, and an archive with two of them (one smaller) and two others."""
    root = tmp_path_factory.mktemp("photos")
    made = {}
    for path in shipped_photographs():
        if path.stem in ("china", "flower", "coffee", "chelsea", "rocket"):
            with Image.open(path) as image:
                made[path.stem] = image.convert("RGB").resize((300, 200))
    (root / "phone/DCIM").mkdir(parents=True)
    (root / "archive/2024").mkdir(parents=True)
    (root / "archive/2025").mkdir()
    for name in ("china", "flower", "coffee"):
        made[name].save(root / f"phone/DCIM/{name}.jpg", quality=90)
    shutil.copyfile(root / "phone/DCIM/china.jpg", root / "archive/2024/first.jpg")
    made["flower"].resize((210, 140)).save(root / "archive/2025/second.jpg", quality=85)
    for name in ("chelsea", "rocket"):
        made[name].save(root / f"archive/2025/{name}.jpg")
    return root


@pytest.fixture(scope="module")
def library(photos: Path, tmp_path_factory: pytest.TempPathFactory):
    with lookalike.open(tmp_path_factory.mktemp("library") / "f.lookalike") as opened:
        opened.add([photos / "phone", photos / "archive"])
        yield opened


def told(report, root: Path) -> list[tuple[str, str, str, str]]:
    return [
        (str(Path(p.a).relative_to(root)), str(Path(p.b).relative_to(root)), f"{p.inside}/{p.of}",
         f"{p.inside_back}/{p.of_back}")
        for p in report.pairs
    ]  # fmt: skip


def test_shares_are_of_each_folder_with_all_under_it(library, photos):
    report = compare_folders(library, [photos / "phone", photos / "archive"])
    assert told(report, photos) == [
        ("archive/2024", "phone/DCIM", "1/1", "1/3"),
        ("phone/DCIM", "archive", "2/3", "2/4"),
        ("archive/2025", "phone/DCIM", "1/3", "1/3"),
    ]
    assert report.rows().columns == COLUMNS
    first = report.pairs[0]
    assert first.bytes == (photos / "archive/2024/first.jpg").stat().st_size
    assert str(report.pairs[1]).startswith(f"{photos}/phone/DCIM is 66.7 % inside {photos}/archive (2 of 3 pictures, ")
    assert compare_folders(library).pairs == report.pairs  # the folders that were indexed


def test_the_level_decides_what_is_inside(library, photos):
    assert told(compare_folders(library, level="same-file"), photos) == [("archive/2024", "phone/DCIM", "1/1", "1/3")]
    assert len(compare_folders(library, level="edited")) == 3


def test_small_shares_can_be_left_out_and_paths_limit_what_is_looked_at(library, photos):
    assert told(compare_folders(library, least=0.9), photos) == [("archive/2024", "phone/DCIM", "1/1", "1/3")]
    assert compare_folders(library, photos / "archive").pairs == ()
    with pytest.raises(UsageError, match="0 to 1"):
        compare_folders(library, least=2)
    with pytest.raises(UsageError, match="nothing is indexed"):
        compare_folders(library, photos / "nowhere")


def test_what_was_decided_to_be_no_duplicate_is_inside_nothing(library, photos):
    decision = library.decisions.not_duplicates([photos / "phone/DCIM/flower.jpg", photos / "archive/2025/second.jpg"])
    try:
        assert told(compare_folders(library), photos) == [("archive/2024", "phone/DCIM", "1/1", "1/3")]
    finally:
        library.decisions.undo([decision.id])


def compared(
    names: dict[str, int], tops: str = "/", copies: set[tuple[int, int]] = frozenset(), widest: int = WIDE  # type: ignore[assignment]
) -> dict[tuple[str, str], FolderPair]:  # fmt: skip
    """Compare folders of names that show pictures of these numbers, some of which are copies of each other."""
    images = [Named(at, uri, number, 10, 1, 0, 0) for at, (uri, number) in enumerate(sorted(names.items()))]
    partners: dict[int, set[int]] = {}
    for a, b in copies:
        if a in names.values() and b in names.values():
            partners.setdefault(a, set()).add(b)
            partners.setdefault(b, set()).add(a)
    classes = {number: number for number in names.values()}
    return {(pair.a, pair.b): pair for pair in _Folders(images, classes, [tops], widest).compare(partners)}


def test_of_nested_folders_the_outer_one_is_counted_without_the_inner():
    found = compared({"/a/x.jpg": 1, "/a/y.jpg": 2, "/a/old/x.jpg": 1, "/a/old/z.jpg": 3}, "/a")
    (pair,) = found.values()
    assert (pair.a, pair.b, pair.inside, pair.of, pair.inside_back, pair.of_back) == ("/a", "/a/old", 1, 2, 1, 2)
    assert pair.nested == "a"
    assert str(pair) == "the rest of /a is 50 % inside /a/old (1 of 2 pictures, 10 B)"


def test_all_is_said_only_of_all():
    names = {f"/a/{n}.jpg": n for n in range(2000)} | {f"/b/{n}.jpg": n for n in range(1999)}
    (pair,) = compared(names).values()
    assert (pair.a, pair.share) == ("/b", 1.0)
    names |= {"/b/other.jpg": 5000, "/b/more.jpg": 5001, "/a/more.jpg": 5002}
    text = str(next(iter(compared(names).values())))
    assert "99.9 %" in text
    assert "100 %" not in text


def test_a_picture_in_very_many_folders_makes_no_pairs_but_counts_in_those_of_others():
    count = 3000
    names = {f"/f{at}/logo.png": 0 for at in range(count)} | {"/f1/own.jpg": 1, "/f2/own.jpg": 1, "/f3/alone.jpg": 2}
    started = time.process_time()
    images = [Named(at, uri, number, 10, 1, 0, 0) for at, (uri, number) in enumerate(sorted(names.items()))]
    folders = _Folders(images, {0: 0, 1: 1, 2: 2}, [f"/f{at}" for at in range(count)])
    (pair,) = folders.compare({})
    assert time.process_time() - started < 2
    assert (pair.inside, pair.of, folders.wide) == (2, 2, 1)


FOLDERS = ["/r", "/r/a", "/r/a/b", "/r/a/b/c", "/r/a/d", "/r/e"]


@given(
    st.dictionaries(st.tuples(st.sampled_from(FOLDERS), st.integers(0, 5)), st.integers(0, 4), min_size=1),
    st.sets(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=3),
    st.sampled_from([1, 2, 50]),
)
def test_every_pair_is_counted_as_by_hand(held, copies, widest):
    names = {f"{folder}/{at}.jpg": number for (folder, at), number in held.items()}

    def copied(n: int, m: int) -> bool:
        return n == m or (n, m) in copies or (m, n) in copies

    def under(folder: str, without: str) -> list[int]:
        inner = without + "/" if without.startswith(folder + "/") else "?"
        return [n for uri, n in names.items() if uri.startswith(folder + "/") and not uri.startswith(inner)]

    found = compared(names, "/r", copies, widest)
    for (a, b), pair in found.items():
        mine, other = under(a, b), under(b, a)
        assert (pair.of, pair.of_back) == (len(mine), len(other))
        assert pair.inside == sum(any(copied(n, m) for m in other) for n in mine) > 0
        assert pair.inside_back == sum(any(copied(n, m) for m in mine) for n in other) > 0
        assert pair.bytes == 10 * pair.inside
        assert (pair.share, -pair.of) >= (pair.share_back, -pair.of_back)
    if widest < len(FOLDERS):
        return
    # Whatever two folders have in common is told by some pair, of these or of folders below or above.
    for uri, n in names.items():
        for copy, m in names.items():
            if copied(n, m) and Path(uri).parent != Path(copy).parent:
                assert any(
                    (uri.startswith(a + "/") and copy.startswith(b + "/"))
                    or (uri.startswith(b + "/") and copy.startswith(a + "/"))
                    for a, b in found
                )
