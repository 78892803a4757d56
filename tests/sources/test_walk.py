from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lookalike.errors import UsageError
from lookalike.sources import FileSource
from lookalike.sources import walk as walk_module

needs_links = pytest.mark.skipif(os.name == "nt", reason="making symbolic links needs a right on Windows")


def tree(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode("utf-8", "surrogateescape"))


def shown(source: FileSource, root: Path) -> list[tuple[str, str]]:
    """(relative name, why not or empty) of each item, with paths in reasons made relative too."""
    return [
        (os.path.relpath(item.uri, root).replace("\\", "/"), (item.skip or item.error).replace(f"{root}{os.sep}", ""))
        for item in source
    ]


def names(source: FileSource, root: Path) -> list[str]:
    return [name for name, _ in shown(source, root)]


def test_entries_are_sorted_and_a_folder_is_entered_where_it_stands(tmp_path: Path) -> None:
    tree(tmp_path, "b.jpg", "a/z.jpg", "a/B.jpg", "a-1.jpg", "C.jpg", "é.jpg", "a/deep/x.jpg")
    expected = ["C.jpg", "a/B.jpg", "a/deep/x.jpg", "a/z.jpg", "a-1.jpg", "b.jpg", "é.jpg"]
    assert names(FileSource([tmp_path]), tmp_path) == expected
    assert names(FileSource([tmp_path]), tmp_path) == expected


def test_a_source_can_be_walked_twice_and_sees_what_is_new(tmp_path: Path) -> None:
    tree(tmp_path, "a.jpg")
    source = FileSource([tmp_path])
    assert names(source, tmp_path) == ["a.jpg"]
    tree(tmp_path, "b.jpg")
    assert names(source, tmp_path) == ["a.jpg", "b.jpg"]


def test_without_recursion_subfolders_are_left_out_and_the_root_is_not_complete(tmp_path: Path) -> None:
    tree(tmp_path, "a.jpg", "sub/b.jpg")
    source = FileSource([tmp_path], recursive=False)
    assert names(source, tmp_path) == ["a.jpg"]
    assert source.incomplete_roots == {str(tmp_path)}
    assert names(FileSource([tmp_path], recursive=True), tmp_path) == ["a.jpg", "sub/b.jpg"]


def test_hidden_and_system_entries_are_taken_only_when_asked_for(tmp_path: Path) -> None:
    hidden = [".a.jpg", ".sub/b.jpg", "$RECYCLE.BIN/c.jpg", "@eaDir/d.jpg", "System Volume Information/e", "Thumbs.db"]
    tree(tmp_path, "a.jpg", "desktop.ini", *hidden)
    assert names(FileSource([tmp_path]), tmp_path) == ["a.jpg"]
    assert set(names(FileSource([tmp_path], hidden=True), tmp_path)) == {"a.jpg", "desktop.ini", *hidden}


def test_a_hidden_path_that_is_named_is_used_even_if_its_folder_is_named_too(tmp_path: Path) -> None:
    tree(tmp_path, ".sub/b.jpg", "a.jpg")
    assert names(FileSource([tmp_path / ".sub"]), tmp_path) == [".sub/b.jpg"]
    assert names(FileSource([tmp_path, tmp_path / ".sub"]), tmp_path) == ["a.jpg", ".sub/b.jpg"]


def test_each_uri_comes_once_however_often_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path, "a.jpg", "sub/b.jpg", "sub/c.jpg")
    monkeypatch.chdir(tmp_path)
    named = ["sub/c.jpg", ".", "sub", "a.jpg", "./sub/../a.jpg", str(tmp_path), os.fsencode("a.jpg")]
    source = FileSource(named)  # type: ignore[arg-type]
    assert names(source, tmp_path) == ["sub/c.jpg", "sub/b.jpg", "a.jpg"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([".", "a", "a/b", "a/b/x.jpg", "a/y.jpg", "z.jpg"]), min_size=1))
def test_any_mix_of_nested_names_yields_what_is_under_them_once(tmp_path: Path, named: list[str]) -> None:
    everything = ["a/b/w.jpg", "a/b/x.jpg", "a/y.jpg", "z.jpg"]
    tree(tmp_path, *everything)
    under = {name for name in everything for top in named if top == "." or f"{name}/".startswith(f"{top}/")}
    assert sorted(names(FileSource([tmp_path / name for name in named]), tmp_path)) == sorted(under)


def test_a_path_that_is_not_there_is_an_error_and_counts_as_incomplete(tmp_path: Path) -> None:
    tree(tmp_path, "here/a.jpg")
    source = FileSource([tmp_path / "unplugged", tmp_path / "here", "with\0nul"])
    items = list(source)
    assert [item.error for item in items] == ["no such file or folder", "", "no such file or folder"]
    assert str(tmp_path / "unplugged") in source.incomplete_roots
    assert source.roots == (str(tmp_path / "here"),)
    assert str(tmp_path / "here") not in source.incomplete_roots


def test_an_empty_path_is_wrong_use_and_not_the_current_folder() -> None:
    with pytest.raises(UsageError):
        FileSource([""])


