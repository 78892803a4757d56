"""Between two steps of an act: another program, another file system, a call that fails. No file is lost by it."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lookalike.actions import apply as acting
from lookalike.actions import apply_plan, empty_quarantine, make_plan, naming, undo
from lookalike.actions import files as action_files
from lookalike.actions import pieces as action_pieces
from lookalike.actions import trash as action_trash
from lookalike.actions.carrying import Carry
from lookalike.actions.files import Facts, Refused, clone, digest, exchange, is_original, look, rename_new, same_entry
from lookalike.actions.guard import Guard, Roots
from lookalike.actions.journal import Journal
from lookalike.actions.labelfiles import LabelEdit, apply_edit, plan_label_edits
from lookalike.actions.labelpieces import Entries, LabelFiles
from lookalike.actions.moving import Move
from lookalike.actions.pieces import Swap, Trash, piece_from
from lookalike.actions.runs import find_run
from lookalike.errors import UsageError
from lookalike.library import Library
from tests.actions.conftest import contents, pair, plan_of, row, sha256, states, tree


def at_step(name: str, act: Callable[[], Any]) -> Callable[[str], None]:
    """Return a hook that does something just before a step."""

    def hook(step: str) -> None:
        if step == name:
            act()

    return hook


def some(path: Path, text: str = "a picture") -> tuple[str, str, Facts]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path), sha256(path), look(str(path))


def move_of(path: Path, to: Path) -> Move:
    name, digest_, facts = some(path)
    return Move(name, str(to), digest_, facts)


def carry_of(path: Path, to: Path) -> Carry:
    name, digest_, facts = some(path)
    return Carry(name, str(to), digest_, facts, str(to.parent / ".lookalike-0a1b.png"))


def swap_of(path: Path, to: Path, how: str = "hardlink") -> Swap:
    """Return a piece by which a link to, or a clone of, a keeper of the same bytes takes the file's place."""
    keeper, _, kept = some(path.parent / "keeper.png")
    name, digest_, facts = some(path)
    return Swap(name, str(to), digest_, facts, str(path.parent / ".lookalike-0a1b.png"), how, keeper, kept.inode)


def no_renameat2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(action_files, "_libc", lambda: SimpleNamespace())


# ------------------------------------------------------------------------------------------------ names and links


def test_a_rename_never_replaces_what_has_come_to_the_place_meanwhile(tmp_path):
    one, other = some(tmp_path / "a", "one")[0], some(tmp_path / "b", "other")[0]
    with pytest.raises(FileExistsError):
        rename_new(one, other)
    move = move_of(tmp_path / "c", tmp_path / "d")
    with pytest.raises(Refused, match=r"something at .*d already"):
        move.do(at_step("move: rename", lambda: some(tmp_path / "d", "other")))
    assert [(tmp_path / name).read_text() for name in "abcd"] == ["one", "other", "a picture", "other"]


@pytest.mark.parametrize("links", ["works", "not implemented", "not permitted"])
def test_without_renameat2_a_rename_goes_by_a_link_or_as_it_can_and_replaces_nothing(tmp_path, monkeypatch, links):
    no_renameat2(monkeypatch)

    def link(*_: Any, **__: Any) -> None:
        if links == "not implemented":
            raise NotImplementedError
        raise OSError(errno.EPERM, "Operation not permitted")

    if links != "works":
        monkeypatch.setattr(os, "link", link)
    one, other = some(tmp_path / "a", "one")[0], some(tmp_path / "b", "other")[0]
    assert exchange(one, other) is False
    with pytest.raises(FileExistsError):
        rename_new(one, other)
    assert (tmp_path / "b").read_text() == "other"
    rename_new(one, str(tmp_path / "c"))
    assert ((tmp_path / "c").read_text(), (tmp_path / "a").exists()) == ("one", False)


def test_a_file_system_that_knows_no_such_rename_is_told_from_one_that_fails(tmp_path, monkeypatch):
    said = errno.EINVAL

    def renameat2(*_: Any) -> int:
        ctypes.set_errno(said)
        return -1

    monkeypatch.setattr(action_files, "_libc", lambda: SimpleNamespace(renameat2=renameat2))
    one, other = some(tmp_path / "a", "one")[0], some(tmp_path / "b", "other")[0]
    assert exchange(one, other) is False
    said = errno.EIO
    with pytest.raises(OSError, match="a"):
        exchange(one, other)
    swap = swap_of(tmp_path / "c.png", tmp_path / "kept/c.png")
    with pytest.raises(Refused, match="the disk fails"):
        swap.do()
    assert sha256(swap.path) == swap.sha256


