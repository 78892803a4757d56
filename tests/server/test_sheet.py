"""The sheet on two pictures says which files they are, however they were asked about."""

from __future__ import annotations

import importlib
import os

import pytest

from tests.server.conftest import MARKUP


@pytest.fixture
def drawn(monkeypatch):
    """Return what is written on sheets."""
    explain_sheet = importlib.import_module("lookalike.render.why")  # the name is that of a function, too
    said: list[str] = []
    write = explain_sheet._write

    def note(pen, at, text, *how):
        said.append(text)
        return write(pen, at, text, *how)

    monkeypatch.setattr(explain_sheet, "_write", note)
    return said


def test_pictures_of_the_library_are_named_by_their_files(asked, shelf, drawn):
    ids = [shelf.id_of(path) for path in shelf.originals[1:3]]
    answer = asked.post("/api/v1/compare/explain", json={"a": {"id": ids[0]}, "b": {"id": ids[1]}})
    assert answer.status_code == 200
    text = " ".join(drawn)
    assert all(path.name in text for path in shelf.originals[1:3]), text
    assert "picture 2" not in text


def test_uploads_are_named_as_they_were_sent_and_odd_names_are_drawn(asked, shelf, drawn):
    with open(shelf.originals[0], "rb") as file:
        upload = asked.post("/api/v1/uploads", files={"picture": ("from the phone.jpg", file)}).json()["upload"]
    for name in (MARKUP, os.fsdecode(b"not \xff utf-8.png")):
        number = shelf.id_of(shelf.folder / "odd" / name)
        answer = asked.post("/api/v1/compare/explain", json={"a": {"upload": upload}, "b": {"id": number}})
        assert (answer.status_code, answer.content[:4]) == (200, b"\x89PNG")
    assert any("from the phone.jpg" in text for text in drawn)
    assert any("onerror" in text for text in drawn)
