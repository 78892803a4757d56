from __future__ import annotations

import csv
import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from lookalike.errors import LookalikeError, MissingDependencyError, UsageError
from lookalike.render.rows import FACES, Face, face_of, write_file, write_rows
from lookalike.results import DuplicateReport, IndexReport, SearchResult
from lookalike.types import Rows

COLUMNS = ("uri", "rank", "distance", "keeper", "verdict", "roots", "descriptors")
ROW = ("/p/Zoë, 猫.jpg", 3, float(np.float32(0.1234567)), True, None, ["a", "b"], {"lite0": 5})


def written(rows: Rows, face: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    write_rows(rows, face, stream, **options)
    return stream.getvalue()


def test_csv_is_as_written_by_hand() -> None:
    rows = Rows(COLUMNS, [ROW, ('a "b"\r\nc', 0, 0.5, False, "edited", [], {})])
    assert written(rows, "csv").decode() == (
        "uri,rank,distance,keeper,verdict,roots,descriptors\n"
        '"/p/Zoë, 猫.jpg",3,0.1234567,true,,"[""a"", ""b""]","{""lite0"": 5}"\n'
        '"a ""b""\r\nc",0,0.5,false,edited,[],{}\n'
    )


@pytest.mark.parametrize("name", ["a,b", 'say "x"', "two\nlines", "carriage\rreturn", "\r\n", "", "=1+1", " x "])
def test_any_name_comes_back_from_csv(name: str) -> None:
    for columns in (("uri",), ("uri", "rank")):
        rows = Rows(columns, [(name, 1)[: len(columns)]] * 2)
        read = list(csv.DictReader(io.StringIO(written(rows, "csv").decode(), newline="")))
        assert [row["uri"] for row in read] == [name, name]


def test_json_is_as_written_by_hand() -> None:
    assert written(Rows(COLUMNS[:5], [ROW[:5], ROW[:5]]), "json").decode() == (
        "[\n"
        '  {\n    "uri": "/p/Zoë, 猫.jpg",\n    "rank": 3,\n    "distance": 0.1234567,\n    "keeper": true,\n'
        '    "verdict": null\n  },\n'
        '  {\n    "uri": "/p/Zoë, 猫.jpg",\n    "rank": 3,\n    "distance": 0.1234567,\n    "keeper": true,\n'
        '    "verdict": null\n  }\n'
        "]\n"
    )


def test_json_has_the_layout_of_the_standard_library() -> None:
    expected = [dict(zip(COLUMNS, ROW, strict=True)) | {"distance": 0.1234567}] * 2
    text = written(Rows(COLUMNS, [ROW, ROW]), "json").decode()
    assert text == json.dumps(expected, indent=2, ensure_ascii=False) + "\n"


def test_a_single_row_is_one_json_object() -> None:
    report = json.loads(written(IndexReport(found=3, added=3).rows(), "json"))
    assert report["found"] == 3
    assert report["interrupted"] is False


def test_json_lines_have_one_object_each() -> None:
    rows = Rows(("uri", "rank"), [("two\nlines", 1), ("b", 2)])
    assert written(rows, "jsonl") == b'{"uri": "two\\nlines", "rank": 1}\n{"uri": "b", "rank": 2}\n'


def test_json_has_null_for_what_is_no_number() -> None:
    rows = Rows(("distance", "nested"), [(float("nan"), [float("inf"), {"a": float("-inf")}])])
    assert json.loads(written(rows, "json")) == [{"distance": None, "nested": [None, {"a": None}]}]


def test_results_without_rows_still_have_a_form() -> None:
    empty = Rows(("query", "rank", "uri"), [])
    assert written(empty, "csv") == b"query,rank,uri\n"
    assert written(empty, "json") == b"[]\n"
    assert written(empty, "jsonl") == b""
    assert written(empty, "table") == b"query  rank  uri\n"


def test_a_name_that_is_not_utf8_keeps_its_bytes_in_csv_and_table() -> None:
    name = "/p/caf\udce9.jpg"
    rows = Rows(("uri", "rank"), [(name, 1)])
    assert written(rows, "csv") == b"uri,rank\n/p/caf\xe9.jpg,1\n"
    assert b"/p/caf\xe9.jpg" in written(rows, "table")


def test_a_name_that_is_not_utf8_is_escaped_in_json_and_comes_back() -> None:
    name = "/p/caf\udce9.jpg"
    for face in ("json", "jsonl"):
        text = written(Rows(("uri",), [(name,)]), face).decode("utf-8")
        assert "caf\\udce9" in text
        read = json.loads(text)
        assert (read[0] if face == "json" else read)["uri"] == name
        assert os.fsencode(name) == b"/p/caf\xe9.jpg"


def test_a_lone_surrogate_that_no_byte_stands_for_is_written_all_the_same() -> None:
    assert written(Rows(("uri",), [("\ud800",)]), "csv") == b"uri\n\xed\xa0\x80\n"


def test_csv_json_and_parquet_hold_the_same_values(search_result: SearchResult) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    rows = search_result.rows()
    from_json = json.loads(written(rows, "json"))
    from_csv = list(csv.DictReader(io.StringIO(written(rows, "csv").decode())))
    from_parquet = pq.read_table(io.BytesIO(written(rows, "parquet"))).to_pylist()
    assert from_json == from_parquet == list(rows.dicts())
    assert [(row["uri"], int(row["rank"]), float(row["distance"])) for row in from_csv] == [
        (row["uri"], row["rank"], row["distance"]) for row in from_json
    ]


def test_parquet_has_types_where_no_row_tells(duplicate_report: DuplicateReport) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    rows = duplicate_report.rows()
    full = pq.read_schema(io.BytesIO(written(rows, "parquet")))
    empty = pq.read_schema(io.BytesIO(written(Rows(rows.columns, []), "parquet")))
    none = pq.read_schema(io.BytesIO(written(Rows(rows.columns, [(None,) * len(rows.columns)]), "parquet")))
    assert full.equals(empty)
    assert full.equals(none)
    assert [str(kind) for kind in full.types] == [
        "int64", "string", "bool", "string", "double", "double", "string", "int64", "int64", "int64", "bool",
    ]  # fmt: skip


def test_parquet_holds_lists_objects_and_any_name() -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    rows = Rows(("uri", "roots", "descriptors"), [("caf\udce9", ["a", "b"], {"lite0": 5})])
    assert pq.read_table(io.BytesIO(written(rows, "parquet"))).to_pylist() == [
        {"uri": "caf\\xe9", "roots": ["a", "b"], "descriptors": '{"lite0": 5}'}
    ]


def test_parquet_takes_a_column_of_unlike_values_as_text() -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    table = pq.read_table(io.BytesIO(written(Rows(("x",), [(1,), ("a",), (True,), (None,)]), "parquet")))
    assert table.to_pylist() == [{"x": "1"}, {"x": "a"}, {"x": "true"}, {"x": None}]


def test_without_pyarrow_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'lookalike\[parquet\]'"):
        written(Rows(("uri",), []), "parquet")


def test_an_unknown_face_is_refused_with_the_valid_ones() -> None:
    with pytest.raises(UsageError, match="table, csv, json, jsonl, parquet"):
        written(Rows(("uri",), []), "png")


@pytest.mark.parametrize(
    ("path", "explicit", "face"),
    [
        (None, None, "table"),
        ("-", None, "table"),
        ("-", "json", "json"),
        ("a.csv", None, "csv"),
        ("a.JSON", None, "json"),
        ("a.ndjson", None, "jsonl"),
        ("a.jsonl", None, "jsonl"),
        ("a.parquet", None, "parquet"),
        ("a.png", None, "png"),
        ("a.htm", None, "html"),
        ("a.html", None, "html"),
        ("a.txt", None, "table"),
        ("a.txt", "csv", "csv"),
        ("a.dat", "csv", "csv"),
        ("a", "json", "json"),
        ("a.csv", "csv", "csv"),
    ],
)
def test_the_suffix_or_the_format_decides(path: str | None, explicit: str | None, face: Face) -> None:
    assert face_of(path, explicit) == face
    assert face_of(None if path is None else Path(path), explicit) == face


@pytest.mark.parametrize(
    ("path", "explicit", "message"),
    [
        ("a.csv", "json", "contradicts"),
        ("a.txt", "png", "contradicts"),
        ("a.xlsx", None, r"'\.xlsx'.*\.csv, \.json"),
        ("a", None, "without suffix"),
        (None, "xml", "choose one of table, csv, json"),
        ("a.png", None, r"\.png"),
    ],
)
def test_what_cannot_be_decided_is_refused(path: str | None, explicit: str | None, message: str) -> None:
    valid = tuple(face for face in FACES if face not in ("png", "html")) if path == "a.png" else FACES
    with pytest.raises(UsageError, match=message):
        face_of(path, explicit, valid)


def put(contents: bytes) -> Any:
    return lambda stream: stream.write(contents)


def test_a_file_is_written_whole_and_leaves_nothing_else(tmp_path: Path) -> None:
    write_file(tmp_path / "out.csv", put(b"new"))
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == {"out.csv": b"new"}


def test_a_failed_run_leaves_the_old_file(tmp_path: Path) -> None:
    def fails(stream: BinaryIO) -> None:
        stream.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    target = tmp_path / "out.csv"
    target.write_bytes(b"old")
    with pytest.raises(LookalikeError, match=r"out\.csv cannot be written: No space left"):
        write_file(target, fails)
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == {"out.csv": b"old"}


def test_an_error_of_the_result_itself_leaves_the_old_file_too(tmp_path: Path) -> None:
    def fails(stream: BinaryIO) -> None:
        raise MissingDependencyError("no pyarrow")

    target = tmp_path / "out.parquet"
    target.write_bytes(b"old")
    with pytest.raises(MissingDependencyError):
        write_file(target, fails)
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == {"out.parquet": b"old"}


def test_a_folder_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        write_file(tmp_path, put(b""))
    with pytest.raises(UsageError, match="does not exist; make it first"):
        write_file(tmp_path / "none" / "out.csv", put(b""))


@pytest.mark.skipif(sys.platform == "win32", reason="modes are of POSIX")
def test_a_file_keeps_its_mode_and_a_new_one_gets_the_usual(tmp_path: Path) -> None:
    old, new, usual = tmp_path / "old.csv", tmp_path / "new.csv", tmp_path / "usual"
    old.write_bytes(b"")
    old.chmod(0o640)
    usual.write_bytes(b"")
    write_file(old, put(b"x"))
    write_file(new, put(b"x"))
    assert old.stat().st_mode & 0o777 == 0o640
    assert new.stat().st_mode == usual.stat().st_mode


def test_a_write_protected_file_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "out.csv"
    target.write_bytes(b"old")
    # Root may write to everything, so the answer of the system is given here.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(LookalikeError, match="write-protected"):
        write_file(target, put(b"new"))
    assert target.read_bytes() == b"old"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a right that users lack on Windows")
def test_a_symbolic_link_keeps_pointing_to_the_file(tmp_path: Path) -> None:
    target, link = tmp_path / "real.csv", tmp_path / "link.csv"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_file(link, put(b"new"))
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="no /dev/null here")
def test_a_device_is_written_to_and_not_replaced() -> None:
    write_file("/dev/null", put(b"x"))
    assert Path("/dev/null").is_char_device()


def test_importing_the_faces_loads_none_of_their_packages() -> None:
    heavy = "PIL jinja2 rich pyarrow cv2"
    code = f"import sys, lookalike.render; print([name for name in {heavy.split()} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
