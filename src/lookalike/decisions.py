"""Decisions that last: what people said of pictures, kept by content, so that it outlives moving and renaming."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from lookalike import decode
from lookalike.duplicates import Apart
from lookalike.errors import ImageError, LibraryFormatError, UsageError
from lookalike.sources import PathLike, is_url, normalise_uri, read_bytes, uris_of
from lookalike.store import Decided, DecidedContent, Store
from lookalike.tables import read_table
from lookalike.types import Rows, Tabular, Uri
from lookalike.words import human_count

__all__ = ["KEEP_ALL", "KEEP_FOLDER", "NOT_DUPLICATES", "Decision", "DecisionList", "Decisions"]

NOT_DUPLICATES, KEEP_ALL, KEEP_FOLDER = "not-duplicates", "keep-all", "keep-folder"


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
    pixel_hashes
        Of each picture: see `lookalike.decode.pixel_hash`, in hexadecimal; "" where it is not known.
    decided
        When, as ISO 8601 in UTC.
    """

    id: int
    kind: str
    uris: tuple[Uri, ...]
    hashes: tuple[str, ...]
    pixel_hashes: tuple[str, ...]
    decided: str


@dataclass(frozen=True)
class DecisionList(Tabular):
    """Decisions in the order in which they were made."""

    decisions: tuple[Decision, ...]

    def __len__(self) -> int:
        return len(self.decisions)

    def rows(self) -> Rows:
        """Return (id, decision, uri, decided, sha256, pixel_hash), a row for each picture or folder of a decision."""
        values = [
            (one.id, one.kind, uri, one.decided, digest or None, pixels or None)
            for one in self.decisions
            for uri, digest, pixels in zip(one.uris, one.hashes, one.pixel_hashes, strict=True)
        ]
        return Rows(("id", "decision", "uri", "decided", "sha256", "pixel_hash"), values)


