"""Decisions that last: what people said of pictures, kept by content, so that it outlives moving and renaming."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from lookalike.duplicates import Apart
from lookalike.errors import ImageError, UsageError
from lookalike.sources import is_url, normalise_uri, read_bytes
from lookalike.store import Decided, DecidedContent, Store
from lookalike.types import Rows, Tabular, Uri
from lookalike.words import human_count

__all__ = ["KEEP_ALL", "KEEP_FOLDER", "NOT_DUPLICATES", "Decision", "DecisionList", "Decisions"]

NOT_DUPLICATES, KEEP_ALL, KEEP_FOLDER = "not-duplicates", "keep-all", "keep-folder"

PathLike: TypeAlias = str | os.PathLike[str]


@dataclass(frozen=True)
class Decision:
    """One decision.

    Attributes
    ----------
    id
        Its number in this library.
    kind
        "not-duplicates", "keep-all" or "keep-folder".
    uris
        Of the pictures: a name that each has now, or had when it was decided; or of the folder.
    hashes
        SHA-256 of each picture's bytes, in hexadecimal; "" for a folder.
    names
        How many names of each picture were meant.
    decided
        When, as ISO 8601 in UTC.
    """

    id: int
    kind: str
    uris: tuple[Uri, ...]
    hashes: tuple[str, ...]
    names: tuple[int, ...]
    decided: str


@dataclass(frozen=True)
class DecisionList(Tabular):
    """Decisions in the order in which they were made."""

    decisions: tuple[Decision, ...]

    def __len__(self) -> int:
        return len(self.decisions)

    def rows(self) -> Rows:
        """Return (id, decision, uri, sha256, decided), one row for each picture or folder of a decision."""
        values = [
            (one.id, one.kind, uri, digest or None, one.decided)
            for one in self.decisions
            for uri, digest in zip(one.uris, one.hashes, strict=True)
        ]
        return Rows(("id", "decision", "uri", "sha256", "decided"), values)


class Decisions:
    """The lasting decisions of a library: `Library.decisions`.

    "not-duplicates" is of pictures of which no two are duplicates: they are a pair at no level and in no command.
    "keep-all" is of copies that shall all stay: `duplicates` does not offer them again; they remain copies, which
    `split` keeps together and `leaks` and `folders` find. Both are kept by the SHA-256 of the pictures' bytes.
    "keep-folder" makes all at or under a folder keepers in every search for duplicates.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def not_duplicates(self, pictures: Iterable[PathLike]) -> Decision:
        """Decide that no two of these pictures are duplicates.

        Parameters
        ----------
        pictures
            Two files or more, or names in the library whose files are not there now.

        Raises
        ------
        UsageError
            If there are fewer than two, or two have the same bytes.
        UnreadableError
            If one can neither be read nor is in the library.
        """
        contents = self._contents(pictures, 2)
        for one in contents:
            if one.names > 1:
                raise UsageError(
                    f"{one.name} is given with a file of the same bytes, which is its duplicate: "
                    "`lookalike decide keep-all` keeps both"
                )
        return self._add(NOT_DUPLICATES, contents)

    def keep_all(self, pictures: Iterable[PathLike]) -> Decision:
        """Decide that all of these pictures stay, though they are copies.

        Parameters
        ----------
        pictures
            As in `not_duplicates`; of several names of the same bytes, all names of these bytes stay.

        Raises
        ------
        UsageError
            If there are fewer than two.
        UnreadableError
            If one can neither be read nor is in the library.
        """
        return self._add(KEEP_ALL, self._contents(pictures, 2))

    def keep_folder(self, folder: PathLike) -> Decision:
        """Decide that the pictures at or under a folder are always kept. The folder need not be indexed yet.

        Raises
        ------
        UsageError
            If there is no such folder, and nothing of it in the library either.
        """
        uri = normalise_uri(os.fspath(folder))
        if not Path(uri).is_dir() and next(self._store.images([uri]), None) is None:
            raise UsageError(f"there is no folder {uri}, and nothing under it is indexed")
        with self._store.writing():
            number = self._store.decisions.add(KEEP_FOLDER, folder=uri)
        return self._one(number)

    def all(self) -> DecisionList:
        """Return all decisions."""
        return self._list(self._store.decisions.all())

    def forget(self, numbers: Iterable[int]) -> DecisionList:
        """Take decisions back, by their numbers; return what they were.

        Raises
        ------
        UsageError
            If a number is that of no decision; then none is taken back.
        """
        wanted = list(dict.fromkeys(numbers))
        with self._store.writing():
            known = {one.id: one for one in self._store.decisions.all()}
            for number in wanted:
                if number not in known:
                    raise UsageError(f"there is no decision {number}: `lookalike decide list` shows them")
            gone = self._list([known[number] for number in wanted])
            self._store.decisions.forget(wanted)
        return gone

    def text(self) -> str:
        """Return all decisions as JSON lines, ASCII only: what `load` reads, in any library."""
        return "".join(json.dumps(_as_json(one)) + "\n" for one in self._store.decisions.all())

    def load(self, path: PathLike) -> int:
        """Take over the decisions of a file that holds `text`; return how many were new.

        The pictures need not be in this library: a decision holds from the day on which they are.

        Raises
        ------
        UsageError
            If the file cannot be read or a line is no decision; then none is taken over.
        """
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{os.fspath(path)} cannot be read as decisions: {error}") from error
        read = [_of_json(line, f"{os.fspath(path)}, line {at}") for at, line in enumerate(lines, 1) if line.strip()]
        with self._store.writing():
            before = len(self._store.decisions.all())
            for one in read:
                self._store.decisions.add(one.kind, one.contents, one.folder, one.decided_at)
            return len(self._store.decisions.all()) - before

    # ------------------------------------------------------------------------------------------------ what follows

    def apart(self, *, kept: bool) -> Apart:
        """Return what shall be no pair; with `kept`, copies that shall all stay are none either."""
        held: dict[int, set[int]] = {}
        alone: set[int] = set()
        kinds = (NOT_DUPLICATES, KEEP_ALL) if kept else (NOT_DUPLICATES,)
        for number, content, names in self._store.decisions.of_contents(kinds):
            held.setdefault(content, set()).add(number)
            if names > 1:
                alone.add(content)
        return Apart(held, alone)

    def always_kept(self) -> Callable[[Uri], bool]:
        """Return what says of a name whether it lies in a folder that is always kept, by whatever path it is named."""
        folders = self._store.decisions.folders()
        if not folders:
            return lambda _: False
        spelled = _prefixes(folders)
        real = _prefixes([os.path.realpath(folder) for folder in folders])

        @lru_cache(maxsize=10_000)
        def inside(folder: str) -> bool:
            return _prefixes([os.path.realpath(folder)])[0].startswith(real)

        return lambda uri: uri.startswith(spelled) or (not is_url(uri) and inside(os.path.dirname(uri)))  # noqa: PTH120

    # ------------------------------------------------------------------------------------------------ inside

    def _contents(self, pictures: Iterable[PathLike], least: int) -> list[DecidedContent]:
        uris = list(dict.fromkeys(normalise_uri(os.fspath(picture)) for picture in pictures))
        if len(uris) < least:
            raise UsageError(f"a decision is of at least {human_count(least, 'picture')}, not {len(uris)}")
        hashes = [self._hash(uri) for uri in uris]
        counts, names = Counter(hashes), dict(zip(reversed(hashes), reversed(uris), strict=True))
        return [DecidedContent(digest, names[digest], counts[digest]) for digest in dict.fromkeys(hashes)]

    def _hash(self, uri: Uri) -> bytes:
        """Return the hash of what lies there now; of what the library knows, where it cannot be read."""
        try:
            return hashlib.sha256(read_bytes(uri)).digest()
        except ImageError:
            known = self._store.known([uri]).get(uri)
            content = None if known is None or known.content_id is None else known.content_id
            if content is None:
                raise
            return self._store.contents([content])[content].hash

    def _add(self, kind: str, contents: Sequence[DecidedContent]) -> Decision:
        with self._store.writing():
            number = self._store.decisions.add(kind, contents)
        return self._one(number)

    def _one(self, number: int) -> Decision:
        return next(one for one in self.all().decisions if one.id == number)

    def _list(self, decided: Sequence[Decided]) -> DecisionList:
        here = self._store.decisions.names_of({content.hash for one in decided for content in one.contents})
        return DecisionList(tuple(_decision(one, here) for one in decided))


