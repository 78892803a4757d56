"""What notebooks show of results: thumbnails inside, everything escaped, nothing fetched, never an error."""

from __future__ import annotations

import base64
import io
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike import notebook
from lookalike.cluster import cluster
from lookalike.notebook import Card, Section, page, thumbnails
from lookalike.results import (
    Comparison,
    DuplicateGroup,
    DuplicateReport,
    Gallery,
    GroupMember,
    IndexReport,
    PruneReport,
    SearchResult,
    Status,
)
from tests.conftest import picture, write_picture

VOID = {"img", "br", "meta"}


class _Reader(HTMLParser):
    """Reads a page, and holds that every element that opens is closed in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)


def read(source: str) -> _Reader:
    reader = _Reader()
    reader.feed(source)
    reader.close()
    assert reader.open == []
    assert {tag for tag, _, _ in reader.attributes} <= {"div", "figure", "img", "td", "th", "p"}
    for _, name, value in reader.attributes:
        assert not name.startswith("on")
        assert name != "src" or value.startswith("data:image/jpeg;base64,")
    return reader


def sources(reader: _Reader) -> list[str]:
    return [value for _, name, value in reader.attributes if name == "src"]


def search_result(queries, uris, **more) -> SearchResult:
    n, k = len(queries), len(uris[0]) if uris else 0
    return SearchResult(queries, np.zeros((n, k), np.int64), np.full((n, k), 0.25, np.float32), uris, "lite0", **more)


def member(uri: str, keeper: bool = False) -> GroupMember:
    return GroupMember(
        uri, keeper, None if keeper else "edited", None, None if keeper else 0.1, "cropped", 9, 9, 12_000
    )


@pytest.fixture
def files(tmp_path):
    return [str(write_picture(tmp_path / f"p{number}.jpg", number, 400, 600)) for number in range(4)]


def test_a_search_shows_each_query_and_its_neighbours_with_their_distances(files):
    shown = read(search_result((files[0], files[1]), ((files[2], files[3]), (files[3], None)))._repr_html_())
    text = " ".join(shown.text)
    assert len(sources(shown)) == 5
    assert text.count("0.2500") == 3
    assert "2 queries by lite0" in text


def test_neighbours_within_a_cluster_are_shown_below_those_of_all(files):
    within = search_result((files[0],), ((files[3],),))
    shown = read(search_result((files[0],), ((files[1],),), clusters=("7",), within=within)._repr_html_())
    text = " ".join(shown.text)
    assert len(sources(shown)) == 3
    assert text.index("p1.jpg") < text.index("within its cluster, 7") < text.index("p3.jpg")


def test_a_thumbnail_is_the_whole_upright_picture_small(tmp_path):
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture(1, 300, 600)).save(path, exif=exif)
    made = thumbnails([str(path)], side=100)
    with Image.open(io.BytesIO(base64.b64decode(made[str(path)].partition(",")[2]))) as image:
        assert image.size == (75, 150)
    assert thumbnails([str(path)], side=40)[str(path)] != made[str(path)]


def test_what_cannot_be_read_is_a_card_without_a_picture(tmp_path, files, monkeypatch):
    monkeypatch.setattr("socket.socket", None)  # nothing is fetched
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    (tmp_path / "folder.jpg").mkdir()
    inside = [str(tmp_path / name) for name in ("gone.jpg", "broken.jpg", "folder.jpg")]
    names = (*inside, "https://example.org/a.jpg", "picture 1", "p0.jpg", "/nul\0.jpg", "")
    monkeypatch.chdir(tmp_path)  # a name that is no absolute path is never read
    shown = read(search_result((files[0],), (names,))._repr_html_())
    assert len(sources(shown)) == 1
    assert " ".join(shown.text).count("no picture here") == len(names)


def test_a_query_that_failed_is_not_opened_and_says_why(files):
    shown = read(search_result((files[0],), ((None,),), failed=((files[0], "truncated"),))._repr_html_())
    assert sources(shown) == []
    assert "truncated" in " ".join(shown.text)


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>.jpg", '"onload="x.jpg', "&amp;.jpg", "b\udce9\n\u202e.jpg"]
)
def test_no_name_can_break_out_of_the_page(name):
    uri = f"/p/{name}"
    results = (
        search_result((uri,), ((uri,),), failed=()),
        DuplicateReport((DuplicateGroup(1, (member(uri, True), member(uri))),), "edited", 2, 0.1),
        Comparison(uri, uri, ((name, 0.5),), 1, 1, 1, 1, 0, 0, name, "JPEG", False, False, None, None),
        Gallery.from_arrays(np.eye(2), [name, name], [uri, uri]),
        Status(1, 0, 0, 5, (uri,), ((name, 1),), 0, 1, uri, 9, 1, 0.5),
        PruneReport((uri,), (uri,), removed=False),
        search_result((uri,), ((uri,),)).rows(),
    )
    for result in results:
        source = result._repr_html_()
        read(source)
        source.encode()
        assert "<script" not in source
        assert "\u202e" not in source


def test_duplicates_show_the_keeper_first_and_marked(files):
    group = DuplicateGroup(3, (member(files[0], True), member(files[1]), member(files[2])))
    source = DuplicateReport((group,), "edited", 1234, 0.1)._repr_html_()
    shown = read(source)
    text = " ".join(shown.text)
    assert len(sources(shown)) == 3
    assert source.count('class="first"') == 1
    assert source.index('class="first"') < source.index("p1.jpg")
    for part in ("1 group at level edited among 1,234 pictures", "Group 3: 3 pictures", "keep", "cropped", "12.0 kB"):
        assert part in text


def test_much_is_shown_in_part_and_the_rest_counted(monkeypatch):
    wanted: list[str] = []

    def noted(uris):
        wanted.extend(uris)
        return {}

    monkeypatch.setattr(notebook, "thumbnails", noted)
    groups = tuple(DuplicateGroup(n, tuple(member(f"/g{n}/{m}") for m in range(40))) for n in range(30))
    text = " ".join(read(DuplicateReport(groups, "edited", 1, 0.1)._repr_html_()).text)
    assert "24 more groups" in text
    assert "32 more pictures" in text
    assert len(wanted) == 6 * 8
    wanted.clear()
    text = " ".join(read(search_result(("/q",) * 9, (tuple(f"/{n}" for n in range(50)),) * 9)._repr_html_()).text)
    assert "4 more queries" in text
    assert "39 more neighbours" in text
    wanted.clear()
    gallery = Gallery.from_arrays(np.eye(100), ["a"] * 50 + ["b"] * 50)
    text = " ".join(read(gallery._repr_html_()).text)
    assert "76 more pictures" in text
    assert len(wanted) == 24
    assert {"0", "92"} <= set(wanted), "from all over it"


def test_a_comparison_says_what_is_proven(files):
    def shown(same_bytes, same_pixels, verdict):
        pair = Comparison(
            files[0], files[1], (("lite0", 0.125), ("pdq", 12.0)), 600, 400, 60, 40, 1000, 0, "JPEG", "array",
            same_bytes, same_pixels, verdict, 1.0,
        )  # fmt: skip
        return " ".join(read(pair._repr_html_()).text)

    assert "The same file" in shown(True, True, "same-file")
    assert "The same pixels" in shown(False, True, "same-pixels")
    text = shown(False, False, None)
    for part in ("Two pictures", "600 × 400 JPEG", "1.0 kB", "0.1250", "12 bits"):
        assert part in text


def test_clusters_show_their_most_central_pictures():
    rows = np.array([[0.0, 1], [0, 1.1], [0, 1.2], [5, 0], [5, 0.1]])
    clustering = cluster(Gallery.from_arrays(rows, metric="l2"), k=2)
    text = " ".join(read(clustering._repr_html_(pictures=2)).text)
    assert "2 clusters of 5 pictures by arrays, silhouette 0." in text
    assert "cluster 1: 3 pictures no picture here 1" in text
    assert "1 more picture" in text
    assert "1 more cluster" in read(clustering._repr_html_(clusters=1)).text


def test_a_gallery_counts_its_labels_and_names_its_numbers():
    cosine = " ".join(read(Gallery.from_arrays(np.eye(3), ["cat", "dog", "cat"])._repr_html_()).text)
    for part in ("3 pictures by arrays: 3 numbers, cosine", "cat 2", "dog 1"):
        assert part in cosine
    bits = Gallery.from_arrays(np.zeros((1, 4), np.uint8), metric="hamming")._repr_html_()
    assert "1 picture by arrays: 32 bits" in bits
    assert "<td" not in bits


def test_nothing_is_shown_of_nothing():
    for result in (
        search_result((), ()),
        DuplicateReport((), "edited", 0, 0.0),
        Gallery.from_arrays(np.empty((0, 3))),
        IndexReport(),
    ):
        assert read(result._repr_html_()).text


def test_a_page_carries_its_sections_in_order():
    shown = read(page("T", [Section("one", [Card("/a")], "x"), Section("two")], table="<p>t</p>", note="n"))
    assert [text for text in shown.text if len(text) < 4] == ["T", "one", "a", "x", "two", "t", "n"]


def test_what_a_library_answers_is_shown(tmp_path, fake):
    folder = tmp_path / "p"
    for number in range(3):
        write_picture(folder / f"{number}.png", number)
    with lookalike.open(tmp_path / "x.lookalike") as library:
        report = library.add(folder, descriptors=["fake"])
        shown = read(library.search(folder, k=2, descriptor="fake")._repr_html_())
        assert len(sources(shown)) == 9
        for other in (report, library.status(), library.problems(), library.gallery(descriptor="fake")):
            read(other._repr_html_())
