from __future__ import annotations

import os

import pytest

from lookalike.durable import replacing


def test_a_file_is_replaced_whole_or_left_alone_and_nothing_is_left_beside_it(tmp_path):
    target = tmp_path / "a"
    target.write_bytes(b"old")

    def half():
        with replacing(target) as stream:
            stream.write(b"ne")
            raise ValueError("half")

    with pytest.raises(ValueError, match="half"):
        half()
    assert target.read_bytes() == b"old"
    with replacing(target) as stream:
        stream.write(b"new")
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_what_is_written_is_on_the_disk_before_it_has_the_name_and_the_name_after(tmp_path, monkeypatch):
    target, seen = tmp_path / "a", []
    real = os.fsync

    def fsync(number):
        seen.append(target.exists())
        real(number)

    monkeypatch.setattr(os, "fsync", fsync)
    with replacing(target) as stream:
        stream.write(b"new")
    assert seen == ([False, True] if os.name == "posix" else [False])


def test_a_named_part_that_a_killed_program_left_is_written_over(tmp_path):
    target, part = tmp_path / "a", tmp_path / "a.partial"
    part.write_bytes(b"half of what was to be")
    with replacing(target, partial=part) as stream:
        assert part.exists()
        stream.write(b"new")
    assert target.read_bytes() == b"new"
    assert not part.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no such permissions")
def test_permissions_are_those_that_are_asked_for(tmp_path):
    for mode in (0o600, 0o640):
        with replacing(tmp_path / "a", mode=mode) as stream:
            stream.write(b"new")
        assert (tmp_path / "a").stat().st_mode & 0o777 == mode


def test_what_need_not_last_is_replaced_without_waiting_for_the_disk(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with replacing(tmp_path / "a", synced=False) as stream:
        stream.write(b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert len(list(tmp_path.iterdir())) == 1
