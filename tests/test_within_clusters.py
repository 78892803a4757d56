"""The published prediction: query -> vector -> cluster, by its neighbours -> the nearest within and without."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike.cli import main
from lookalike.errors import UsageError
from lookalike.searching import majority
from lookalike.types import DescriptorSpec

COLUMNS = ("query", "rank", "uri", "distance", "verdict", "probability", "cluster", "scope")


class Grey:
    """One number: the mean brightness."""

    spec = DescriptorSpec("grey", 1, "l2", "mean brightness", "these tests", min_side=8)

    def embed(self, images):
        return np.array([[image.mean()] for image in images], np.float32).reshape(len(images), 1)


PLACES = {"a": 10, "b": 20, "c": 30, "d": 40, "e": 50, "f": 60, "g": 200}
CLUSTERS = {"a": "1", "b": "1", "c": "2", "d": "2", "e": "2", "f": "1", "g": "3"}


def write(path: Path, value: int) -> Path:
    from PIL import Image

    Image.new("RGB", (16, 16), (value,) * 3).save(path)
    return path


@pytest.fixture
def library(tmp_path, register):
    """Seven grey pictures on a line, in three clusters, and a CSV of these."""
    register(Grey())
    folder = tmp_path / "p"
    folder.mkdir()
    for name, value in PLACES.items():
        write(folder / f"{name}.png", value)
    lines = ["uri,cluster,distance,rank", *(f"{folder / name}.png,{one},0,1" for name, one in CLUSTERS.items())]
    (tmp_path / "clusters.csv").write_text("\n".join(lines) + "\n")
    with lookalike.open(tmp_path / "x.lookalike") as opened:
        opened.add(folder, descriptors=["grey"])
        yield opened


def names(uris):
    return [Path(uri).stem for uri in uris if uri]


@pytest.mark.parametrize(
    ("labels", "told"),
    [("1", "1"), ("12", "1"), ("21", "2"), ("122", "2"), ("1221", "1"), ("312223", "2"), ("2211", "2"), ("", None)],
)
def test_the_majority_tells_and_a_tie_goes_to_the_nearer(labels, told):
    assert majority(list(labels)) == told


@pytest.mark.parametrize(
    ("value", "votes", "told", "inside"),
    [
        (23, 1, "1", "baf"),  # b
        (23, 3, "1", "baf"),  # b 3, c 7, a 13: 1 2 1
        (23, 4, "1", "baf"),  # and d 17: a tie, b is the nearest
        (23, 5, "2", "cde"),  # and e 27
        (23, 9, "1", "baf"),  # and f 37, g 177: 1 2 1 2 2 1 3, a tie again
        (33, 2, "2", "cde"),  # c 3, d 7
        (220, 1, "3", "g"),
        (220, 3, "3", "g"),  # g 20, f 160, e 170: each once, g is the nearest
    ],
)
def test_a_new_picture_by_hand(library, tmp_path, value, votes, told, inside):
    query = write(tmp_path / "new.png", value)
    found = library.search(query, 3, descriptor="grey", clusters=str(tmp_path / "clusters.csv"), votes=votes)
    assert found.clusters == (told,)
    assert "".join(names(found.within.uris[0])) == inside
    plain = library.search(query, 3, descriptor="grey")
    assert found.uris == plain.uris  # among all pictures, and its first neighbour is kept
    rows = found.rows()
    assert rows.columns == COLUMNS
    assert [row[-1] for row in rows.values] == ["all"] * 3 + ["within"] * len(inside)
    assert {row[-2] for row in rows.values} == {told}
    assert plain.rows().columns == COLUMNS[:-2]


def test_a_picture_of_the_library_has_no_vote_on_itself_but_its_copy_has(library, tmp_path):
    folder, how = tmp_path / "p", str(tmp_path / "clusters.csv")
    found = library.search(folder / "g.png", 3, descriptor="grey", clusters=how, votes=1)
    assert found.clusters == ("1",)  # f is the nearest other
    assert names(found.within.uris[0]) == ["f", "b", "a"]
    copy = folder / "copy.png"
    copy.write_bytes((folder / "g.png").read_bytes())
    library.add(copy, descriptors=["grey"])
    with open(how, "a") as stream:
        stream.write(f"{copy},3,0,2\n")
    found = library.search(folder / "g.png", 3, descriptor="grey", clusters=how, votes=1)
    assert found.clusters == ("3",)
    assert names(found.within.uris[0]) == ["copy"]


def test_what_is_in_no_cluster_has_no_vote_and_is_found_in_none(library, tmp_path):
    some = tmp_path / "some.csv"
    some.write_text(f"uri,cluster\n{tmp_path}/p/a.png,-1\n{tmp_path}/p/b.png,\n{tmp_path}/p/f.png,7\n")
    found = library.search(write(tmp_path / "q.png", 12), 5, descriptor="grey", clusters=str(some))
    assert found.clusters == ("7",)
    assert names(found.within.uris[0]) == ["f"]
    alone = library.search(tmp_path / "p/f.png", 5, descriptor="grey", clusters=str(some))
    assert alone.clusters == (None,)
    assert not names(alone.within.uris[0])
    assert names(alone.uris[0]) == ["e", "d", "c", "b", "a"]


def test_several_queries_keep_their_order_and_one_that_fails_its_place(library, tmp_path):
    queries = [write(tmp_path / "dark.png", 12), tmp_path / "none.png", write(tmp_path / "bright.png", 210)]
    queries.append(write(tmp_path / "middle.png", 41))
    how = str(tmp_path / "clusters.csv")
    found = library.search(queries, 2, descriptor="grey", clusters=how, votes=2)
    assert found.clusters == ("1", None, "3", "2")
    assert [names(uris) for uris in found.within.uris] == [["a", "b"], [], ["g"], ["d", "e"]]
    near = library.search(queries, 2, descriptor="grey", clusters=how, votes=2, threshold=5)
    assert [names(uris) for uris in near.within.uris] == [["a"], [], [], ["d"]]


def test_clusters_may_be_told_by_folders(library, tmp_path):
    found = library.search(write(tmp_path / "q.png", 12), 2, descriptor="grey", clusters="folder")
    assert found.clusters == ("p",)


def test_wrong_use_is_a_sentence(library, tmp_path):
    with pytest.raises(UsageError, match="at least 1 neighbour"):
        library.search(tmp_path / "p/a.png", descriptor="grey", clusters="folder", votes=0)
    with pytest.raises(UsageError, match="cannot be read"):
        library.search(tmp_path / "p/a.png", descriptor="grey", clusters=str(tmp_path / "gone.csv"))


def test_the_command_line_gives_the_rows_of_python(library, tmp_path, capfd):
    query, how = write(tmp_path / "new.png", 23), str(tmp_path / "clusters.csv")
    asked = ["search", str(query), "-k", "3", "--descriptor", "grey", "--library", str(library.path), "--clusters", how]
    assert main([*asked, "--votes", "5", "--format", "csv", "--quiet"]) == 0
    printed = list(csv.reader(capfd.readouterr().out.splitlines()))
    rows = library.search(query, 3, descriptor="grey", clusters=how, votes=5).rows()
    assert printed[0] == list(rows.columns)
    assert [(*row[:3], float(row[3]), *row[4:]) for row in printed[1:]] == [
        tuple("" if value is None else value if isinstance(value, float) else str(value) for value in row)
        for row in rows.values
    ]
    for suffix in ("png", "html"):
        assert main([*asked, "--output", str(tmp_path / f"sheet.{suffix}")]) == 0
    page = (tmp_path / "sheet.html").read_text()
    assert "Within cluster 1, told by its nearest neighbours" in page
    assert page.count('<li class="picture">') == 6
    from PIL import Image

    with Image.open(tmp_path / "sheet.png") as two_rows:
        height = two_rows.height
    assert main([*asked[:-2], "--output", str(tmp_path / "sheet.png")]) == 0
    with Image.open(tmp_path / "sheet.png") as one_row:
        assert height - one_row.height > 224
