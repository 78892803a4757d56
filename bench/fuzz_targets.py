"""What bench/fuzz.py reads: for each kind of file that this program reads, good examples and what is done with one."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

import lookalike
from lookalike.errors import LookalikeError
from lookalike.types import RGBImage

__all__ = ["TARGETS", "Target"]

ODD = Path(__file__).resolve().parents[2] / "shared/data/odd"
LARGEST_SEED = 40_000


class Target(Protocol):
    """One kind of file."""

    @property
    def text(self) -> bool:
        """Whether it is words: changed by words, too."""

    @property
    def seeds(self) -> Sequence[bytes]:
        """Good ones, to be changed."""

    def read(self, data: bytes, draw: random.Random, /) -> None:
        """Do with an input all that the program does; raises `LookalikeError` or nothing."""


def picture(seed: int, height: int = 24, width: int = 32) -> RGBImage:
    """Return soft coloured fields."""
    fields = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (5, 6, 3), np.uint8))
    return np.asarray(fields.resize((width, height), Image.Resampling.BICUBIC))


class Pictures:
    """Decoding, and what is read of a file's metadata."""

    text = False

    def __init__(self, _: Path) -> None:
        from tests.ugly import FORMATS, ordinary, ugly_images

        self.seeds = [ordinary(form) for form in FORMATS] * 4
        self.seeds += [ugly.data for ugly in ugly_images() if 0 < len(ugly.data) < LARGEST_SEED]
        odd = [path for path in sorted(ODD.rglob("*")) if path.is_file()] if ODD.is_dir() else []
        self.seeds += [path.read_bytes() for path in odd if path.stat().st_size < LARGEST_SEED]

    def read(self, data: bytes, draw: random.Random) -> None:
        from lookalike import decode
        from lookalike.duplicates.origin import origin

        limit = 4_000_000
        origin(data)
        said = []
        for act in (
            lambda: decode.decode(data, max_pixels=limit),
            lambda: decode.decode(data, min_side=8, max_pixels=limit),
            lambda: decode.pixel_hash(data, max_pixels=limit),
            lambda: decode.hidden_difference(data, draw.choice(self.seeds), max_pixels=limit),
        ):
            try:
                act()
                said.append("")
            except LookalikeError as error:
                said.append(str(error))
        if not said[0]:
            pixels = decode.decode(data, max_pixels=limit).pixels
            assert pixels.ndim == 3
            assert pixels.shape[2] == 3
            assert pixels.dtype == np.uint8


