"""Verified search, duplicates by verification, and self-evaluation on real photographs."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.cli import main
from lookalike.copytest import evaluate_copies
from lookalike.decode import decode
from lookalike.edits import edit
from lookalike.errors import UsageError
from lookalike.localindex import entries_of, open_word_index
from lookalike.transforms import resize
from lookalike.verifying import Looks
from tests.conftest import picture


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of real photographs and of pieces of them."""
    from lookalike.demo import shipped_photographs

    folder = tmp_path_factory.mktemp("photos")
    for number, path in enumerate(shipped_photographs()[:4]):
        image = decode(path.read_bytes()).pixels
        height, width = image.shape[:2]
        part = image[: height - height % 4, : width - width % 4]
        Image.fromarray(resize(np.ascontiguousarray(part), 240, 320)).save(folder / f"{number}.jpg", quality=92)
    return folder


@pytest.fixture(scope="module")
def library(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("library") / "a.lookalike"
    with lookalike.open(path) as opened:
        opened.add(photos)
    return path


@pytest.fixture
def copy(photos: Path) -> np.ndarray:
    """Return a mirrored, cropped version of the first photograph."""
    image = decode((photos / "0.jpg").read_bytes()).pixels
    return np.ascontiguousarray(image[40:200, 60:280][:, ::-1])


def test_a_verified_search_names_the_original_first_and_says_what_was_done(library, photos, copy):
    with lookalike.open(library) as opened:
        plain = opened.search(copy, k=3)
        found = opened.search(copy, k=3, verify=True)
    assert plain.evidence == ()
    assert plain.rows().columns[-1] == "probability"
    row = dict(zip(found.rows().columns, found.rows().values[0], strict=True))
    assert Path(row["uri"]) == photos / "0.jpg"
    assert (row["verdict"], row["probability"] > 0.9) == ("edited", True)
    assert "mirrored" in row["reason"]
    assert "cropped to 46 %" in row["reason"]
    chances = [one.probability for one in found.evidence[0]]
    assert chances == sorted(chances, reverse=True)
    assert all(one.verdict in ("related", "unrelated") for one in found.evidence[0][1:])


def test_bytes_and_pixels_that_are_equal_are_proven_so(library, photos, tmp_path):
    same = tmp_path / "same.jpg"
    same.write_bytes((photos / "1.jpg").read_bytes())
    Image.open(photos / "1.jpg").save(tmp_path / "pixels.png")
    with lookalike.open(library) as opened:
        found = opened.search([str(same), str(tmp_path / "pixels.png")], k=1, verify=True)
    assert [one[0].verdict for one in found.evidence] == ["same-file", "same-pixels"]
    assert [one[0].probability for one in found.evidence] == [1.0, 1.0]


def test_a_picture_of_the_library_is_verified_without_finding_itself(library, photos):
    with lookalike.open(library) as opened:
        found = opened.search(photos / "2.jpg", k=10, verify=True)
    assert len(found.evidence[0]) == 3
    assert str(photos / "2.jpg") not in found.uris[0]


def test_command_and_python_give_the_same_verdicts(library, copy, tmp_path, capfd):
    Image.fromarray(copy).save(tmp_path / "copy.png")
    assert main(["search", str(tmp_path / "copy.png"), "--library", str(library), "--verify", "-k", "2", "--format",
                 "csv"]) == 0  # fmt: skip
    out = capfd.readouterr().out.splitlines()
    assert out[0] == "query,rank,uri,distance,verdict,probability,reason"
    with lookalike.open(library) as opened:
        found = opened.search(tmp_path / "copy.png", k=2, verify=True)
    assert out[1].split(",")[4] == found.evidence[0][0].verdict
    assert float(out[1].split(",")[5]) == pytest.approx(found.evidence[0][0].probability)


def test_duplicates_finds_edits_with_their_reason_from_the_members_side(photos, copy, tmp_path):
    folder = tmp_path / "both"
    folder.mkdir()
    for path in photos.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    Image.fromarray(copy).save(folder / "copy.png")
    with lookalike.open(tmp_path / "b.lookalike") as opened:
        opened.add(folder)
        assert opened.duplicates(level="same-picture").groups == ()
        (group,) = opened.duplicates(level="edited").groups
    assert [Path(member.uri).name for member in group.members] == ["0.jpg", "copy.png"]
    member = group.members[1]
    assert (member.verdict, member.probability is not None and member.probability > 0.9) == ("edited", True)
    assert "cropped to" in member.reason
    assert member.evidence is not None
    assert member.evidence.share_a == pytest.approx(1.0, abs=0.03)
    assert "uncropped" in group.keeper.reason


def test_the_index_of_local_features_is_kept_mended_and_brought_up_to_date(photos, library, tmp_path):
    with lookalike.open(library) as opened:
        looks = Looks(opened.store, threads=2, max_pixels=10**8)
        entries = entries_of(opened.store)
        first = open_word_index(opened.store, looks, entries)
        (path,) = (library / "cache").glob("*.words")
        written = path.stat().st_mtime_ns
        again = open_word_index(opened.store, looks, entries)
        assert path.stat().st_mtime_ns == written, "nothing was new"
        path.write_bytes(path.read_bytes()[:-2000])
        mended = open_word_index(opened.store, looks, entries)
        fewer = open_word_index(opened.store, looks, entries[1:])
        for index in (first, again, mended):
            assert sorted(index.keys.tolist()) == sorted(entry.content.id for entry in entries)
        assert sorted(fewer.keys.tolist()) == sorted(entry.content.id for entry in entries[1:])
        looks.close()


def test_a_picture_that_is_gone_is_left_out_and_counted(photos, tmp_path):
    folder = tmp_path / "some"
    folder.mkdir()
    for path in photos.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    Image.open(photos / "3.jpg").resize((160, 120)).save(folder / "small.jpg")
    with lookalike.open(tmp_path / "c.lookalike") as opened:
        opened.add(folder)
        (folder / "small.jpg").unlink()
        report = opened.duplicates(level="same-picture")
    assert report.groups == ()
    assert ("pairs that could not be read again to be verified", 1) in report.left_out


def test_copies_of_ones_own_pictures_are_made_and_found(photos, tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    sheets = [decode(path.read_bytes()).pixels for path in sorted(photos.iterdir())]
    for number in range(52):  # pieces of photographs that do not overlap, and painted ones
        sheet = sheets[number % 4]
        row, column = divmod(number // 4, 4)
        piece = (
            sheet[row * 60 : row * 60 + 60, column * 80 : column * 80 + 80] if number < 48 else picture(number, 90, 120)
        )
        Image.fromarray(resize(np.ascontiguousarray(piece), 180, 240)).save(folder / f"{number:02}.png")
    seen = []
    found = evaluate_copies(
        folder, kinds=("mirror", "crop-centre", "jpeg"), strengths=("weak", "middle"), each=2, seed=3,
        progress=lambda stage, done, total: seen.append(stage),
    )  # fmt: skip
    verified, lite0, pdq = found.reports
    assert [report.method for report in found.reports] == ["verified", "lite0", "pdq"]
    assert verified.queries == (12, 12)
    assert verified.uap >= max(lite0.uap, pdq.uap)
    assert verified.recall_at_precision(0.99).recall > 0.8
    assert {row[2] for row in found.rows().values if row[2]} == {"mirror", "crop-centre", "jpeg"}
    assert set(seen) == {"indexing", "comparing", "searching"}
    again = evaluate_copies(folder, kinds=("mirror",), strengths=("weak",), each=2, seed=4, methods=("pdq",))
    assert len(again.reports) == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kinds": ("nonsense",)}, "no kind"),
        ({"strengths": ("huge",)}, "no strength"),
        ({"methods": ("guess",)}, "no method"),
        ({"each": 0}, "at least 1"),
        ({}, "too few"),
    ],
)
def test_wrong_settings_and_too_few_pictures_get_a_sentence(photos, given, words):
    with pytest.raises(UsageError, match=words):
        evaluate_copies(photos, **given)


def test_edits_of_a_picture_are_told_from_an_edit_of_another(library, photos):
    images = [decode(path.read_bytes()).pixels for path in sorted(photos.iterdir())]
    queries = [edit(image, "rotate-inside", "middle", 9) for image in images]
    with lookalike.open(library) as opened:
        found = opened.search(queries, k=1, verify=True)
    assert [Path(str(uris[0])).name for uris in found.uris] == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]


