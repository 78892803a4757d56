"""What Lookalike runs on: all is well here, and each thing that can be wrong is said; the command and its faces."""

from __future__ import annotations

import csv
import importlib
import io
import json
import os
import shutil
import time
from importlib import metadata
from pathlib import Path

import pytest

import lookalike
from lookalike import health
from lookalike.cli import main
from lookalike.errors import UnsupportedError
from lookalike.health import Check, environment, tiny
from lookalike.health.environment import check_disk, check_environment
from tests.conftest import write_picture


def by_name(checks) -> dict[str, Check]:
    return {check.check: check for check in checks}


def test_nothing_is_wrong_here_and_every_format_is_decoded():
    found = by_name(check_environment())
    assert {check.what for check in found.values() if check.state == "bad"} == set()
    assert {f"decoding {form}" for form in ("JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "AVIF", "HEIC")} <= set(found)
    assert found["descriptor lite0"].what == "1280 numbers"
    assert found["descriptor pdq"].what == "256 bits"
    assert "CPUExecutionProvider" in found["providers"].what


@pytest.mark.parametrize("form", ["AVIF", "HEIC", "WebP"])
def test_a_codec_that_is_not_there_or_decodes_wrongly_is_said(monkeypatch, form):
    assert tiny.decodes(form) == ""
    with monkeypatch.context() as patch:
        patch.setattr(tiny, "_FIELDS", ((0, 0, 0),) * 4)
        assert tiny.decodes(form) == "its colours come out wrong"

    def refuse(data):
        raise UnsupportedError("no codec for it")

    monkeypatch.setattr(tiny, "decode", refuse)
    assert tiny.decodes(form) == "no codec for it"
    monkeypatch.setattr(tiny, "decode", lambda data: importlib.import_module("no_such_codec"))
    assert "its codec is not installed" in tiny.decodes(form)


def test_a_package_that_cannot_be_loaded_and_two_of_opencv_are_said(monkeypatch):
    assert environment._package("numpy", "no_such_module").state == "bad"
    assert environment._package("no-such-package", "json").state == "warning"
    monkeypatch.setattr(metadata, "version", lambda name: "1")
    (twins,) = environment._two_of_opencv()
    assert "overwrite each other's files" in twins.what
    assert "pip install opencv-python-headless" in twins.remedy


@pytest.mark.parametrize(("value", "state"), [("2", "ok"), ("0", "warning"), ("many", "warning"), ("99999", "warning")])
def test_numbers_of_threads_that_cannot_be_meant_are_said(monkeypatch, value, state):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert environment._threads().state == state


@pytest.mark.parametrize(("free", "state"), [(10**12, "ok"), (10**8, "warning"), (10**6, "bad")])
def test_a_disk_that_is_nearly_full_is_said(tmp_path, monkeypatch, free, state):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**13, 0, free))
    assert by_name(check_disk(tmp_path / "not" / "yet.lookalike"))["disk space"].state == state


def test_a_share_a_closed_folder_and_a_clock_set_back_are_said(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "network_kind", lambda _: "smb3")
    monkeypatch.setattr(os, "access", lambda *_: False)
    found = by_name(check_disk(tmp_path, time.time() + 7200))
    assert "smb3" in found["file system"].what
    assert {name for name, check in found.items() if check.state == "warning"} == {
        "file system",
        "permissions",
        "clock",
    }


@pytest.fixture
def library(tmp_path: Path, fake: object, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(health, "check_environment", lambda: iter(()))
    monkeypatch.setattr(environment, "LITTLE", 0)
    write_picture(tmp_path / "photos" / "a.png", 1)
    with lookalike.open(tmp_path / "a.lookalike") as opened:
        opened.add(tmp_path / "photos", descriptors=["fake"])
    return tmp_path / "a.lookalike"


def harm(library: Path) -> None:
    with lookalike.open(library) as opened:
        opened.store.set_setting("probability", 0.6)
        opened.store._db._connection.execute("UPDATE settings SET value = '{'")


def test_the_command_prints_rows_in_every_face_and_exits_with_1_if_anything_is_bad(library, capsysbinary):
    assert main(["doctor", "--library", str(library), "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsysbinary.readouterr().out.decode())))
    assert list(rows[0]) == ["check", "state", "what", "remedy", "mended"]
    assert {row["state"] for row in rows} == {"ok"}
    harm(library)
    assert main(["doctor", "--library", str(library), "--format", "json"]) == 1
    captured = capsysbinary.readouterr()
    bad = [row for row in json.loads(captured.out) if row["state"] == "bad"]
    assert [row["check"] for row in bad] == ["rows"]
    assert b"bad: rows: rows that ought not to be" in captured.err
    assert b"1 bad, 0 to know of" in captured.err
    assert main(["doctor", "--library", str(library), "--exit-zero", "-q"]) == 0
    captured = capsysbinary.readouterr()
    assert captured.err == b""
    assert captured.out.splitlines()[0].split() == [b"check", b"state", b"what"]


def test_a_repair_asks_first_and_says_what_it_did(library, capsysbinary):
    harm(library)
    assert main(["doctor", "--library", str(library), "--repair"]) == 2  # no terminal to ask on
    assert b"give --yes" in capsysbinary.readouterr().err
    assert main(["doctor", "--library", str(library), "--repair", "--yes"]) == 0
    said = capsysbinary.readouterr().err.decode()
    assert "mended: rows: 1 row dropped." in said
    assert "library-before-repair-" in said
    assert lookalike.doctor(library).worst == "ok"