def test_where_files_have_no_numbers_names_tell_them_apart(tmp_path, monkeypatch):
    one, other = some(tmp_path / "a", "one")[0], some(tmp_path / "b", "other")[0]
    real = os.lstat
    monkeypatch.setattr(
        os, "lstat", lambda path: SimpleNamespace(st_ino=0, st_dev=0) if path in (one, other) else real(path)
    )
    assert same_entry(one, one)
    assert not same_entry(one, other)


def test_what_is_no_file_any_more_when_it_is_opened_is_refused(tmp_path, monkeypatch):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    monkeypatch.setattr(action_files, "look", lambda path: None)  # it was a file when it was looked at
    with pytest.raises(Refused, match="no regular file"):
        digest(str(fifo))


def test_a_file_that_is_written_to_while_it_is_read_is_refused(tmp_path, monkeypatch):
    path = some(tmp_path / "a")[0]
    real = hashlib.file_digest

    def read(stream: Any, name: str) -> Any:
        found = real(stream, name)
        with open(path, "a") as writing:
            writing.write("more")
        return found

    monkeypatch.setattr(hashlib, "file_digest", read)
    with pytest.raises(Refused, match="being written to"):
        digest(path)


def test_a_system_without_extended_attributes_has_none(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "listxattr", raising=False)
    assert look(some(tmp_path / "a")[0]).xattrs == {}


def test_a_clone_is_made_at_a_new_name_or_it_is_said_why_not(tmp_path, monkeypatch):
    one, other = some(tmp_path / "a", "one")[0], some(tmp_path / "b", "other")[0]
    with pytest.raises(FileExistsError):
        clone(one, other)
    assert (tmp_path / "b").read_text() == "other"
    monkeypatch.setattr("sys.platform", "plan9")
    with pytest.raises(Refused, match="no reflinks"):
        clone(one, str(tmp_path / "c"))
    action_files._clone_linux(one, str(tmp_path / "c"))
    assert not (tmp_path / "c").exists()


# ---------------------------------------------------------------------------------------------------- move, carry


def test_a_file_that_is_changed_as_it_is_moved_goes_back_and_is_refused(tmp_path):
    move = move_of(tmp_path / "a.png", tmp_path / "to/a.png")
    with pytest.raises(Refused, match="very moment"):
        move.do(at_step("move: check", lambda: Path(move.to).write_text("edited")))
    assert Path(move.path).read_text() == "edited"
    other = move_of(tmp_path / "b.png", tmp_path / "to/b.png")
    with pytest.raises(FileNotFoundError):  # it was taken away altogether: nothing is there to go back
        other.do(at_step("move: check", lambda: os.unlink(other.to)))


@pytest.mark.parametrize("made", [move_of, carry_of])
def test_what_is_missing_or_has_another_in_its_place_is_not_brought_back(tmp_path, made):
    piece = made(tmp_path / "a.png", tmp_path / "to/a.png")
    piece.do()
    Path(piece.path).write_text("another")
    assert piece.place() == "both"
    with pytest.raises(Refused, match="something else"):
        piece.back()
    assert Path(piece.path).read_text() == "another"
    assert sha256(piece.to) == piece.sha256
    os.unlink(piece.path)
    os.rename(piece.to, tmp_path / "elsewhere")
    assert piece.place() == "missing"
    with pytest.raises(Refused, match="neither at its old place"):
        piece.back()


def test_a_file_that_is_changed_as_it_is_carried_to_another_disk_stays(tmp_path):
    carry = carry_of(tmp_path / "a.png", tmp_path / "to/a.png")
    with pytest.raises(Refused, match="very moment"):
        carry.do(at_step("carry: check", lambda: Path(carry.path).write_text("edited")))
    assert Path(carry.path).read_text() == "edited"
    again = carry_of(tmp_path / "b.png", tmp_path / "to/b.png")
    with pytest.raises(Refused, match="other bytes"):
        again.do(at_step("carry: prove", lambda: Path(again.temporary).write_text("a bad sector")))
    assert sha256(again.path) == again.sha256
    assert not os.path.lexists(again.temporary)
    assert not os.path.lexists(again.to)