def test_an_iteration_that_stops_early_leaves_every_root_incomplete(tmp_path: Path) -> None:
    tree(tmp_path, "a.jpg", "b.jpg")
    source = FileSource([tmp_path])
    next(iter(source))
    assert source.incomplete_roots == {str(tmp_path)}
    assert len(list(source)) == 2
    assert source.incomplete_roots == set()


def test_a_folder_that_vanishes_marks_every_named_folder_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(tmp_path, "a/gone/x.jpg", "a/y.jpg", "b/z.jpg")
    real_listdir = os.listdir

    def vanishing(path: str) -> list[str]:
        if path.endswith("gone"):
            raise FileNotFoundError(2, "No such file or directory", path)
        return real_listdir(path)

    monkeypatch.setattr(os, "listdir", vanishing)
    source = FileSource([tmp_path, tmp_path / "a", tmp_path / "b"])
    expected = [("a/gone", "gone while being listed"), ("a/y.jpg", ""), ("b/z.jpg", "")]
    assert shown(source, tmp_path) == expected
    assert source.incomplete_roots == {str(tmp_path), str(tmp_path / "a")}


def test_a_file_that_vanishes_between_listing_and_look_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(tmp_path, "a.jpg", "b.jpg")
    real_listdir = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: [*real_listdir(path), "aa.jpg"])
    source = FileSource([tmp_path])
    assert shown(source, tmp_path) == [("a.jpg", ""), ("aa.jpg", "gone while being listed"), ("b.jpg", "")]
    assert source.incomplete_roots == {str(tmp_path)}


def test_excluded_files_folders_and_libraries_are_passed_over_silently(tmp_path: Path) -> None:
    tree(tmp_path, "a.jpg", "own.db", "trash/b.jpg", "my.lookalike/library.db", "my.lookalike/c.jpg", "x.lookalike/d")
    own = (tmp_path / "own.db").stat()
    exclude_ids = [(own.st_dev, own.st_ino)]
    source = FileSource([tmp_path], exclude_ids=exclude_ids, exclude_dirs=[tmp_path / "trash"])
    assert names(source, tmp_path) == ["a.jpg", "x.lookalike/d"]
    assert source.incomplete_roots == set()
    assert names(FileSource([tmp_path / "own.db"], exclude_ids=exclude_ids), tmp_path) == []


def test_a_named_library_and_a_named_path_in_an_excluded_folder_are_skipped_with_a_reason(tmp_path: Path) -> None:
    tree(tmp_path, "my.lookalike/library.db", "trash/b.jpg")
    source = FileSource([tmp_path / "my.lookalike", tmp_path / "trash/b.jpg"], exclude_dirs=[tmp_path / "trash"])
    assert shown(source, tmp_path) == [("my.lookalike", "a lookalike library"), ("trash/b.jpg", "excluded")]


