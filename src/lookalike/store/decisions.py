"""What people decided about pictures, by the hash of their content, and about folders."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from lookalike.store.database import Database
from lookalike.types import Uri

__all__ = ["Decided", "DecidedContent", "DecisionTable", "Match"]


@dataclass(frozen=True)
class DecidedContent:
    """A content that a decision is about.

    Attributes
    ----------
    hash
        SHA-256 of the bytes.
    name
        A name that it had when it was decided.
    pixel_hash
        See `lookalike.decode.pixel_hash`; None if it was not worked out.
    """

    hash: bytes
    name: Uri
    pixel_hash: bytes | None = None


@dataclass(frozen=True)
class Decided:
    """A decision as it is kept: of contents, or of a folder (then `contents` is empty, else `folder` is)."""

    id: int
    kind: str
    decided_at: float
    contents: tuple[DecidedContent, ...] = ()
    folder: Uri = ""


@dataclass(frozen=True)
class Match:
    """A content of the library that a decision is about, by its bytes or, where `exact` is False, by its pixels."""

    decision: int
    kind: str
    hash: bytes
    content_id: int
    exact: bool


class DecisionTable:
    """The decisions of an open library. What changes them needs the writer lock: see `Store.writing`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(
        self, kind: str, contents: Sequence[DecidedContent] = (), folder: Uri = "", decided_at: float | None = None
    ) -> tuple[int, bool]:
        """Keep a decision of contents, each once, or of a folder; return its number and whether it is new."""
        with self._db.transaction() as db:
            known = self._same(kind, contents, folder)
            if known is not None:
                return known, False
            moment = time.time() if decided_at is None else decided_at
            cursor = db.execute(
                "INSERT INTO decisions (kind, folder, decided_at) VALUES (?, CAST(? AS TEXT), ?)",
                (kind, os.fsencode(folder) if folder else None, moment),
            )
            number = int(cursor.lastrowid or 0)
            db.executemany(
                "INSERT INTO decided (decision_id, hash, pixel_hash, name) VALUES (?, ?, ?, CAST(? AS TEXT))",
                [(number, one.hash, one.pixel_hash, os.fsencode(one.name)) for one in contents],
            )
            return number, True

    def _same(self, kind: str, contents: Sequence[DecidedContent], folder: Uri) -> int | None:
        if folder:
            rows = self._db.rows(
                "SELECT id FROM decisions WHERE kind = ? AND folder = CAST(? AS TEXT)", (kind, os.fsencode(folder))
            )
            return int(rows[0][0]) if rows else None
        wanted = {one.hash for one in contents}
        candidates = self._db.rows(
            "SELECT decision_id FROM decided JOIN decisions ON id = decision_id WHERE hash = ? AND kind = ? ORDER BY 1",
            (contents[0].hash, kind),
        )
        for (number,) in candidates:
            held = self._db.rows("SELECT hash FROM decided WHERE decision_id = ?", (number,))
            if {row[0] for row in held} == wanted:
                return int(number)
        return None

    def forget(self, numbers: Collection[int]) -> None:
        """Remove decisions; numbers that are none are passed over."""
        with self._db.transaction() as db:
            for number in numbers:
                db.execute("DELETE FROM decided WHERE decision_id = ?", (number,))
                db.execute("DELETE FROM decisions WHERE id = ?", (number,))

    def all(self) -> list[Decided]:
        """Return every decision in the order in which they were made."""
        contents: dict[int, list[DecidedContent]] = {}
        for number, digest, name, pixels in self._db.rows(
            "SELECT decision_id, hash, name, pixel_hash FROM decided ORDER BY decision_id, name, hash"
        ):
            contents.setdefault(number, []).append(DecidedContent(digest, name, pixels))
        return [
            Decided(number, kind, moment, tuple(contents.get(number, ())), folder or "")
            for number, kind, folder, moment in self._db.rows(
                "SELECT id, kind, folder, decided_at FROM decisions ORDER BY id"
            )
        ]

    def folders(self) -> list[Uri]:
        """Return the folders that are decided upon."""
        return [
            row[0] for row in self._db.rows("SELECT folder FROM decisions WHERE folder IS NOT NULL ORDER BY folder")
        ]

    def matches(self, kind: str) -> list[Match]:
        """Return which contents of the library the decisions of one kind are about.

        What equals a decided picture in pixels, though not in bytes, is matched by these, where they are known of both
        and belong to one picture of the decision alone; and for a decision of which it is itself a part, by its bytes.
        """
        if not self._db.rows("SELECT 1 FROM decisions WHERE kind = ? LIMIT 1", (kind,)):
            return []  # the usual case costs nothing, however many contents there are
        exact = self._db.rows(
            "SELECT decision_id, decided.hash, contents.id FROM decided "
            "JOIN decisions ON decisions.id = decision_id JOIN contents ON contents.hash = decided.hash "
            "WHERE decisions.kind = ? ORDER BY 1, 3",
            (kind,),
        )
        found = {(number, content): Match(number, kind, digest, content, True) for number, digest, content in exact}
        by_pixels = self._db.rows(
            "SELECT decision_id, min(decided.hash), contents.id FROM contents "
            "JOIN decided ON decided.pixel_hash = contents.pixel_hash JOIN decisions ON decisions.id = decision_id "
            "WHERE decisions.kind = ? GROUP BY decision_id, contents.id HAVING count(*) = 1 ORDER BY 1, 3",
            (kind,),
        )
        for number, digest, content in by_pixels:
            found.setdefault((number, content), Match(number, kind, digest, content, False))
        return list(found.values())

    def names_of(self, hashes: Collection[bytes]) -> dict[bytes, list[Uri]]:
        """Return the names, not missing, that contents have now; those without any are left out."""
        found: dict[bytes, list[Uri]] = {}
        for digest in hashes:
            for (uri,) in self._db.rows(
                "SELECT uri FROM images JOIN contents ON contents.id = content_id WHERE hash = ? AND state = 'ok' "
                "AND NOT missing ORDER BY uri",
                (digest,),
            ):
                found.setdefault(digest, []).append(uri)
        return found
