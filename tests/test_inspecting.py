"""Problems of the pictures of a library: each planted once, found alone."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image, ImageFilter

import lookalike
from lookalike.decode import decode
from lookalike.errors import UsageError

from .conftest import picture
from .problems.crisp import crisp, write_crisp


@pytest.fixture
def folder(tmp_path):
    """Thirty ordinary pictures of 96 x 128 and one of each problem."""
    album = tmp_path / "album"
    for number in range(30):
        write_crisp(album / f"fine{number:02}.png", number, 96, 128)
    big = Image.fromarray(crisp(100, 300, 400))
    big.filter(ImageFilter.GaussianBlur(8)).save(album / "blurred.png")
    Image.fromarray(crisp(101, 96, 128) // 5).save(album / "dark.png")
    Image.fromarray(255 - crisp(102, 96, 128) // 4).save(album / "bright.png")
    Image.fromarray(np.full((96, 128, 3), 128, np.uint8)).save(album / "plain.png")
    write_crisp(album / "long.png", 103, 70, 400)
    write_crisp(album / "small.png", 104, 20, 24)
    grey = np.repeat(crisp(105, 96, 128)[..., :1], 3, axis=2)
    Image.fromarray(grey).save(album / "grey.png")
    Image.fromarray(grey[..., 0]).save(album / "grey alone.png")
    Image.fromarray(grey).save(album / "grey.webp", lossless=True)  # WebP has no form without colour
    (album / "broken.png").write_bytes((album / "fine00.png").read_bytes()[:200])
    return album


def kinds(report):
    return {one.uri.rpartition("/")[2]: set(one.kinds) for one in report.flagged}


def test_each_problem_is_found_on_its_picture(folder, tmp_path, fake):
    with lookalike.open(tmp_path / "x.lookalike") as library:
        told = lookalike.inspect(library, folder, descriptor="fake")
    found = kinds(told)
    expected = {
        "blurred.png": "blurred", "dark.png": "dark", "bright.png": "bright", "plain.png": "low-information",
        "long.png": "odd-aspect", "small.png": "too-small", "grey.png": "grey-in-colour", "broken.png": "unreadable",
    }  # fmt: skip
    for name, kind in expected.items():
        assert kind in found[name], name
    for name in ("grey alone.png", "grey.webp"):
        assert "grey-in-colour" not in found.get(name, set())
    ordinary = {kind for name, some in found.items() if name.startswith("fine") for kind in some}
    assert ordinary <= {"outlier"}
    assert len(told.pictures) == 40
    row = next(row for row in told.rows().dicts() if row["uri"].endswith("long.png"))
    assert (row["width"], row["height"], row["label"]) == (400, 70, None)
    assert told.seconds > 0


def test_what_is_not_asked_for_is_not_measured_and_thresholds_decide(folder, tmp_path, fake, monkeypatch):
    with lookalike.open(tmp_path / "x.lookalike") as library:
        library.add(folder, descriptors=["fake"])
        monkeypatch.setattr("lookalike.inspecting.read_bytes", lambda _: pytest.fail("a file was read"))
        told = lookalike.inspect(library, only=["too-small", "odd-aspect"])
        assert kinds(told) == {"long.png": {"odd-aspect"}, "small.png": {"too-small"}}
        told = lookalike.inspect(library, only=["too-small"], thresholds={"too-small": 71})
        assert kinds(told) == {"long.png": {"too-small"}, "small.png": {"too-small"}}
        with pytest.raises(UsageError, match="no problem"):
            lookalike.inspect(library, only=["tiny"])
        with pytest.raises(UsageError, match="no threshold"):
            lookalike.inspect(library, thresholds={"tiny": 3})


def test_only_what_lies_at_or_under_the_paths_is_looked_at(folder, tmp_path, fake):
    write_crisp(tmp_path / "other" / "small.png", 7, 9, 9)
    with lookalike.open(tmp_path / "x.lookalike") as library:
        library.add([folder, tmp_path / "other"], descriptors=["fake"])
        told = lookalike.inspect(library, tmp_path / "other", descriptor="fake")
        assert [one.uri for one in told.pictures] == [str(tmp_path / "other" / "small.png")]
        one = lookalike.inspect(library, [folder / "broken.png", folder / "dark.png"], only=["unreadable", "dark"])
        assert kinds(one) == {"broken.png": {"unreadable"}, "dark.png": {"dark"}}


def test_an_outlier_by_vectors_is_found_though_it_has_copies(tmp_path, fake):
    album = tmp_path / "album"
    album.mkdir()
    random = np.random.default_rng(0)
    for number in range(40):
        pixels = np.clip(np.array((200, 60, 60)) + random.integers(-9, 10, (4, 4, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).resize((128, 96)).save(album / f"red{number:02}.png")
    write_crisp(album / "other.png", 1, 96, 128)
    for number in range(12):
        shutil.copyfile(album / "other.png", album / f"copy{number}.png")
    with lookalike.open(tmp_path / "x.lookalike") as library:
        told = lookalike.inspect(library, album, descriptor="fake", only=["outlier"])
        assert {name for name in kinds(told) if not name.startswith("red")} == {
            "other.png", *(f"copy{number}.png" for number in range(12)),
        }  # fmt: skip
        few = lookalike.inspect(library, [album / "other.png", album / "red00.png"], descriptor="fake")
        assert all(one.measures.outlier is None for one in few.pictures)


def test_planted_wrong_labels_are_found_and_files_of_equal_bytes_are_no_witnesses(tmp_path, fake):
    random = np.random.default_rng(0)
    for name, colour in (("red", (200, 60, 60)), ("green", (60, 200, 60))):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(30):
            pixels = np.clip(np.array(colour) + random.integers(-30, 31, (4, 4, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).resize((128, 96)).save(tmp_path / "set" / name / f"{number:02}.png")
    shutil.move(tmp_path / "set/red/03.png", tmp_path / "set/green/wrong.png")
    for number in range(9):
        shutil.copyfile(tmp_path / "set/green/wrong.png", tmp_path / f"set/green/wrong{number}.png")
    (tmp_path / "set/rare").mkdir()
    shutil.copyfile(tmp_path / "set/red/00.png", tmp_path / "set/rare/00.png")
    seen = []
    with lookalike.open(tmp_path / "x.lookalike") as library:
        told = lookalike.inspect(
            library, tmp_path / "set", descriptor="fake", labels="folder", only=["mislabelled"],
            checking=lambda done, total: seen.append((done, total)),
        )  # fmt: skip
        assert seen[-1] == (5, 5)
        assert {one.uri.rpartition("/")[2] for one in told.flagged} == {
            "wrong.png", *(f"wrong{number}.png" for number in range(9)),
        }  # fmt: skip
        assert told.flagged[0].measures.suggested == "red"
        assert "labelled green, likely red" in told.flagged[0].reason
        assert any("1 label with fewer than 5 pictures" in note for note in told.notes)
        assert {row["label"] for row in told.rows().dicts()} == {"red", "green", "rare"}
        assert not lookalike.inspect(library, only=["mislabelled"], descriptor="fake").flagged  # no labels, no check
        with pytest.raises(UsageError, match="not two classes"):
            lookalike.inspect(library, tmp_path / "set/red", labels="folder", descriptor="fake")


def test_files_that_cannot_be_read_now_are_counted_and_are_no_problem(folder, tmp_path, fake):
    with lookalike.open(tmp_path / "x.lookalike") as library:
        library.add(folder, descriptors=["fake"])
        folder.rename(tmp_path / "unplugged")
        told = lookalike.inspect(library, only=["dark", "blurred", "unreadable", "too-small"])
        assert told.notes == ("39 pictures could not be read now and so not be looked at",)
        assert kinds(told) == {"small.png": {"too-small"}, "broken.png": {"unreadable"}}


def test_one_spot_of_colour_in_a_large_photograph_is_seen(tmp_path, fake):
    grey = np.repeat(picture(3, 800, 1000)[..., :1], 3, axis=2)
    spot = grey.copy()
    spot[401:409, 501:509] = (255, 0, 0)
    (tmp_path / "set").mkdir()
    Image.fromarray(grey).save(tmp_path / "set/grey.jpg", quality=95)
    Image.fromarray(spot).save(tmp_path / "set/spot.jpg", quality=95)
    assert decode((tmp_path / "set/spot.jpg").read_bytes(), min_side=384).pixels.shape[0] == 400
    with lookalike.open(tmp_path / "x.lookalike") as library:
        told = lookalike.inspect(library, tmp_path / "set", descriptor="fake", only=["grey-in-colour"])
    assert kinds(told) == {"grey.jpg": {"grey-in-colour"}}
