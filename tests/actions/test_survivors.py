"""D1: whatever a plan names by whatever path, each content keeps a readable file, and undo brings the tree back."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

import lookalike
from lookalike.actions import Plan, apply_plan, make_plan, undo
from lookalike.library import Library
from tests.actions.conftest import contents, plan_of, row, sha256, tree
from tests.conftest import write_picture

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")

TORTURE = os.environ.get("LOOKALIKE_TORTURE") == "1"
EXAMPLES = 10_000 if TORTURE else 150

FOLDERS = ("a", "a/b", "C")
NAMES = ("x.png", "X.png", "x copy.png", "ü.png", "y.jpg")
ACTS = ("quarantine", "hardlink", "symlink", "quarantine", "move")

# What is written at a place: a file of one of three contents, a hard link, a symbolic link to a file or folder.
entry = st.one_of(
    st.tuples(st.just("file"), st.integers(0, 2)),
    st.tuples(st.just("file"), st.integers(0, 2)),
    st.tuples(st.just("hard"), st.integers(0, 14)),
    st.tuples(st.just("soft"), st.integers(0, 14)),
)
place = st.tuples(st.sampled_from(FOLDERS), st.sampled_from(NAMES))
forest = st.dictionaries(place, entry, min_size=2, max_size=9)
# A way to a file: its folder, by a link to it, or by a link to the folder above.
way = st.integers(0, 2)
member = st.tuples(st.integers(0, 14), way, st.sampled_from(ACTS))
groups = st.lists(st.lists(member, min_size=2, max_size=5), min_size=1, max_size=3)


WORDS = tuple(b"picture %d" % number * (number + 1) for number in range(3))


def grow(
    root: Path, made: dict[tuple[str, str], tuple[str, int]], written: Sequence[bytes] = WORDS
) -> list[str]:  # fmt: skip
    """Write a forest; return the paths of its entries."""
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True)
    paths: list[str] = []
    for (folder, name), (kind, number) in made.items():
        path = root / folder / name
        if kind == "file" or not paths:
            path.write_bytes(written[number % len(written)])
        elif kind == "hard":
            os.link(paths[number % len(paths)], path, follow_symlinks=False)
        else:
            path.symlink_to(paths[number % len(paths)])
        paths.append(str(path))
    (root / "alias").symlink_to(root / "a")
    (root / "a/up").symlink_to(root)
    return paths


def by_way(root: Path, path: str, which: int) -> str:
    """Return another path to the same entry."""
    inside = os.path.relpath(path, root)
    if which == 1 and inside.startswith("a/"):
        return str(root / "alias" / inside[2:])
    return str(root / "a/up" / inside) if which == 2 else path


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    """Return a folder on a disk in memory where there is one: thousands of journals are written."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=base) as folder:
        yield Path(folder).resolve()


@pytest.fixture(scope="module")
def pictures(scratch: Path) -> list[bytes]:
    """Return the bytes of three pictures."""
    return [write_picture(scratch / f"{number}.png", number, 8, 8).read_bytes() for number in range(3)]


@pytest.fixture(scope="module")
def library(scratch: Path) -> Iterator[Library]:
    with lookalike.open(scratch / "t.lookalike") as opened:
        yield opened


def plan_from(root: Path, paths: list[str], chosen: list[list[tuple[int, int, str]]]) -> Plan:
    """Return a plan that names files by any way to them; the first of each group is its keeper."""
    rows, named = [], set()
    for number, members in enumerate(chosen, 1):
        for position, (at, which, act) in enumerate(members):
            path = by_way(root, paths[at % len(paths)], which)
            if path in named:
                if position == 0:
                    break
                continue
            named.add(path)
            to = str(root.parent / "moved") if act == "move" else ""
            rows.append(row(path, number, keeper=position == 0, act=act, to=to, verdict="same-pixels"))
    keepers = {item.group for item in rows if item.keeper}
    return plan_of(*(item for item in rows if item.group in keepers))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(made=forest, chosen=groups)
def test_every_content_keeps_a_readable_file_whatever_a_plan_names(scratch: Path, library: Library, made, chosen):
    top = scratch / "work"
    shutil.rmtree(top, ignore_errors=True)
    root = top / "root"
    paths = grow(root, made)
    before, held = tree(root), contents(root)
    plan = plan_from(root, paths, chosen)
    kept = {item.uri: item.sha256 for item in plan.items if item.keeper}
    report = apply_plan(library, plan)
    for one in report.acted:
        event(f"{one.state} {one.act if one.state == 'done' else one.reason.split(':')[0]}")
    if any(one.state == "done" for one in report.acted):
        done = {one.uri for one in report.acted if one.state == "done"}
        for item in plan.items:
            if item.uri in done:
                keeper = next(k for k in plan.items if k.keeper and k.group == item.group)
                assert os.path.isfile(keeper.uri), "the keeper is readable"
                assert not os.path.islink(keeper.uri), "and no link"
                assert sha256(keeper.uri) == kept[keeper.uri], "and still what it was"
                real = os.path.join(os.path.realpath(os.path.dirname(item.uri)), os.path.basename(item.uri))
                assert before[real][0] == "file", "no link was acted on"
        taken = library.path / "quarantine" / report.run
        assert contents(root, taken, top / "moved") >= held, "nothing is lost"
        back = undo(library, report.run)
        assert {one.state for one in back.undone} == {"undone"}, back.undone
    shutil.rmtree(library.path / "history", ignore_errors=True)
    assert tree(root) == before


@settings(max_examples=EXAMPLES // 10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    made=forest, follow=st.booleans(), act=st.sampled_from(("quarantine", "hardlink", "symlink")), named=st.booleans()
)
def test_what_is_planned_of_any_tree_leaves_a_byte_verified_copy(scratch: Path, pictures, made, follow, act, named):
    top = scratch / "work"
    shutil.rmtree(top, ignore_errors=True)
    root = top / "root"
    paths = grow(root, made, pictures)
    before, held = tree(root), contents(root)
    with lookalike.open(top / "t.lookalike") as library:
        # Named one by one, links are indexed under their own names, too.
        library.add([root, *paths] if named else root, descriptors=["pdq"], follow_links=follow)
        plan = make_plan(library, act=act, level="same-file")
        report = apply_plan(library, plan)
        assert all(one.state == "done" for one in report.acted), report.acted
        event(f"{act}: {len(report.acted)}")
        assert contents(root) == held, "each content is still there, outside the quarantine"
        again = make_plan(library, level="same-file")
        if act == "quarantine":
            assert not again.acting, "no two files of equal bytes are left"
        if report.acted:
            undo(library)
        assert tree(root) == before
