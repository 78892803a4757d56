"""What is planned: only copies, only files that are there and are what was indexed, nothing protected or offline."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

import lookalike
from lookalike.actions import make_plan
from lookalike.errors import UsageError
from lookalike.library import Library
from tests.actions.conftest import files
from tests.conftest import write_picture


def acts(plan, top: Path) -> dict[str, str]:
    return {os.path.relpath(item.uri, top): item.act for item in plan.items}


def test_each_group_has_one_keeper_and_the_others_act(library: Library, photos: Path):
    plan = make_plan(library)
    assert len([item for item in plan.items if item.keeper]) == 3
    assert len(plan.acting) == 6
    assert {item.act for item in plan.acting} == {"quarantine"}
    assert {item.verdict for item in plan.acting} == {"same-file"}
    first = plan.items[0]
    assert first.keeper
    assert first.act == "keep"
    assert first.reason
    assert first.sha256
    assert first.size == os.path.getsize(first.uri)
    assert plan.sum().values == [("quarantine", 6, sum(os.path.getsize(item.uri) for item in plan.acting))]


def test_nothing_is_touched_by_a_plan(library: Library, photos: Path):
    before = files(photos)
    make_plan(library, act="trash")
    assert files(photos) == before


def test_what_is_not_proven_needs_a_probability(library: Library):
    for level in ("same-picture", "edited"):
        with pytest.raises(UsageError, match="--probability"):
            make_plan(library, level=level)
    for level in ("same-scene", "nonsense"):
        with pytest.raises(UsageError, match="no level to act on"):
            make_plan(library, level=level, probability=0.9)


def test_the_level_and_the_probability_decide_what_acts(tmp_path: Path, photographs: list[Path]):
    with Image.open(photographs[0]) as image:
        picture = image.convert("RGB")
    (tmp_path / "p").mkdir()
    picture.save(tmp_path / "p/a.png")
    picture.save(tmp_path / "p/a.bmp")
    picture.resize((picture.width // 2, picture.height // 2)).save(tmp_path / "p/small.jpg", quality=80)
    with lookalike.open(tmp_path / "t.lookalike") as library:
        library.add(tmp_path / "p")
        assert len(make_plan(library, level="same-file").acting) == 0
        assert len(make_plan(library).acting) == 1
        assert len(make_plan(library, level="same-picture", probability=0.6).acting) == 2
        assert len(make_plan(library, level="same-picture", probability=1.0).acting) == 1


@pytest.mark.parametrize(
    ("act", "move_to", "words"),
    [("shred", None, "no act"), ("move", None, "go together"), ("trash", "x", "go together")],
)
def test_an_act_that_is_not_known_or_not_whole_is_refused(library: Library, act, move_to, words):
    with pytest.raises(UsageError, match=words):
        make_plan(library, act=act, move_to=move_to)


def test_moving_into_an_indexed_folder_is_refused_by_whatever_path(library: Library, photos: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to(photos)
    for folder in (photos, photos / "new/folder", tmp_path / "link", tmp_path / "link/new"):
        with pytest.raises(UsageError, match="which is indexed"):
            make_plan(library, act="move", move_to=folder)


def test_protected_folders_are_never_offered_by_whatever_link(library: Library, photos: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to(photos / "sub 0")
    for folder in (photos / "sub 0", tmp_path / "link", photos / "sub 1/../sub 0"):
        plan = make_plan(library, protect=folder)
        acting = [item.uri for item in plan.acting]
        assert acting
        assert not any("sub 0" in uri for uri in acting)
    assert make_plan(library, protect=photos).acting == ()
    reference = make_plan(library, reference=photos / "sub 0")
    assert all("sub 0" not in item.uri for item in reference.acting)
    assert {item.uri for item in reference.items if item.keeper} == {
        str(photos / "sub 0" / f"{n} copy.png") for n in range(3)
    }


def test_a_protected_folder_that_is_not_there_stops_everything(library: Library, tmp_path: Path):
    with pytest.raises(UsageError, match="is not there, so nothing is done"):
        make_plan(library, protect=tmp_path / "unplugged")


def test_a_hard_link_is_no_copy_and_wins_nothing(tmp_path: Path):
    one = write_picture(tmp_path / "p/a.png", 1)
    os.link(one, tmp_path / "p/b.png")
    shutil.copyfile(one, tmp_path / "p/c.png")
    os.link(tmp_path / "p/c.png", tmp_path / "p/d.png")
    with lookalike.open(tmp_path / "t.lookalike") as library:
        library.add(tmp_path / "p", descriptors=["pdq"])
        plan = make_plan(library)
    assert acts(plan, tmp_path / "p") == {
        "a.png": "keep", "b.png": "list-only", "c.png": "quarantine", "d.png": "quarantine",
    }  # fmt: skip
    by_name = {os.path.basename(item.uri): item for item in plan.items}
    assert "hard link" in by_name["b.png"].reason
    # Both names must go before the bytes of c and d are won, and then they are won once.
    assert sorted([by_name["c.png"].bytes, by_name["d.png"].bytes]) == [0, os.path.getsize(one)]


def test_a_symbolic_link_is_never_planned_for_nor_kept(tmp_path: Path):
    one = write_picture(tmp_path / "p/real.png", 1)
    (tmp_path / "p/a.png").symlink_to(one)
    with lookalike.open(tmp_path / "t.lookalike") as library:
        library.add([tmp_path / "p/a.png", tmp_path / "p/real.png"], descriptors=["pdq"])
        assert library.duplicates(level="same-file").groups, "the library takes both for files"
        assert make_plan(library).items == ()
        shutil.copyfile(one, tmp_path / "p/zz.png")
        library.add(tmp_path / "p/zz.png", descriptors=["pdq"])
        plan = make_plan(library)
    assert sorted(acts(plan, tmp_path / "p").items()) == [("real.png", "keep"), ("zz.png", "quarantine")]


def test_one_file_by_two_paths_is_one_file(tmp_path: Path):
    write_picture(tmp_path / "p/a.png", 1)
    (tmp_path / "q").symlink_to(tmp_path / "p")
    with lookalike.open(tmp_path / "t.lookalike") as library:
        library.add([tmp_path / "p/a.png", tmp_path / "q/a.png"], descriptors=["pdq"])
        assert len(library.duplicates(level="same-file").groups[0].members) == 2
        assert make_plan(library).items == ()


def test_what_has_changed_since_it_was_indexed_is_left_out(library: Library, photos: Path):
    write_picture(photos / "sub 0/1 copy.png", 9)
    (photos / "sub 1/1 copy.png").unlink()
    plan = make_plan(library)
    assert not any("1 copy" in item.uri for item in plan.items)
    assert "changed since" in " ".join(reason for reason, _ in plan.left_out)


def test_an_offline_root_is_offered_nothing_and_comes_back_unread(tmp_path: Path):
    """R17: of what lies on an unplugged disk nothing is offered, and nothing elsewhere because of a copy there."""
    here, disk = tmp_path / "here", tmp_path / "disk"
    for folder in (here, disk):
        write_picture(folder / "a.png", 1)
        write_picture(folder / "b.png", 2)
    write_picture(here / "b too.png", 2)
    write_picture(here / "c.png", 3)
    write_picture(here / "c too.png", 3)
    with lookalike.open(tmp_path / "t.lookalike") as library:
        library.add([here, disk], descriptors=["pdq"])
        assert len(make_plan(library).acting) == 4
        disk.rename(tmp_path / "unplugged")
        plan = make_plan(library)
        assert sorted(acts(plan, here)) == ["c too.png", "c.png"]
        assert "offline" in " ".join(reason for reason, _ in plan.left_out)
        disk.mkdir()  # an empty mount point is no better
        assert sorted(acts(make_plan(library), here)) == ["c too.png", "c.png"]
        assert library.prune().uris == ()
        disk.rmdir()
        (tmp_path / "unplugged").rename(disk)
        assert library.add([here, disk], descriptors=["pdq"]).read == 0
        assert len(make_plan(library).acting) == 4


def test_links_are_planned_between_equal_bytes_only(tmp_path: Path):
    one = write_picture(tmp_path / "p/a.png", 1)
    shutil.copyfile(one, tmp_path / "p/b.png")
    with Image.open(one) as image:
        image.save(tmp_path / "p/c.bmp")
    with lookalike.open(tmp_path / "t.lookalike") as library:
        library.add(tmp_path / "p", descriptors=["pdq"])
        for act in ("hardlink", "symlink", "reflink"):
            assert acts(make_plan(library, act=act), tmp_path / "p") == {
                "a.png": "keep", "b.png": act, "c.bmp": "list-only",
            }  # fmt: skip