class Decisions:
    """The lasting decisions of a library: `Library.decisions`.

    "not-duplicates" is of pictures of which no two are duplicates: to `duplicates`, `split`, `leaks` and `folders` they
    are a pair at no level, and no two of them are in one group. `search` and `compare` tell what they see.
    "keep-all" is of pictures that shall all stay: `duplicates` offers none of them, under whatever name. They remain
    copies, which `split` keeps together and `leaks` and `folders` find.
    "keep-folder" makes all at or under a folder keepers in every search for duplicates.

    The first two go by the SHA-256 of the pictures' bytes. Where these have changed and the decoded picture has not, as
    after a tag was written into the file, they go by the pixels, where these are known of both.
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
        ImageError
            If one is no picture, or can neither be read nor is in the library.
        """
        uris = _uris(pictures)
        if len(uris) < 2:
            raise UsageError(f"this is decided of at least 2 pictures, not {human_count(len(uris), 'picture')}")
        contents = [self._content(uri) for uri in uris]
        seen: dict[bytes, Uri] = {}
        for uri, content in zip(uris, contents, strict=True):
            if (other := seen.setdefault(content.hash, uri)) != uri:
                raise UsageError(
                    f"{other} and {uri} have the same bytes, so are duplicates: `lookalike decide keep-all` keeps both"
                )
        return self._add(NOT_DUPLICATES, contents)

    def keep_all(self, pictures: Iterable[PathLike]) -> Decision:
        """Decide that all of these pictures stay, though they may be copies of each other or of others.

        Parameters
        ----------
        pictures
            As in `not_duplicates`, one at least. All files with the bytes of one of them stay.

        Raises
        ------
        UsageError
            If there is none.
        ImageError
            As in `not_duplicates`.
        """
        contents = {content.hash: content for content in map(self._content, reversed(_uris(pictures)))}
        if not contents:
            raise UsageError("this is decided of at least 1 picture: name it")
        return self._add(KEEP_ALL, [*reversed(contents.values())])

    def keep_folder(self, folder: PathLike) -> Decision:
        """Decide that the pictures at or under a folder are always kept. The folder need not be indexed yet.

        Raises
        ------
        UsageError
            If there is no such folder, and nothing of it in the library either.
        """
        uri = normalise_uri(os.fspath(folder))
        if not Path(uri).is_dir() and not self._store.holds(uri):
            raise UsageError(f"there is no folder {uri}, and nothing under it is indexed")
        with self._store.writing():
            number, _ = self._store.decisions.add(KEEP_FOLDER, folder=uri)
        return self._one(number)

    def all(self) -> DecisionList:
        """Return all decisions."""
        return self._list(self._store.decisions.all())

    def undo(self, numbers: Iterable[int]) -> DecisionList:
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
        """Take over the decisions of a file; return how many were new.

        Parameters
        ----------
        path
            JSON lines as `text` returns them, or the rows of `DecisionList` as CSV. The pictures need not be in this
            library: a decision holds from the day on which they are.

        Raises
        ------
        UsageError
            If the file cannot be read or a line is no decision; then none is taken over.
        """
        read = _read(path)
        with self._store.writing():
            return sum(
                self._store.decisions.add(one.kind, one.contents, one.folder, one.decided_at)[1] for one in read
            )  # fmt: skip

    # ------------------------------------------------------------------------------------------------ what follows

    def apart(self) -> Apart:
        """Return what is no pair."""
        held: dict[int, dict[int, bytes]] = {}
        for match in self._store.decisions.matches(NOT_DUPLICATES):
            held.setdefault(match.content_id, {})[match.decision] = match.hash
        return Apart(held)

    def kept_contents(self) -> set[int]:
        """Return the ids of the contents that stay under any name.

        What equals a decided picture in pixels alone is one of them only while no file has the decided bytes: then it
        took that file's place, else it is a copy beside it.
        """
        matches = self._store.decisions.matches(KEEP_ALL)
        here = self._store.decisions.names_of({match.hash for match in matches if not match.exact})
        return {match.content_id for match in matches if match.exact or match.hash not in here}

    def kept_hashes(self) -> set[bytes]:
        """Return the SHA-256 of all bytes that stay under any name, also of such as are not in the library."""
        decided = {c.hash for one in self._store.decisions.all() if one.kind == KEEP_ALL for c in one.contents}
        return decided | {content.hash for content in self._store.contents(sorted(self.kept_contents())).values()}

    def protected_folders(self) -> tuple[Uri, ...]:
        """Return the folders that are always kept, as they were named, in order."""
        return tuple(self._store.decisions.folders())

    def protects(self) -> Callable[[Uri], bool]:
        """Return what says of a name whether it lies in a folder that is always kept, by whatever path it is named."""
        folders = self.protected_folders()
        if not folders:
            return lambda _: False
        spelled = _prefixes(folders)
        real = _prefixes([os.path.realpath(folder) for folder in folders])

        @lru_cache(maxsize=10_000)
        def inside(folder: str) -> bool:
            return _prefixes([os.path.realpath(folder)])[0].startswith(real)

        return lambda uri: uri.startswith(spelled) or (not is_url(uri) and inside(os.path.dirname(uri)))  # noqa: PTH120

    # ------------------------------------------------------------------------------------------------ inside

    def _content(self, uri: Uri) -> DecidedContent:
        """Return what lies there now; what the library knows, where it cannot be read."""
        try:
            data = read_bytes(uri, exclude_ids=self._store.own_files())
        except ImageError:
            known = self._store.known([uri]).get(uri)
            if known is None or known.content_id is None:
                raise
            content = self._store.contents([known.content_id])[known.content_id]
            return DecidedContent(content.hash, uri, content.pixel_hash)
        digest = hashlib.sha256(data).digest()
        content_known = self._store.content_of_hash(digest)
        if content_known is not None and content_known.pixel_hash is not None:
            return DecidedContent(digest, uri, content_known.pixel_hash)
        return DecidedContent(digest, uri, decode.pixel_hash(data))

    def _add(self, kind: str, contents: Sequence[DecidedContent]) -> Decision:
        with self._store.writing():
            number, _ = self._store.decisions.add(kind, contents)
        return self._one(number)

    def _one(self, number: int) -> Decision:
        return self._list([one for one in self._store.decisions.all() if one.id == number]).decisions[0]

    def _list(self, decided: Sequence[Decided]) -> DecisionList:
        here = self._store.decisions.names_of({content.hash for one in decided for content in one.contents})
        return DecisionList(tuple(_decision(one, here) for one in decided))