# ----------------------------------------------------------------------------------------------------------- swap


@pytest.mark.parametrize("exchanging", [True, False])
def test_a_file_that_is_changed_as_a_link_takes_its_place_comes_back(tmp_path, monkeypatch, exchanging):
    if not exchanging:
        no_renameat2(monkeypatch)
    swap = swap_of(tmp_path / "a.png", tmp_path / "kept/a.png")

    def edit() -> None:
        Path(swap.path).write_text("edited")

    with pytest.raises(Refused, match="very moment"):
        swap.do(at_step("swap: exchange", edit))
    if not exchanging:  # it lies at its new place: `apply` takes such a step back, or says where it is
        os.rename(swap.to, swap.path)
    swap.clean()
    assert Path(swap.path).read_text() == "edited"
    assert not os.path.lexists(swap.temporary)


def test_a_file_whose_place_was_taken_by_a_third_one_stays_where_it_is(tmp_path):
    swap = swap_of(tmp_path / "a.png", tmp_path / "kept/a.png")
    swap.do()
    os.unlink(swap.path)
    Path(swap.path).write_text("a third one")
    with pytest.raises(Refused, match="something else"):
        swap.back()
    assert (Path(swap.path).read_text(), sha256(swap.to)) == ("a third one", swap.sha256)


@pytest.mark.parametrize("how", ["hardlink", "reflink"])
def test_a_keeper_that_is_replaced_as_it_is_linked_to_is_refused(tmp_path, monkeypatch, how):
    swap = swap_of(tmp_path / "a.png", tmp_path / "kept/a.png", how)
    monkeypatch.setattr(action_pieces, "clone", shutil.copyfile)

    def change() -> None:
        some(tmp_path / "new", "other bytes")
        os.replace(tmp_path / "new", swap.source)

    with pytest.raises(Refused, match="the keeper was changed"):
        swap.do(at_step("swap: make", change))
    assert sha256(swap.path) == swap.sha256


@pytest.mark.parametrize(
    ("how", "call", "error", "words"),
    [
        ("symlink", "symlink", NotImplementedError(), "no symlinks of that kind"),
        ("hardlink", "link", OSError(errno.EXDEV, "Invalid cross-device link"), "another file system"),
        ("hardlink", "link", OSError(errno.EPERM, "Operation not permitted"), "makes no hardlink"),
        ("hardlink", "link", OSError(errno.EMLINK, "Too many links"), "as many hard links"),
    ],
)
def test_a_link_that_cannot_be_made_is_said_and_the_file_stays(tmp_path, monkeypatch, how, call, error, words):
    swap = swap_of(tmp_path / "a.png", tmp_path / "kept/a.png", how)

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(Refused, match=words):
        swap.do()
    assert sha256(swap.path) == swap.sha256


def test_a_windows_without_the_right_to_make_symbolic_links_is_told_what_to_do(tmp_path, monkeypatch):
    swap = swap_of(tmp_path / "a.png", tmp_path / "kept/a.png", "symlink")
    error = OSError(errno.EACCES, "a privilege is not held")
    error.winerror = 1314  # type: ignore[attr-defined]

    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(os, "symlink", fail)
    with pytest.raises(Refused, match="developer mode"):
        swap.do()


def test_a_piece_of_other_types_or_with_other_paths_is_none(tmp_path):
    good = move_of(tmp_path / "a.png", tmp_path / "to/a.png").as_dict()
    good["facts"] = dict(vars(good["facts"])) if isinstance(good["facts"], Facts) else good["facts"]
    assert piece_from(good).path == str(tmp_path / "a.png")
    for wrong in ({"path": 7}, {"to": "relative.png"}, {"path": str(tmp_path / "a\0b")}):
        with pytest.raises(TypeError):
            piece_from(good | wrong)


# ---------------------------------------------------------------------------------------------------------- trash