def test_a_library_keeps_the_probability_that_is_asked_of_a_copy(library, photos, copy, tmp_path, capfd):
    Image.fromarray(copy).save(tmp_path / "copy.png")
    path = tmp_path / "own.lookalike"
    with lookalike.open(path) as opened:
        opened.add([photos, tmp_path / "copy.png"])
        assert opened.probability == opened.status().probability == 0.5
        (group,) = opened.duplicates(level="edited").groups
        told = group.members[1].probability
        assert told is not None
        assert 0.9 < told < 1
        assert opened.duplicates(level="edited", probability=1.0).groups == ()
        (scene,) = opened.duplicates(level="same-scene", probability=1.0).groups
        assert scene.members[1].verdict == "same-scene"
        opened.probability = 1.0
    with lookalike.open(path) as opened:
        assert opened.probability == 1.0
        assert opened.duplicates(level="edited").groups == ()
        assert len(opened.duplicates(level="edited", probability=0.9).groups) == 1
        for wrong in (0.4, 1.1, float("nan")):
            with pytest.raises(UsageError, match=r"0\.5 to 1"):
                opened.probability = wrong
        opened.probability = None
        assert opened.probability == 0.5
    assert (
        main(["duplicates", "--level", "edited", "--probability", "1", "--library", str(path), "--format", "csv"]) == 0
    )
    assert str(photos) not in capfd.readouterr().out


def test_the_threshold_of_an_evaluation_is_stored_for_the_command(photos, tmp_path, capfd, monkeypatch):
    from lookalike.evaluate import CopyReport, CopyThreshold

    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(52):
        Image.fromarray(picture(number, 64, 64)).save(folder / f"{number}.png")
    monkeypatch.setattr(CopyReport, "threshold_for", lambda self, rate: CopyThreshold(rate, 0.75, 10, 0, rate / 2, 0.9))
    fewer = functools.partial(evaluate_copies, kinds=("mirror", "jpeg"), strengths=("weak",))
    monkeypatch.setattr("lookalike.copytest.evaluate_copies", fewer)
    path = tmp_path / "kept.lookalike"
    asked = ["evaluate", "copies", str(folder), "--each", "1", "--store", "--library", str(path)]
    assert main(asked) == 2
    assert "--error-rate" in capfd.readouterr().err
    assert main([*asked, "--error-rate", ".1"]) == 0
    with lookalike.open(path) as opened:
        assert opened.probability == 0.75
