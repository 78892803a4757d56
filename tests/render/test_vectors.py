"""Exported vectors are read back by the programs that they are for, equal to the bit."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike.defaults import EXPORT_FACES
from lookalike.errors import MissingDependencyError, UsageError
from lookalike.render import named_from, vectors_face, write_vectors
from lookalike.render import vectors as room
from lookalike.results import Gallery

NAMES = ("/p/plain.jpg", '/p/with, "comma".jpg', "/p/two\nlines.jpg", "/p/Zoë 🦁.png", "https://example.org/a.jpg?x=1")
LABELS = ("cat", 'a "b", c', None, "löwe", "")


def gallery(labels: tuple[str | None, ...] = (), metric: Any = "cosine", n: int = 5) -> Gallery:
    random = np.random.default_rng(1)
    if metric == "hamming":
        return Gallery.from_arrays(random.integers(0, 256, (n, 32), np.uint8), labels[:n], NAMES[:n], metric=metric)
    rows = random.normal(size=(n, 7)).astype(np.float32)
    rows[:1, :3] = [1e-30, 0, -3.4e-7]
    return Gallery.from_arrays(rows, labels[:n], NAMES[:n], metric=metric)


KINDS = pytest.mark.parametrize(
    "pictures", [gallery(), gallery(LABELS), gallery(LABELS, "hamming"), gallery(metric="l2")],
    ids=["cosine", "labelled", "hamming", "l2"],
)  # fmt: skip


def told(labels: tuple[str | None, ...]) -> list[str]:
    return [label or "" for label in labels]


@KINDS
def test_npy_has_the_numbers_and_a_csv_beside_it_their_names(pictures, tmp_path):
    files = write_vectors(pictures, "npy", tmp_path / "my.vectors.npy")
    assert files == (tmp_path / "my.vectors.npy", tmp_path / "my.vectors.uris.csv")
    read = np.load(files[0], allow_pickle=False)
    assert read.dtype == pictures.vectors.dtype
    assert np.array_equal(read, pictures.vectors)
    with open(files[1], newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["uri"] for row in rows] == list(pictures.uris)
    assert [row.get("label") for row in rows] == (told(pictures.labels) if pictures.labels else [None] * 5)


@KINDS
def test_npz_holds_both_without_pickle(pictures, tmp_path):
    assert write_vectors(pictures, "npz", tmp_path / "x.npz") == (tmp_path / "x.npz",)
    with np.load(tmp_path / "x.npz", allow_pickle=False) as read:
        assert np.array_equal(read["vectors"], pictures.vectors)
        assert read["uris"].tolist() == list(pictures.uris)
        assert ("labels" in read) == bool(pictures.labels)
        assert not pictures.labels or read["labels"].tolist() == told(pictures.labels)
        about = json.loads(str(read["descriptor"]))
    assert (about["metric"], about["dim"]) == (pictures.spec.metric, pictures.spec.dim)
    assert about["fingerprint"] == pictures.spec.fingerprint


@KINDS
def test_csv_reads_back_equal_with_the_fewest_digits(pictures, tmp_path):
    pandas = pytest.importorskip("pandas")
    write_vectors(pictures, "csv", tmp_path / "x.csv")
    read = pandas.read_csv(tmp_path / "x.csv", dtype={"uri": str, "label": str}, keep_default_na=False)
    width = pictures.vectors.shape[1]
    assert list(read.columns) == ["uri", *(["label"] if pictures.labels else []), *[f"v{n}" for n in range(width)]]
    assert read["uri"].tolist() == list(pictures.uris)
    assert not pictures.labels or read["label"].tolist() == told(pictures.labels)
    numbers = read[[f"v{n}" for n in range(width)]].to_numpy()
    assert np.array_equal(numbers.astype(pictures.vectors.dtype), pictures.vectors)
    text = (tmp_path / "x.csv").read_text("utf-8")
    assert max(len(field) for field in text.splitlines()[1].split(",")[2:]) <= len("-1.2345678e-30")


@KINDS
def test_parquet_reads_back_equal_in_pyarrow_and_pandas(pictures, tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    write_vectors(pictures, "parquet", tmp_path / "x.parquet")
    read = parquet.read_table(tmp_path / "x.parquet")
    kind = arrow.uint8() if pictures.spec.metric == "hamming" else arrow.float32()
    assert read.schema.field("vector").type == arrow.list_(kind)
    assert read["uri"].to_pylist() == list(pictures.uris)
    assert not pictures.labels or read["label"].to_pylist() == list(pictures.labels)
    assert json.loads(read.schema.metadata[b"lookalike"])["metric"] == pictures.spec.metric
    pandas = pytest.importorskip("pandas").read_parquet(tmp_path / "x.parquet")
    assert np.array_equal(np.stack(pandas["vector"]), pictures.vectors)


@pytest.mark.parametrize("face", EXPORT_FACES)
def test_no_vectors_and_many_blocks_are_written_too(face, tmp_path, monkeypatch):
    none, some = gallery(LABELS, n=0), gallery(LABELS)
    path = tmp_path / "x"
    assert write_vectors(none, face, path)[0].read_bytes()
    write_vectors(some, face, path)
    whole = path.read_bytes()
    monkeypatch.setattr(room, "_BLOCK", 2)
    write_vectors(some, face, path)
    if face == "parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        assert parquet.ParquetFile(path).num_row_groups == 3
        assert parquet.read_table(path).equals(parquet.read_table(io.BytesIO(whole)))
    else:
        assert path.read_bytes() == whole


@pytest.mark.parametrize("face", ["csv", "npz", "parquet", "imagefolder", "labelstudio"])
def test_a_pipe_gets_what_a_file_gets(face, tmp_path):
    class Pipe(io.RawIOBase):
        held = b""

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.held += bytes(data)
            return len(bytes(data))

    pipe: Any = Pipe()
    assert write_vectors(gallery(LABELS), face, None, pipe) == ()
    write_vectors(gallery(LABELS), face, tmp_path / "x")
    if face == "npz":  # whose entries tell their length before or after, as the stream allows
        with np.load(io.BytesIO(pipe.held)) as read:
            assert np.array_equal(read["vectors"], gallery().vectors)
    else:
        assert pipe.held == (tmp_path / "x").read_bytes()


def test_an_image_folder_lists_names_as_its_readers_want_them(tmp_path):
    pictures = Gallery.from_arrays(np.eye(2), ["cat", None], [str(tmp_path / "a/1.jpg"), str(tmp_path / "b, c.jpg")])
    write_vectors(named_from(pictures, tmp_path), "imagefolder", tmp_path / "metadata.csv")
    assert (tmp_path / "metadata.csv").read_text() == 'file_name,label\na/1.jpg,cat\n"b, c.jpg",\n'
    bare = Gallery.from_arrays(np.eye(2), (), ["x.jpg", "https://e.org/y.jpg"])
    write_vectors(named_from(bare, tmp_path), "imagefolder", tmp_path / "metadata.csv")
    assert (tmp_path / "metadata.csv").read_text() == "file_name\nx.jpg\nhttps://e.org/y.jpg\n"


def test_label_studio_gets_tasks_with_labels_as_predictions(tmp_path):
    pictures = Gallery.from_arrays(np.eye(3), ["cat", None, "x"], ["a b/1#.jpg", "https://e.org/y.jpg", "/z/é.jpg"])
    write_vectors(pictures, "labelstudio", tmp_path / "tasks.json")
    first, second, third = json.loads((tmp_path / "tasks.json").read_text("utf-8"))
    assert first["data"] == {"image": "/data/local-files/?d=a%20b/1%23.jpg"}
    assert first["predictions"][0]["result"][0]["value"] == {"choices": ["cat"]}
    assert second == {"data": {"image": "https://e.org/y.jpg"}}
    assert third["data"]["image"] == "/data/local-files/?d=z/%C3%A9.jpg"


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
def test_names_that_are_not_utf8_are_kept_where_the_format_can(tmp_path):
    odd = os.fsdecode(b"/p/caf\xe9.jpg")
    pictures = Gallery.from_arrays(np.eye(1), (), [odd])
    write_vectors(pictures, "npy", tmp_path / "x.npy")
    assert (tmp_path / "x.uris.csv").read_bytes() == b"uri\n/p/caf\xe9.jpg\n"
    write_vectors(pictures, "npz", tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as read:
        assert read["uris"].tolist() == [odd]
    write_vectors(pictures, "parquet", tmp_path / "x.parquet")
    read = pytest.importorskip("pyarrow.parquet").read_table(tmp_path / "x.parquet")
    assert read["uri"].to_pylist() == ["/p/caf\\xe9.jpg"]


@pytest.mark.parametrize(
    ("path", "explicit", "face"),
    [
        (None, None, "csv"), ("-", "npz", "npz"), ("a.npy", None, "npy"), ("a.NPZ", None, "npz"),
        ("a.csv", None, "csv"), ("a.parquet", "parquet", "parquet"), ("a.dat", "npy", "npy"),
        ("m.csv", "imagefolder", "imagefolder"), ("t.json", "labelstudio", "labelstudio"),
    ],
)  # fmt: skip
def test_the_face_is_told_by_format_or_suffix(path, explicit, face):
    assert vectors_face(path and Path(path), explicit) == face


@pytest.mark.parametrize(
    ("path", "explicit", "words"),
    [
        (None, "npy", "give --output"), (None, "html", "choose one of csv, npy"), ("a.html", None, "end the file's"),
        ("a", None, "a name without suffix"), ("a.csv", "npy", "contradicts"),
        ("m.npy", "imagefolder", "contradicts"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_said_with_what_can(path, explicit, words):
    with pytest.raises(UsageError, match=words):
        vectors_face(path and Path(path), explicit)


def test_wrong_calls_are_refused(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="choose one of csv"):
        write_vectors(gallery(), "html", tmp_path / "x")
    with pytest.raises(UsageError, match="name a file"):
        write_vectors(gallery(), "csv", None)
    with pytest.raises(UsageError, match="does not exist"):
        write_vectors(gallery(), "csv", tmp_path / "no/x.csv")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match="pip install"):
        write_vectors(gallery(), "parquet", tmp_path / "x.parquet")
    assert list(tmp_path.iterdir()) == []