def trash_of(path: Path) -> Trash:
    name, digest_, facts = some(path)
    return Trash(name, digest_, facts)


def test_a_trash_that_fails_after_it_took_the_file_is_not_called_a_failure(tmp_path, trash, monkeypatch):
    import send2trash

    sent = send2trash.send2trash

    def late(path: str) -> None:
        sent(path)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("send2trash.send2trash", late)
    piece = trash_of(tmp_path / "photos/a.png")
    piece.do()
    assert piece.place() == "new"
    piece.back()
    assert sha256(piece.path) == piece.sha256


def test_a_file_is_brought_back_from_the_trash_only_to_a_free_place(tmp_path, trash, monkeypatch):
    piece = trash_of(tmp_path / "photos/a.png")
    piece.do()
    Path(piece.path).write_text("another")
    with pytest.raises(Refused, match="something else"):
        piece.back()
    os.unlink(piece.path)
    with monkeypatch.context() as patch:
        patch.setattr(action_pieces, "take_from_trash", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
        with pytest.raises(Refused, match="cannot be taken out"):
            piece.back()
    os.link(piece.to, piece.path)  # a rename by way of a second name that was stopped
    piece.back()
    assert (piece.to, sha256(piece.path)) == ("", piece.sha256)
    assert not list(trash.rglob("*.trashinfo"))
    os.rename(piece.path, tmp_path / "gone")
    with pytest.raises(Refused, match="not found in the trash"):
        piece.back()


def test_what_the_trash_copied_from_another_disk_is_known_by_its_note_and_its_bytes(tmp_path, trash):
    piece = trash_of(tmp_path / "photos/a.png")
    piece.do()
    place = piece.to
    data = Path(place).read_bytes()
    shutil.copyfile(place, tmp_path / "copy")
    os.replace(tmp_path / "copy", place)  # another inode
    assert piece.to == place
    Path(place).write_bytes(data + b"changed")
    assert piece.to == ""


def test_notes_of_the_trash_of_windows_go_with_the_file(tmp_path):
    bin_ = tmp_path / "$Recycle.Bin/S-1"
    some(bin_ / "$RABC.png")
    some(bin_ / "$IABC.png", "the note")
    action_trash.take_from_trash(str(bin_ / "$RABC.png"), str(tmp_path / "a.png"))
    assert list(bin_.iterdir()) == []
    assert list(action_trash._noted(str(bin_), str(tmp_path / "a.png"))) == []
    some(tmp_path / "Trash/b.png")  # the trash of macOS keeps no notes
    action_trash.forget_in_trash(str(tmp_path / "Trash/b.png"))
    assert list((tmp_path / "Trash").iterdir()) == []


# ------------------------------------------------------------------------------------------- names, folders, roots


def test_names_that_differ_in_capitals_only_get_numbers_and_free_names_end(tmp_path, monkeypatch):
    assert naming.unlike(["a.png", "A.png", "a (2).png"]) == ["a.png", "A (2).png", "a (2) (2).png"]
    assert naming.free_names(str(tmp_path), ["a.png", "A.PNG"]) == ["a.png", "A (2).PNG"]
    some(tmp_path / "b.png")
    assert naming.free_names(str(tmp_path), ["b.png", "other.xmp"]) == ["b (2).png", "other (2).xmp"]
    monkeypatch.setattr(os.path, "lexists", lambda path: True)
    with pytest.raises(Refused, match="too many files"):
        naming.free_names(str(tmp_path), ["a.png"])


def test_folders_that_are_gone_protect_nothing_and_hold_nothing(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    guard = Guard([str(kept)])
    assert guard.holds(str(tmp_path / "not there/a.png")) is None
    assert guard.holds(str(kept / "not there/a.png")) == str(kept)
    roots = Roots([str(tmp_path / "unplugged"), str(kept)])
    assert roots.holding(str(kept / "not there/deeper")) == str(kept)
    assert roots.holding(str(tmp_path / "not there")) is None


# ------------------------------------------------------------------------------------------------ a whole library


def test_a_plan_of_a_library_that_is_gone_is_no_plan_of_this_one(library: Library, tmp_path):
    plan = replace(make_plan(library), library=str(tmp_path / "gone.lookalike"))
    with pytest.raises(UsageError, match=r"gone\.lookalike"):
        apply_plan(library, plan)


def test_a_folder_that_goes_as_its_disk_is_looked_for_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os.path, "isdir", lambda path: True)
    with pytest.raises(Refused, match="cannot be looked at: it is gone"):
        acting._device(str(tmp_path / "gone"))


def test_what_lies_in_the_way_of_a_quarantine_is_not_touched(library: Library, photos: Path, monkeypatch):
    devices = {str(library.path): 1}
    monkeypatch.setattr(
        "lookalike.actions.apply._device", lambda path: devices.get(str(path), look(str(photos / "0.png")).device)
    )
    (photos / ".lookalike-quarantine").write_text("mine")
    before = tree(photos)
    report = apply_plan(library, pair(photos / "0.png", photos / "sub 0/0 copy.png"))
    assert (states(report), tree(photos)) == (["refused"], before)
    assert "no folder of ours" in report.acted[0].reason


def test_a_keeper_that_lies_in_a_quarantine_keeps_nothing(library: Library, photos: Path):
    held = library.path / "quarantine/1"
    held.mkdir(parents=True)
    shutil.copyfile(photos / "0.png", held / "0.png")
    report = apply_plan(library, pair(held / "0.png", photos / "sub 0/0 copy.png"))
    assert states(report) == ["refused"]
    assert "quarantine itself" in report.acted[0].reason


@pytest.mark.parametrize("how", ["gone", "another"])
def test_a_copy_comes_back_when_its_keeper_went_with_it(library: Library, photos: Path, how):
    keeper, copy = photos / "0.png", photos / "sub 0/0 copy.png"
    bytes_ = keeper.read_bytes()

    def lose() -> None:
        keeper.unlink()
        if how == "another":
            keeper.write_bytes(b"short")

    report = apply_plan(library, pair(keeper, copy), hook=at_step("move: check", lose))
    assert states(report) == ["refused"]
    assert "its own keeper" in report.acted[0].reason
    assert copy.read_bytes() == bytes_


@pytest.mark.parametrize(("to", "words"), [("moved", "cannot be made"), ("photos/inside", "which is indexed")])
def test_a_move_to_a_file_or_into_an_indexed_folder_is_refused(
    library: Library, photos: Path, tmp_path, to: str, words: str
):
    (tmp_path / "moved").write_text("a file now")
    before = tree(photos)
    report = apply_plan(library, pair(photos / "0.png", photos / "sub 0/0 copy.png", act="move", to=str(tmp_path / to)))
    assert (states(report), tree(photos)) == (["refused"], before)
    assert words in report.acted[0].reason


def test_an_error_of_the_program_itself_is_raised_and_the_file_is_back(library: Library, photos: Path):
    before = tree(photos)

    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        apply_plan(library, pair(photos / "0.png", photos / "sub 0/0 copy.png"), hook=at_step("move: check", fail))
    assert tree(photos) == before


def test_what_cannot_be_deleted_or_is_not_there_stays_in_the_list(library: Library, photos: Path, monkeypatch):
    held = contents(photos)
    report = apply_plan(library, make_plan(library))
    away = Path(report.acted[0].to)
    away.rename(away.parent / "taken by hand")

    def refuse(path: Any, *_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        told = {item.uri: item for item in empty_quarantine(library, older_than_days=0).items}
    assert "not there" in told[report.acted[0].uri].reason
    assert {item.reason for uri, item in told.items() if uri != report.acted[0].uri} == {
        "it cannot be deleted: its disk is read-only"
    }
    (away.parent / "taken by hand").rename(away)
    assert set(states(undo(library))) == {"undone"}
    assert contents(photos) == held


def test_a_delete_that_was_stopped_is_finished_or_has_not_begun(library: Library, photos: Path, monkeypatch):
    """Nothing of the one copy and its notes is deleted yet, of the other half; and at first the disk is read-only."""
    rows = [row(photos / "0.png", keeper=True)]
    for folder in ("sub 0", "sub 1"):
        notes = photos / folder / "0 copy.xmp"
        notes.write_text("its notes")
        rows.append(
            row(photos / folder / "0 copy.png", together=(str(notes),), together_sha256=(sha256(notes),)),
        )
    report = apply_plan(library, plan_of(*rows))
    assert set(states(report)) == {"done"}
    run = find_run(library, report.run)
    whole, half = run.steps.values()
    with Journal(run.path) as journal:
        for step in (whole, half):
            journal.mark(step, "deleting", sync=True)
    os.unlink(half.files[0].to)

    def refuse(path: Any, *_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        undo(library)
    assert os.path.lexists(half.files[1].to)
    assert undo(library, report.run).undone == ()
    assert not os.path.lexists(half.files[1].to)
    assert find_run(library, report.run).steps[half.number].state == "deleted"
    assert (photos / "sub 0/0 copy.xmp").read_text() == "its notes"


def test_an_undo_that_the_disk_stops_is_said_and_can_be_tried_again(library: Library, photos: Path, monkeypatch):
    before = tree(photos)
    apply_plan(library, pair(photos / "0.png", photos / "sub 0/0 copy.png"))
    with monkeypatch.context() as patch:
        patch.setattr(
            "lookalike.actions.undoing.take_back", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "broken"))
        )
        back = undo(library)
    assert (states(back), back.undone[0].reason) == (["refused"], "the disk fails")
    assert set(states(undo(library))) == {"undone"}
    assert tree(photos) == before


def test_an_original_is_known_by_its_bytes_and_not_by_its_size_alone(tmp_path):
    path, digest_, facts = some(tmp_path / "a")
    assert is_original(path, facts, digest_)
    some(tmp_path / "b", "a pictur2")
    assert not is_original(str(tmp_path / "b"), facts, digest_)
    some(tmp_path / "c", "longer than it")
    assert not is_original(str(tmp_path / "c"), facts, digest_)


# ----------------------------------------------------------------------------------------------------- label files


def labelled(folder: Path) -> tuple[Path, LabelEdit]:
    """Return a label file, and the edit that takes the first of its two pictures out."""
    pictures = [some(folder / name)[0] for name in ("a.jpg", "b.jpg")]
    file = folder / "labels.csv"
    file.write_text("file,label\na.jpg,cat\nb.jpg,dog\n")
    (edit,) = plan_label_edits(pictures[:1], [str(file)])
    return file, edit


def test_an_edit_that_does_not_lead_to_what_it_says_is_not_made(tmp_path):
    file, edit = labelled(tmp_path)
    before = file.read_bytes()
    with pytest.raises(UsageError, match="does not lead to what it says"):
        apply_edit(replace(edit, after="0" * 64))
    assert file.read_bytes() == before


def test_where_entries_are_is_told_of_a_file_that_others_have_edited_too(tmp_path):
    file, edit = labelled(tmp_path)
    entries = Entries(str(file), edit.before, look(str(file)), str(tmp_path / ".lookalike-1"), edit.as_dict())
    assert (entries.to, entries.place()) == ("", "old")
    entries.do()
    assert entries.place() == "new"
    file.write_text(file.read_text() + "c.jpg,cow\n")
    assert entries.place() == "new"
    entries.back()
    assert entries.place() == "old"
    assert set(file.read_text().splitlines()) == {"file,label", "a.jpg,cat", "b.jpg,dog", "c.jpg,cow"}
    file.unlink()
    assert entries.place() == "missing"
    file.mkdir()
    assert entries.place() == "new", "something is there that cannot be read: nothing is put into it"


def test_what_was_written_beside_a_label_file_and_did_not_take_its_place_is_removed(tmp_path):
    file, edit = labelled(tmp_path)
    entries = Entries(str(file), edit.before, look(str(file)), str(tmp_path / ".lookalike-1"), edit.as_dict())
    Path(entries.temporary).write_text("half")
    entries.clean()
    assert not os.path.lexists(entries.temporary)
    os.symlink(file, entries.temporary)
    entries.clean()
    assert file.exists(), "a link is none of ours"


def test_the_folder_of_a_label_file_is_found_while_its_pictures_are_there(tmp_path):
    file, _ = labelled(tmp_path)
    told = LabelFiles({str(file): ""}, [str(tmp_path / "a.jpg")])
    assert told.folders == {str(file): str(tmp_path)}
    assert [piece.path for piece in told.pieces([str(tmp_path / "a.jpg")])] == [str(file)]
