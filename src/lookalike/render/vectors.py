"""Vectors and their names as files for other programs: NumPy, CSV, Parquet; and lists for labelling tools."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any, BinaryIO
from urllib.parse import quote

import numpy as np

from lookalike.defaults import EXPORT_FACES
from lookalike.errors import MissingDependencyError, UsageError
from lookalike.frames import json_text, original_bytes
from lookalike.render.rows import _csv_field, write_file
from lookalike.results import Gallery

__all__ = ["named_from", "vectors_face", "write_vectors"]

_BLOCK = 4096
"""Vectors that are turned into text or Arrow at a time."""

_SUFFIXES = {".csv": "csv", ".npy": "npy", ".npz": "npz", ".parquet": "parquet"}
_LISTS = {"imagefolder": (".csv", ".txt"), "labelstudio": (".json",)}


def vectors_face(path: Path | None, explicit: str | None = None) -> str:
    """Decide the face of exported vectors from ``--output`` and ``--format``.

    Parameters
    ----------
    path
        The file to write; None and "-" are standard output, as "csv" unless `explicit` says otherwise.
    explicit
        The format asked for, or None to let the suffix decide.

    Raises
    ------
    UsageError
        If the format or the suffix is unknown, they contradict each other, or "npy", two files, has no file to go to.
    """
    if explicit is not None and explicit not in EXPORT_FACES:
        raise UsageError(f"there is no format {explicit!r} here; choose one of {', '.join(EXPORT_FACES)}")
    if path is None or str(path) == "-":
        if explicit == "npy":
            raise UsageError("npy is two files, the numbers and the names: give --output FILE")
        return explicit or "csv"
    suffix = path.suffix.lower()
    implied = _SUFFIXES.get(suffix)
    if explicit is None:
        if implied is None:
            what = f"the suffix {suffix!r}" if suffix else "a name without suffix"
            raise UsageError(
                f"{what} does not tell what to write; end the file's name in one of {', '.join(_SUFFIXES)}"
            )
        return implied
    fits = implied in (None, explicit) if explicit not in _LISTS else suffix in (*_LISTS[explicit], "")
    if not fits:
        raise UsageError(f"--format {explicit} contradicts the suffix {suffix!r}; leave one of them out")
    return explicit


def named_from(gallery: Gallery, folder: Path) -> Gallery:
    """Return a gallery whose paths are relative to `folder`; URLs stay as they are."""
    base = folder.absolute()
    names = (os.path.relpath(uri, base) if PurePath(uri).is_absolute() else uri for uri in gallery.uris)
    return replace(gallery, uris=tuple(names))


def write_vectors(gallery: Gallery, face: str, path: Path | None, stdout: BinaryIO | None = None) -> tuple[Path, ...]:
    r"""Write vectors with their names, and labels where the gallery has them.

    Parameters
    ----------
    gallery
        n pictures. Vectors are written as they are: float32, or packed bits in bytes, high bit first, for "hamming".
    face
        "npy": the array (n, width); beside it NAME.uris.csv with uri (and label), a row for each of its rows.
        "npz": arrays ``vectors``, ``uris``, ``labels`` (empty text for none) and ``descriptor`` (a JSON text), without
        pickle. "csv": uri, (label,) v0, v1 ...; numbers with the digits that float32 needs. "parquet": uri, (label,)
        vector, a list of float32 (of uint8 for "hamming"); what made them is in the file's key-value metadata.
        "imagefolder": file_name (, label) and no vectors, as metadata.csv of Hugging Face's imagefolder has it, and as
        most labelling tools read it. "labelstudio": tasks of Label Studio, a label as prediction.
    path
        The file; None for `stdout`.
    stdout
        Where to write if there is no `path`.

    Returns
    -------
    tuple of Path
        The files written, each in one step.

    Raises
    ------
    MissingDependencyError
        If "parquet" is asked for and pyarrow is not installed.
    UsageError
        If the folder to write to does not exist, or the face is unknown.

    Notes
    -----
    Names that are not UTF-8 keep their bytes in CSV; npz and JSON have them as ``os.fsdecode`` gives them, and Parquet,
    which holds UTF-8 only, as "\\xe9". A name may hold commas, quotes and line ends everywhere.
    """
    write = {
        "npz": _npz, "csv": _csv, "parquet": _parquet, "imagefolder": _image_folder, "labelstudio": _label_studio,
    }.get(face)  # fmt: skip
    if face == "npy" and path is not None:
        names = path.with_name(f"{path.stem}.uris.csv")
        write_file(names, lambda stream: stream.writelines(_names(gallery)))
        write_file(path, lambda stream: _array(stream, gallery.vectors))
        return path, names
    if write is None:
        raise UsageError(f"vectors cannot be written as {face!r}; choose one of {', '.join(EXPORT_FACES)}")
    if path is None:
        if stdout is None:
            raise UsageError("name a file to write to")
        write(stdout, gallery)
        return ()
    write_file(path, lambda stream: write(stream, gallery))
    return (path,)


def _blocks(gallery: Gallery) -> Iterator[tuple[int, int]]:
    for start in range(0, len(gallery), _BLOCK):
        yield start, min(start + _BLOCK, len(gallery))


def _lead(gallery: Gallery, row: int) -> str:
    fields = [gallery.uris[row], gallery.labels[row]] if gallery.labels else [gallery.uris[row]]
    return ",".join(map(_csv_field, fields))


def _names(gallery: Gallery) -> Iterator[bytes]:
    yield b"uri,label\n" if gallery.labels else b"uri\n"
    for row in range(len(gallery)):
        yield original_bytes(_lead(gallery, row) + "\n")


def _csv(stream: BinaryIO, gallery: Gallery) -> None:
    columns = [*(("uri", "label") if gallery.labels else ("uri",))]
    columns += [f"v{number}" for number in range(gallery.vectors.shape[1])]
    stream.write((",".join(columns) + "\n").encode())
    for start, stop in _blocks(gallery):
        # NumPy's text of a float32 is the shortest that reads back as the same float32.
        for row, numbers in enumerate(gallery.vectors[start:stop], start):
            text = ",".join(numbers.astype(str).tolist())
            stream.write(original_bytes(f"{_lead(gallery, row)},{text}\n"))


def _array(stream: BinaryIO | Any, values: np.ndarray[Any, Any]) -> None:
    np.lib.format.write_array(stream, np.asarray(values, order="C"), allow_pickle=False)


def _npz(stream: BinaryIO, gallery: Gallery) -> None:
    arrays = {"vectors": gallery.vectors, "uris": np.array(gallery.uris, str), "descriptor": np.array(_about(gallery))}
    if gallery.labels:
        arrays["labels"] = np.array([label or "" for label in gallery.labels], str)
    with zipfile.ZipFile(stream, "w") as archive:
        for name, values in arrays.items():
            # Vectors are noise to a compressor, names are not.
            entry = zipfile.ZipInfo(f"{name}.npy")
            entry.compress_type = zipfile.ZIP_STORED if name == "vectors" else zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as inside:
                _array(inside, values)


def _about(gallery: Gallery) -> str:
    spec = gallery.spec
    about = {"name": spec.name, "dim": spec.dim, "metric": spec.metric, "fingerprint": spec.fingerprint}
    return json.dumps(about | {"preprocess": spec.preprocess})


def _parquet(stream: BinaryIO, gallery: Gallery) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingDependencyError("writing Parquet needs pyarrow: pip install 'lookalike[parquet]'") from None
    kind = pa.from_numpy_dtype(gallery.vectors.dtype)
    fields = [("uri", pa.string()), *([("label", pa.string())] if gallery.labels else []), ("vector", pa.list_(kind))]
    schema = pa.schema(fields, metadata={"lookalike": _about(gallery)})
    width = gallery.vectors.shape[1]
    # Parquet asks a stream for its position, which a pipe does not have.
    target = stream if stream.seekable() else io.BytesIO()
    with pq.ParquetWriter(target, schema) as writer:
        for start, stop in _blocks(gallery):
            flat = pa.array(np.ascontiguousarray(gallery.vectors[start:stop]).ravel())
            ends = pa.array(np.arange(0, (stop - start) * width + 1, width, dtype=np.int32))
            columns = [pa.array(list(map(_utf8, gallery.uris[start:stop])), pa.string())]
            if gallery.labels:
                labels = [None if label is None else _utf8(label) for label in gallery.labels[start:stop]]
                columns.append(pa.array(labels, pa.string()))
            columns.append(pa.ListArray.from_arrays(ends, flat))
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
    if isinstance(target, io.BytesIO) and target is not stream:
        stream.write(target.getbuffer())


def _utf8(text: str) -> str:
    return original_bytes(text).decode("utf-8", "backslashreplace")


def _image_folder(stream: BinaryIO, gallery: Gallery) -> None:
    stream.write(b"file_name,label\n" if gallery.labels else b"file_name\n")
    posix = replace(gallery, uris=tuple(uri.replace(os.sep, "/") for uri in gallery.uris))
    stream.writelines(original_bytes(_lead(posix, row) + "\n") for row in range(len(posix)))


def _label_studio(stream: BinaryIO, gallery: Gallery) -> None:
    labels = gallery.labels or (None,) * len(gallery)
    separator = "[\n"
    for uri, label in zip(gallery.uris, labels, strict=True):
        stream.write(f"{separator}{json_text(_task(uri, label))}".encode())
        separator = ",\n"
    stream.write(b"\n]\n" if gallery.uris else b"[]\n")


def _task(uri: str, label: str | None) -> dict[str, Any]:
    where = uri
    if "://" not in uri:
        # As Label Studio names a file under its LOCAL_FILES_DOCUMENT_ROOT.
        where = "/data/local-files/?d=" + quote(original_bytes(uri.replace(os.sep, "/")).lstrip(b"/"), safe="/")
    task: dict[str, Any] = {"data": {"image": where}}
    if label is not None:
        choice = {"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": [label]}}
        task["predictions"] = [{"model_version": "lookalike", "result": [choice]}]
    return task