@pytest.fixture
def deep_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of 1,200 levels, taken down by hand, since what pytest clears its folders with recurses."""
    if os.name == "nt":
        pytest.skip("paths are short on Windows")
    monkeypatch.chdir(tmp_path)
    depth = 0
    try:
        for depth in range(1, 1201):  # noqa: B007
            Path("d").mkdir()
            os.chdir("d")
        Path("x.jpg").write_bytes(b"")
        yield tmp_path
    finally:
        os.chdir(tmp_path)
        lowest = tmp_path.joinpath(*["d"] * depth)
        (lowest / "x.jpg").unlink(missing_ok=True)
        for folder in [lowest, *lowest.parents][:depth]:
            folder.rmdir()


def test_a_tree_deeper_than_pythons_recursion_is_walked(deep_folder: Path) -> None:
    (item,) = FileSource([deep_folder])
    assert item.uri == str(deep_folder.joinpath(*["d"] * 1200, "x.jpg"))


@needs_links
def test_links_are_skipped_unless_named(tmp_path: Path) -> None:
    tree(tmp_path, "real/a.jpg", "z.jpg")
    (tmp_path / "folder").symlink_to("real")
    (tmp_path / "link.jpg").symlink_to("z.jpg")
    found = shown(FileSource([tmp_path]), tmp_path)
    assert found == [("folder", "symbolic link"), ("link.jpg", "symbolic link"), ("real/a.jpg", ""), ("z.jpg", "")]
    found = shown(FileSource([tmp_path / "folder", tmp_path / "link.jpg"]), tmp_path)
    assert found == [("folder/a.jpg", ""), ("link.jpg", "")]
    found = shown(FileSource([tmp_path, tmp_path / "link.jpg"]), tmp_path)
    assert ("link.jpg", "") in found
    assert ("link.jpg", "symbolic link") not in found


@needs_links
def test_a_named_link_that_dangles_or_loops_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("nowhere")
    (tmp_path / "b").symlink_to("b")
    for follow_links in (False, True):
        source = FileSource([tmp_path / "a", tmp_path / "b"], follow_links=follow_links)
        assert shown(source, tmp_path) == [("a", "dangling symbolic link"), ("b", "symbolic link loop")]
        assert source.incomplete_roots == {str(tmp_path / "a"), str(tmp_path / "b")}


@needs_links
def test_followed_links_come_last_and_a_real_name_wins(tmp_path: Path) -> None:
    root = Path(os.path.realpath(tmp_path))
    tree(root, "in/m/real.jpg", "out/far.jpg", "out/alone.jpg")
    (root / "in/a.jpg").symlink_to("m/real.jpg")
    (root / "in/b").symlink_to(root / "out")
    (root / "in/c.jpg").symlink_to(root / "out/far.jpg")
    (root / "in/d").symlink_to("m")
    (root / "in/e.jpg").symlink_to("nowhere")
    assert shown(FileSource([root / "in"], follow_links=True), root) == [
        ("in/e.jpg", "dangling symbolic link"),
        ("in/m/real.jpg", ""),
        ("in/b/alone.jpg", ""),
        ("in/b/far.jpg", ""),
        ("in/d", "same folder as in/m"),
        ("in/a.jpg", "same file as in/m/real.jpg"),
        ("in/c.jpg", "same file as in/b/far.jpg"),
    ]


@needs_links
def test_a_file_behind_two_links_is_one_file_and_the_first_link_wins(tmp_path: Path) -> None:
    root = Path(os.path.realpath(tmp_path))
    tree(root, "out/far.jpg", "in/.hidden.jpg")
    for name in ("b.jpg", "a.jpg"):
        (root / "in" / name).symlink_to(root / "out/far.jpg")
    (root / "in/c.jpg").symlink_to(".hidden.jpg")
    expected = [("in/a.jpg", ""), ("in/b.jpg", "same file as in/a.jpg"), ("in/c.jpg", "")]
    assert shown(FileSource([root / "in"], follow_links=True), root) == expected
    named = FileSource([root / "in", root / "out/far.jpg"], follow_links=True)
    assert ("out/far.jpg", "") in shown(named, root)
    assert ("in/a.jpg", "same file as out/far.jpg") in shown(named, root)


@needs_links
def test_hard_links_are_two_files_when_links_are_followed_too(tmp_path: Path) -> None:
    root = Path(os.path.realpath(tmp_path))
    tree(root, "out/a.jpg", "in/c.jpg")
    os.link(root / "out/a.jpg", root / "out/b.jpg")
    os.link(root / "in/c.jpg", root / "in/d.jpg")
    (root / "in/out").symlink_to("../out")
    found = shown(FileSource([root / "in"], follow_links=True), root)
    assert found == [("in/c.jpg", ""), ("in/d.jpg", ""), ("in/out/a.jpg", ""), ("in/out/b.jpg", "")]


@needs_links
@pytest.mark.parametrize("target", [".", "..", "../..", "/"])
def test_a_link_loop_ends(tmp_path: Path, target: str) -> None:
    root = Path(os.path.realpath(tmp_path)) / "top"
    tree(root, "a/b/x.jpg", "a/b/y.jpg")
    if target == "/":  # two links that lead to each other's folders
        (root / "a/up").symlink_to("../a")
        (root / "a/b/again").symlink_to("../../a/b")
    else:
        (root / "a/b/loop").symlink_to(target)
    found = shown(FileSource([root], follow_links=True), root)
    assert [name for name, reason in found if not reason] == ["a/b/x.jpg", "a/b/y.jpg"]
    assert len(found) <= 5


@needs_links
def test_a_link_out_and_back_finds_each_file_once(tmp_path: Path) -> None:
    root = Path(os.path.realpath(tmp_path))
    tree(root, "in/a.jpg", "out/b.jpg")
    (root / "in/out").symlink_to("../out")
    (root / "out/in").symlink_to("../in")
    found = shown(FileSource([root / "in"], follow_links=True), root)
    assert found == [("in/a.jpg", ""), ("in/out/b.jpg", ""), ("in/out/in", "same folder as in")]


@needs_links
def test_followed_links_never_lead_into_excluded_places(tmp_path: Path) -> None:
    root = Path(os.path.realpath(tmp_path))
    tree(root, "trash/sub/a.jpg", "my.lookalike/library.db", "in/b.jpg", "own.db")
    (root / "in/t").symlink_to("../trash/sub")
    (root / "in/l").symlink_to("../my.lookalike")
    (root / "in/o").symlink_to("../own.db")
    own = (root / "own.db").stat()
    source = FileSource(
        [root / "in"], follow_links=True, exclude_dirs=[root / "trash"], exclude_ids=[(own.st_dev, own.st_ino)]
    )
    assert shown(source, root) == [("in/b.jpg", "")]


@needs_links
def test_a_file_system_without_inodes_ends_a_loop_by_real_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(os.path.realpath(tmp_path))
    tree(root, "a/x.jpg", "b/y.jpg")
    (root / "a/up").symlink_to("..")
    monkeypatch.setattr(walk_module, "_identity", lambda path, status: os.path.realpath(path))
    found = shown(FileSource([root], follow_links=True), root)
    assert [name for name, reason in found if not reason] == ["a/x.jpg", "b/y.jpg"]
    assert found[-1][0] == "a/up"
