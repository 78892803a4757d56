"""`Library.split` and `lookalike split`: from folders with copies to a CSV file."""

from __future__ import annotations

import csv
import inspect
import shutil
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

import lookalike
from lookalike import defaults
from lookalike.cli import main
from lookalike.cli.split import split as command
from lookalike.demo import shipped_photographs
from lookalike.errors import FingerprintError, UsageError
from lookalike.library import Library
from lookalike.results import IndexReport
from lookalike.splitting import read_split

PHOTOGRAPHS = shipped_photographs()
SHARED = Path(__file__).resolve().parents[2] / "../shared/data"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten photographs in two folders; of the first a copy of its bytes, of the second a small version, elsewhere."""
    if len(PHOTOGRAPHS) < 10:
        pytest.skip("no installed package brings photographs")
    folder = tmp_path_factory.mktemp("photos")
    for at, path in enumerate(PHOTOGRAPHS[:10]):
        (folder / "ab"[at % 2]).mkdir(exist_ok=True)
        with Image.open(path) as image:
            image.convert("RGB").save(folder / "ab"[at % 2] / f"{at}.jpg", quality=90)
    shutil.copyfile(folder / "a/0.jpg", folder / "b/copy.jpg")
    with Image.open(folder / "b/1.jpg") as image:
        image.resize((image.width * 3 // 4, image.height * 3 // 4)).save(folder / "a/small.jpg")
    return folder


@pytest.fixture(scope="module")
def library(folder: Path):
    with lookalike.open(folder.parent / "split.lookalike") as opened:
        opened.add(folder)
        yield opened


def group_of(made, name):
    return next(group for uri, group in zip(made.uris, made.groups, strict=True) if uri.endswith(name))


@pytest.mark.parametrize(
    ("level", "bytes_", "resized"),
    [(None, True, False), ("same-file", True, False), ("same-picture", True, True), ("edited", True, True)],
)
def test_the_level_decides_what_stays_together(library, folder, level, bytes_, resized):
    made = library.split(folder, parts="50:50", level=level)
    assert len(made) == 12
    assert (group_of(made, "a/0.jpg") == group_of(made, "b/copy.jpg")) == bytes_
    assert (group_of(made, "b/1.jpg") == group_of(made, "a/small.jpg")) == resized
    for a, b in (("a/0.jpg", "b/copy.jpg"), ("b/1.jpg", "a/small.jpg")):
        if group_of(made, a) == group_of(made, b):
            assert len({part for uri, part in made.sides().items() if uri.endswith((a, b))}) == 1


def test_what_is_known_to_belong_together_is_joined_to_copies_in_a_chain(library, folder, tmp_path):
    known = tmp_path / "known.csv"
    known.write_text(f"uri,label\n{folder}/b/copy.jpg,film\n{folder}/b/1.jpg,film\n{folder}/a/2.jpg,other\n")
    made = library.split(folder, parts="50:50", groups=str(known))
    chain = {group_of(made, name) for name in ("a/0.jpg", "b/copy.jpg", "b/1.jpg", "a/small.jpg")}
    assert len(chain) == 1
    assert group_of(made, "a/2.jpg") not in chain
    assert group_of(made, "a/2.jpg") != group_of(made, "b/3.jpg")


def test_pairs_bind_also_across_groups_of_duplicates(library, folder, monkeypatch):
    """Groups are free of chains: two pictures of a passing pair may be in different ones, or one in none."""
    from lookalike.duplicates import Found, Pair

    def chained(pictures, *_, **__):
        ids = [picture.content.id for picture in pictures]
        ties = [(0, 1), (1, 2), (7, 2)]
        return Found((), pairs=tuple(Pair(ids[a], ids[b], "edited", 0.9, 0.1, "cropped") for a, b in ties))

    monkeypatch.setattr("lookalike.pairing.find_duplicates", chained)
    made = library.split(folder, parts="50:50")
    assert max(Counter(made.groups).values()) == 5  # four contents, one of which has two names


def test_labels_folds_seed_and_paths(library, folder):
    made = library.split(folder, labels="folder", parts="50:50", level=None)
    assert {Path(uri).parent.name for uri in made.uris} == set(made.labels) == {"a", "b"}
    assert made.part("train").labels.count("a") == 3
    assert library.split(folder, parts="50:50", seed=5).parts != library.split(folder, parts="50:50").parts
    assert library.split(folder, folds=3).names == ("1", "2", "3")
    assert set(library.split([folder / "a"], parts="50:50").uris) == {u for u in made.uris if "/a/" in u}
    assert library.split(parts="50:50").uris == made.uris


def test_what_is_not_indexed_yet_is_indexed_first(folder, tmp_path):
    with lookalike.open(tmp_path / "new.lookalike") as library:
        seen: list[IndexReport] = []
        compared: list[int] = []
        made = library.split(
            folder / "a", parts="50:50", progress=seen.append, comparing=lambda done, total: compared.append(total)
        )
        assert len(made) == 6
        assert seen[-1].found == 6
        assert set(compared) == {6}
        with pytest.raises(UsageError, match="nothing is indexed at or under"):
            library.split(tmp_path / "nowhere")
        with pytest.raises(UsageError, match="no level 'near'"):
            library.split(folder, level="near")


def test_without_the_vectors_that_the_level_needs_it_says_what_to_do(folder, tmp_path):
    with lookalike.open(tmp_path / "pdq.lookalike") as library:
        library.add(folder / "a", descriptors=["pdq"])
        with pytest.raises(FingerprintError, match="lookalike index PATH --descriptor lite0"):
            library.split(parts="50:50")
        assert len(library.split(parts="50:50", level="same-pixels")) == 6


def run(capfdbinary, *arguments):
    code = main([str(argument) for argument in arguments])
    out, err = capfdbinary.readouterr()
    return code, out.decode(), err.decode()


def test_the_command_writes_what_python_returns(library, folder, tmp_path, capfdbinary):
    asked = ("--labels", "folder", "--parts", "50:50", "--seed", "3", "--library", library.path)
    code, out, err = run(capfdbinary, "split", folder, *asked, "--output", tmp_path / "s.csv")
    assert (code, out) == (0, "")
    made = library.split(folder, labels="folder", parts="50:50", seed=3)
    assert read_split(tmp_path / "s.csv").rows() == made.rows()
    assert "part train: 6 pictures (50.0%; asked 6.0)" in err
    code, out, _ = run(capfdbinary, "split", folder, *asked, "--format", "csv", "--relative-to", folder, "--quiet")
    rows = list(csv.DictReader(out.splitlines()))
    assert [row["uri"] for row in rows] == [str(Path(uri).relative_to(folder)) for uri in made.uris]
    code, out, _ = run(
        capfdbinary, "split", *asked, "--seed", "4", "--keep", tmp_path / "s.csv", "--output", tmp_path / "again.csv"
    )
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "s.csv").read_bytes()
    code, out, _ = run(capfdbinary, "split", "--folds", "3", "--library", library.path, "--format", "csv", "-q")
    assert out.splitlines()[0] == "uri,label,fold,group"
    code, _, err = run(capfdbinary, "split", "--parts", "half", "--library", library.path)
    assert code == 2
    assert "'half' is no part: write train=.7" in err


def test_python_and_the_command_have_the_same_defaults():
    ours = inspect.signature(Library.split).parameters
    theirs = inspect.signature(command).parameters
    for name in ("parts", "folds", "labels", "groups", "level", "seed", "device"):
        assert ours[name].default == theirs[name].default, name
    assert ours["parts"].default == defaults.PARTS


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")
def test_caltech_faces_and_their_crops_are_on_one_side(tmp_path):
    """Descriptors tell few of these tight crops; the names, which the two folders share, tell the others."""
    faces = [
        SHARED / "caltech101" / name / f"image_{n:04}.jpg" for name in ("Faces", "Faces_easy") for n in range(101, 141)
    ]
    with lookalike.open(tmp_path / "f.lookalike") as library:
        made = library.split(faces, labels="folder", groups="name:.*")
        copies = library.duplicates(faces, level="edited").groups
    sides = made.sides()
    by_path = {Path(uri).resolve(): part for uri, part in sides.items()}
    for n in range(40):
        assert by_path[faces[n].resolve()] == by_path[faces[n + 40].resolve()]
    assert copies
    for group in copies:
        assert len({sides[member.uri] for member in group.members}) == 1
    assert made.summary().values[0][1] == pytest.approx(56, abs=6)