class _OnLibrary:
    """A library of some pictures and decisions, made once; its folder is copied for each input."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.photos = folder / "photos"
        self.photos.mkdir()
        for number in range(8):
            Image.fromarray(picture(number % 6, 48, 64)).save(self.photos / f"{number}.png")
        (self.photos / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
        self.good = folder / "good.lookalike"
        with lookalike.open(self.good) as library:
            library.add(self.photos, descriptors=["pdq"])
            library.decisions.keep_all([str(self.photos / "1.png")])
            library.decisions.not_duplicates([str(self.photos / "2.png"), str(self.photos / "3.png")])
            library.decisions.keep_folder(str(self.photos))
            self.decisions = library.decisions.text().encode()
            self.truth = library.search(picture(1, 48, 64), 3, descriptor="pdq").uris
            library.duplicates(level="same-pixels")

    def fresh(self) -> Path:
        """Return a copy of the library."""
        path = self.folder / "fuzzed.lookalike"
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(self.good, path)
        return path


class LibraryFile(_OnLibrary):
    """library.db: bytes changed, or values of its tables."""

    text = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        db = sqlite3.connect(self.good / "library.db")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        self.columns = [(table, row[1]) for table in tables for row in db.execute(f"PRAGMA table_info({table})")]
        db.close()
        self.seeds = [(self.good / "library.db").read_bytes()]

    def read(self, data: bytes, draw: random.Random) -> None:
        path = self.fresh()
        if draw.random() < 0.5:
            for suffix in ("-wal", "-shm"):
                (path / f"library.db{suffix}").unlink(missing_ok=True)
            (path / "library.db").write_bytes(data)
        else:
            self._change(path, draw)
        act = draw.randrange(6)
        with lookalike.open(path, create=False) as library:
            library.status()
            library.problems()
            library.vectors("pdq")
            library.search(picture(1, 48, 64), 3, descriptor="pdq")
            library.decisions.all()
            if act == 0:
                library.add(self.photos, descriptors=["pdq"], threads=1)
            elif act == 1:
                library.prune()
            elif act == 2:
                library.duplicates(level="same-pixels")

    def _change(self, path: Path, draw: random.Random) -> None:
        """Put another value of the same type in the place of one: what damage within a row makes of it."""
        odd: dict[str, tuple[Any, ...]] = {
            "integer": (-1, 0, 1, 2, 1 << 31, 1 << 62), "real": (-1.0, 0.0, 1e300, 1.5),
            "text": ("", "x", "\0", "a" * 5000, "/", "[]", "{}", "http://x/"),
            "blob": (b"", b"\xff", b"\0" * 32, b"a" * 256),
        }  # fmt: skip
        db = sqlite3.connect(path / "library.db", isolation_level=None)
        with contextlib.closing(db), contextlib.suppress(sqlite3.Error):  # what the table's own rules refuse
            table, name = draw.choice(self.columns)
            rows = db.execute(f"SELECT rowid, typeof({name}) FROM {table}").fetchall()
            row, kind = draw.choice(rows or [(0, "null")])
            if kind in odd:
                db.execute(f"UPDATE {table} SET {name} = ? WHERE rowid = ?", (draw.choice(odd[kind]), row))


class CacheFiles(_OnLibrary):
    """What lies in cache/: matrices, indexes, kept verdicts. Whatever is in them, answers are the same."""

    text = False

    def __init__(self, folder: Path) -> None:
        from lookalike.descriptors import local
        from lookalike.store.local import LocalCache, as_kept

        super().__init__(folder)
        self.keys = [hashlib.sha256(bytes([number])).digest() for number in range(3)]
        with contextlib.closing(LocalCache(self.good, local.FINGERPRINT)) as cache:
            for number, key in enumerate(self.keys):
                shown = local.working_picture(picture(number, 200, 260))
                cache.put_many({key: as_kept(local.local_features(shown), shown)})
        self.files = [path for path in sorted((self.good / "cache").rglob("*")) if path.is_file()]
        self.seeds = [path.read_bytes() for path in self.files if path.stat().st_size]

    def read(self, data: bytes, draw: random.Random) -> None:
        from lookalike.descriptors import local
        from lookalike.store.local import LocalCache

        path = self.fresh()
        for suffix in ("-wal", "-shm"):
            for file in path.rglob(f"cache/**/*{suffix}"):
                file.unlink()
        chosen = draw.choice(self.files)
        (path / chosen.relative_to(self.good)).write_bytes(data)
        with lookalike.open(path, create=False) as library:
            assert library.search(picture(1, 48, 64), 3, descriptor="pdq").uris == self.truth
            if draw.random() < 0.2:
                library.duplicates(level="same-pixels")
        with contextlib.closing(LocalCache(path, local.FINGERPRINT)) as cache:
            cache.get_many(self.keys)


class Indexes:
    """The file of an approximate index."""

    text = False

    def __init__(self, folder: Path) -> None:
        from lookalike.index import ExactIndex
        from lookalike.index.approximate import ApproximateIndex

        random_ = np.random.default_rng(1)
        rows = random_.normal(size=(3000, 16)).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        self.exact = ExactIndex("cosine", 16)
        self.exact.add(np.arange(3000), rows)
        self.path, self.rows = folder / "x.index", rows
        ApproximateIndex.build(self.exact).save(self.path, "token")
        self.seeds = [self.path.read_bytes()]

    def read(self, data: bytes, _: random.Random) -> None:
        from lookalike.index.approximate import ApproximateIndex

        self.path.write_bytes(data)
        ApproximateIndex.load(self.path, self.exact, "token").search(self.rows[:2], 3)


class Plans(_OnLibrary):
    """Plans, of both faces, read and foreseen."""

    text = True

    def __init__(self, folder: Path) -> None:
        from lookalike.actions import make_plan, write_plan

        super().__init__(folder)
        with lookalike.open(self.good) as library:
            library.decisions.undo([one.id for one in library.decisions.all().decisions])
            plan = make_plan(library, level="same-pixels")
        self.seeds = []
        for suffix in (".jsonl", ".csv"):
            write_plan(plan, folder / f"plan{suffix}")
            self.seeds.append((folder / f"plan{suffix}").read_bytes())
        self.library = lookalike.open(self.good)
        self.names = {path.name for path in self.photos.iterdir()}

    def read(self, data: bytes, draw: random.Random) -> None:
        from lookalike.actions import apply_plan, read_plan
        from lookalike.actions.planfile import read_groups

        path = self.folder / f"fuzzed{draw.choice(('.jsonl', '.csv'))}"
        path.write_bytes(data)
        with contextlib.suppress(LookalikeError):
            read_groups(path)
        plan = read_plan(path)
        plan.rows()
        apply_plan(self.library, plan, dry_run=True)
        assert {found.name for found in self.photos.iterdir()} == self.names


class DecisionFiles(_OnLibrary):
    """What `lookalike decide import` reads."""

    text = True

    def __init__(self, folder: Path) -> None:
        from lookalike.types import Rows

        super().__init__(folder)
        with lookalike.open(self.good) as library:
            rows: Rows = library.decisions.all().rows()
        lines = [",".join(rows.columns), *(",".join(map(str, row)) for row in rows.values)]
        self.seeds = [self.decisions, "\n".join(lines).encode()]
        self.library = lookalike.open(self.good)

    def read(self, data: bytes, draw: random.Random) -> None:
        path = self.folder / f"fuzzed{draw.choice(('.jsonl', '.csv'))}"
        path.write_bytes(data)
        self.library.decisions.load(path)
        self.library.decisions.all()


class LabelFiles:
    """Label files: what is taken out of one comes back to the byte."""

    text = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = [f"{number}.png" for number in range(6)]
        for name in names:
            (folder / name).write_bytes(b"x")
        coco = {
            "info": {"year": 2024},
            "images": [{"id": number, "file_name": name, "width": 4} for number, name in enumerate(names)],
            "annotations": [{"id": 9 - n, "image_id": n % 6, "bbox": [0, 1, 2.5, 3]} for n in range(9)],
        }
        table = "file_name,label,split\n" + "".join(f'{name},"a, b",train\n' for name in names)
        self.seeds = [
            json.dumps(coco, indent=1).encode(), json.dumps(coco).encode(), table.encode(),
            table.replace(",", ";").encode(), "".join(f"{name}\n" for name in names).encode(),
            "".join(f"{name[:-4]} 1\r\n" for name in names).encode(),
        ]  # fmt: skip
        self.pictures = [str(folder / name) for name in names]

    def read(self, data: bytes, draw: random.Random) -> None:
        from lookalike.actions.labelfiles import apply_edit, plan_label_edits, revert_edit
        from lookalike.evaluate.truth import read_pairs, read_relevant
        from lookalike.labels import read_labels

        for act in (
            lambda p: read_labels(str(p), self.pictures), lambda p: read_pairs(p, self.pictures),
            lambda p: read_relevant(p, self.pictures),
        ):  # fmt: skip
            path = self.folder / "labels.csv"
            path.write_bytes(data)
            with contextlib.suppress(LookalikeError):
                act(path)
        path = self.folder / f"labels{draw.choice(('.json', '.csv', '.txt'))}"
        path.write_bytes(data)
        for edit in plan_label_edits(self.pictures[:3], [str(path)]):
            apply_edit(edit)
            assert revert_edit(edit) == "restored"
        assert path.read_bytes() == data


class Journals(_OnLibrary):
    """Journals of what was done: read, and undone. Whatever they say, no picture is lost."""

    text = True

    def __init__(self, folder: Path) -> None:
        from lookalike.actions import apply_plan, make_plan

        super().__init__(folder)
        with lookalike.open(self.good) as library:
            library.decisions.undo([one.id for one in library.decisions.all().decisions])
            apply_plan(library, make_plan(library, level="same-pixels"))
        self.after = folder / "after"
        shutil.copytree(self.photos, self.after)
        [self.journal] = sorted((self.good / "history").glob("*.jsonl"))
        self.seeds = [self.journal.read_bytes()]

    def read(self, data: bytes, _: random.Random) -> None:
        from lookalike.actions import history, undo

        path = self.fresh()
        shutil.rmtree(self.photos)
        shutil.copytree(self.after, self.photos)
        before = _contents(self.folder, path)
        (path / "history" / self.journal.name).write_bytes(data)
        try:
            with lookalike.open(path, create=False) as library:
                history(library).rows()
                undo(library)
        finally:
            assert before <= _contents(self.folder, path), "a picture is lost"


def _contents(folder: Path, library: Path) -> set[str]:
    """Return the hashes of all pictures beside and within a library."""
    places = (folder / "photos", library / "quarantine", library.parent)
    files = {path for place in places for path in place.rglob("*.png") if path.is_file() and "good" not in str(path)}
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


class Specs:
    """The spec files of models."""

    text = True

    def __init__(self, folder: Path) -> None:
        from lookalike.descriptors.onnx import ModelSpec

        self.path = folder / "model.json"
        self.seeds = [
            ModelSpec(dim=3, height=16, width=16, labels=("a", "b"), probabilities="p").to_json().encode(),
            b'{"dim": 3, "height": 16, "metric": "l2", "mean": [1, 2, 3], "sha256": ""}',
        ]

    def read(self, data: bytes, _: random.Random) -> None:
        from lookalike.descriptors.onnx import read_spec

        self.path.write_bytes(data)
        spec = read_spec(self.path)
        assert spec.preprocess
        assert spec.to_json()
        if spec.height * spec.width <= 1 << 20:
            spec.prepare(picture(1))


class Models:
    """ONNX files: whatever is in them, refused in a sentence or run."""

    text = False

    def __init__(self, folder: Path) -> None:
        from tests.descriptors.test_onnx import write_model

        self.folder = folder
        self.seeds = [write_model(folder, "good").read_bytes(), write_model(folder, "l", layout="nhwc").read_bytes()]
        (folder / "model.json").write_text((folder / "good.json").read_text())

    def read(self, data: bytes, _: random.Random) -> None:
        from lookalike.descriptors.onnx import OnnxDescriptor

        (self.folder / "model.onnx").write_bytes(data)
        vectors = OnnxDescriptor(f"onnx:{self.folder / 'model.onnx'}").embed([picture(1)])
        assert vectors.shape == (1, 3)


class Urls:
    """Names and addresses; nothing is fetched."""

    text = True
    seeds = (
        b"http://example.org/a.jpg", b"https://user@example.org:8080/a?b#c", b"http://[::1]/x", b"http://0x7f.1/",
        b"file:///tmp/a%20b.png", b"HTTP://EXAMPLE.org:443/\xc3\xa9", b"http://\xe4\xbe\x8b\xe3\x81\x88.jp/x",
        b"http://[::ffff:127.0.0.1]:80/", b"C:\\photos\\a.jpg", b"\\\\server\\share\\a.png",
        b"data:image/png;base64,AA==",
    )  # fmt: skip

    def __init__(self, _: Path) -> None:
        pass

    def read(self, data: bytes, _: random.Random) -> None:
        from lookalike.sources import is_url, normalise_uri
        from lookalike.sources.addresses import is_public, not_public, parse_target

        name = os.fsdecode(data)
        is_url(name)
        for private in (False, True):
            with contextlib.suppress(LookalikeError):
                target = parse_target(name, allow_private=private)
                assert target.url
                assert target.authority
                not_public(target)
                if target.is_address:
                    is_public(target.host)
        normalise_uri(name)


class Lists:
    """Lists of names, tables and groups that other programs write."""

    text = True

    def __init__(self, folder: Path) -> None:
        self.path = folder / "list.csv"
        self.seeds = [
            b"a.jpg\nb c.png\n/d/e.webp\n",
            b"group,uri\n1,/a.png\n1,/b.png\n2,/c.png\n",
            b"uri;label\r\n/a;x\r\n",
        ]

    def read(self, data: bytes, _: random.Random) -> None:
        from lookalike.actions.planfile import read_groups
        from lookalike.sources import read_list
        from lookalike.tables import read_table

        for null in (False, True):
            with contextlib.suppress(LookalikeError):
                list(read_list(io.BytesIO(data), null=null))
        self.path.write_bytes(data)
        with contextlib.suppress(LookalikeError):
            list(read_table(self.path, ["uri"]))
        read_groups(self.path)


class Calls(_OnLibrary):
    """Calls of the HTTP API; those that index, act or fetch are left to schemathesis in tests/server/test_schema.py."""

    text = True

    def __init__(self, folder: Path) -> None:
        from fastapi.testclient import TestClient

        from lookalike.server import Settings, create_app

        super().__init__(folder)
        self.client = TestClient(
            create_app(lookalike.open(self.good), Settings(token="t" * 20, isolated=False)), base_url="http://127.0.0.1"
        )
        self.client.__enter__()
        self.seeds = [
            b'POST /api/v1/search\n{"queries": [{"id": 1}], "k": 3, "descriptor": "pdq", "threshold": 31, '
            b'"only": {"format": ["PNG"]}}',
            b'POST /api/v1/compare\n{"a": {"id": 1}, "b": {"id": 2}}',
            b"GET /api/v1/status\n", b"GET /api/v1/pictures/1\n", b"GET /api/v1/pictures?limit=3\n",
            b"GET /api/v1/pictures/1/thumbnail?side=64\n",
            b"GET /api/v1/pictures/sample?count=3&seed=1\n",
            b"GET /api/v1/jobs/1\n", b"GET /api/v1/decisions\n", b"GET /\n", b"GET /static/../x\n",
            b"GET /api/v1/problems?offset=0&limit=10\n",
        ]  # fmt: skip

    def read(self, data: bytes, _: random.Random) -> None:
        head, _newline, body = data.partition(b"\n")
        method, _space, path = head.decode("latin-1").partition(" ")
        if (
            "index" in path
            or b"url" in body
            or b"path" in body
            or method not in ("GET", "POST", "HEAD", "DELETE", "PUT")
        ):
            return
        try:
            request = self.client.build_request(
                method, "/" + path.lstrip("/"), content=body,
                headers={"Authorization": "Bearer " + "t" * 20, "Content-Type": "application/json"},
            )  # fmt: skip
        except Exception:
            return  # what cannot be sent
        answer = self.client.send(request)
        assert answer.status_code < 500, (answer.status_code, answer.text[:300])


TARGETS: dict[str, Callable[[Path], Target]] = {
    "pictures": Pictures, "library": LibraryFile, "cache": CacheFiles, "index": Indexes, "plans": Plans,
    "decisions": DecisionFiles, "labels": LabelFiles, "journals": Journals, "specs": Specs, "models": Models,
    "urls": Urls, "lists": Lists, "api": Calls,
}  # fmt: skip