def _uris(pictures: Iterable[PathLike]) -> list[Uri]:
    return list(dict.fromkeys(uris_of(pictures)))


def _decision(one: Decided, here: dict[bytes, list[Uri]]) -> Decision:
    moment = _moment(one.decided_at)
    if one.folder:
        return Decision(one.id, one.kind, (one.folder,), ("",), ("",), moment)
    names = []
    for content in one.contents:
        now = here.get(content.hash, [content.name])
        names.append(content.name if content.name in now else now[0])
    hashes = tuple(content.hash.hex() for content in one.contents)
    pixels = tuple((content.pixel_hash or b"").hex() for content in one.contents)
    return Decision(one.id, one.kind, tuple(names), hashes, pixels, moment)


def _prefixes(folders: Sequence[Uri]) -> tuple[str, ...]:
    return tuple(folder.rstrip(os.sep) + os.sep for folder in folders)


# ------------------------------------------------------------------------------------------------ in a file


def _moment(seconds: float) -> str:
    if not 0 <= seconds < 1e11:  # the years 1970 to 5138: what is beyond was never written by us
        raise LibraryFormatError(f"the library is damaged: a decision was made at {seconds!r}: put a copy of it back")
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _as_json(one: Decided) -> dict[str, Any]:
    said: dict[str, Any] = {"decision": one.kind, "decided": _moment(one.decided_at)}
    if one.folder:
        return said | {"folder": one.folder}
    return said | {
        "pictures": [
            {"uri": c.name, "sha256": c.hash.hex(), "pixel_hash": None if c.pixel_hash is None else c.pixel_hash.hex()}
            for c in one.contents
        ]
    }


def _read(path: PathLike) -> list[Decided]:
    try:
        text = Path(path).read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise UsageError(f"{os.fspath(path)} cannot be read: {error.strerror or error}") from error
    if text.lstrip().startswith("{") or not text.strip():
        lines = enumerate(text.splitlines(), 1)
        return [_of_json(line, f"{os.fspath(path)}, line {at}") for at, line in lines if line.strip()]
    found: dict[str, tuple[int, str, str, list[dict[str, str]]]] = {}
    for line, (number, kind, moment), row in read_table(path, ["id"], ["decision"], ["decided"]):
        found.setdefault(number, (line, kind, moment, []))[3].append(row)
    decided = []
    for line, kind, moment, rows in found.values():
        said: dict[str, Any] = {"decision": kind, "decided": moment}
        said |= {"folder": rows[0].get("uri")} if kind == KEEP_FOLDER else {"pictures": rows}
        decided.append(_of_values(said, f"{os.fspath(path)}, line {line}"))
    return decided


def _of_json(line: str, where: str) -> Decided:
    try:
        return _of_values(json.loads(line), where)
    except (ValueError, RecursionError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"{where} is no JSON: {error}") from error


def _of_values(said: Any, where: str) -> Decided:
    try:
        kind, moment = said["decision"], datetime.fromisoformat(said["decided"]).timestamp()
        if kind == KEEP_FOLDER:
            folder = said["folder"]
            if not isinstance(folder, str) or not folder:
                raise ValueError("no folder")
            os.fsencode(folder)  # no name has such letters as JSON can hold
            return Decided(0, kind, moment, folder=folder)
        contents = tuple(
            DecidedContent(_digest(one["sha256"]), str(one["uri"]), _digest(one.get("pixel_hash"), True))
            for one in said["pictures"]
        )
        for one in contents:
            os.fsencode(one.name)
        if kind not in (NOT_DUPLICATES, KEEP_ALL):
            raise ValueError(f"there is no decision {kind!r}")
        if len({one.hash for one in contents}) < max(len(contents), 2 if kind == NOT_DUPLICATES else 1):
            raise ValueError("too few pictures, or one twice")
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise UsageError(f"{where} is no decision as `lookalike decide export` writes them: {error}") from error
    return Decided(0, kind, moment, contents)


def _digest(text: Any, empty: bool = False) -> Any:
    if empty and not text:
        return None
    digest = bytes.fromhex(text)
    if len(digest) != 32:
        raise ValueError(f"a hash has 64 digits, not {len(text)}")
    return digest