def _decision(one: Decided, here: dict[bytes, list[Uri]]) -> Decision:
    moment = _moment(one.decided_at)
    if one.folder:
        return Decision(one.id, one.kind, (one.folder,), ("",), (1,), moment)
    names = []
    for content in one.contents:
        now = here.get(content.hash, [content.name])
        names.append(content.name if content.name in now else now[0])
    hashes = tuple(content.hash.hex() for content in one.contents)
    return Decision(one.id, one.kind, tuple(names), hashes, tuple(content.names for content in one.contents), moment)


def _prefixes(folders: Sequence[Uri]) -> tuple[str, ...]:
    return tuple(folder.rstrip(os.sep) + os.sep for folder in folders)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _as_json(one: Decided) -> dict[str, Any]:
    said: dict[str, Any] = {"decision": one.kind, "decided": _moment(one.decided_at)}
    if one.folder:
        return said | {"folder": one.folder}
    pictures = [{"sha256": c.hash.hex(), "name": c.name, "names": c.names} for c in one.contents]
    return said | {"pictures": pictures}


def _of_json(line: str, where: str) -> Decided:
    try:
        said = json.loads(line)
        kind, moment = said["decision"], datetime.fromisoformat(said["decided"]).timestamp()
        if kind == KEEP_FOLDER:
            folder = said["folder"]
            if not isinstance(folder, str) or not folder:
                raise ValueError("no folder")
            return Decided(0, kind, moment, folder=folder)
        contents = tuple(
            DecidedContent(bytes.fromhex(one["sha256"]), str(one["name"]), max(1, int(one.get("names", 1))))
            for one in said["pictures"]
        )
        hashes = {one.hash for one in contents}
        if kind not in (NOT_DUPLICATES, KEEP_ALL) or not contents or len(hashes) < len(contents):
            raise ValueError(f"no decision {kind!r}")
        if any(len(digest) != 32 for digest in hashes):
            raise ValueError("a SHA-256 has 64 digits")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"{where} is no decision as `lookalike decide export` writes them: {error}") from error
    return Decided(0, kind, moment, contents)
