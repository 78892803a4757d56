"""What was indexed, what was pruned, and what a library holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from lookalike.types import Rows, Tabular, Uri

__all__ = ["IndexReport", "PruneReport", "Status"]


@dataclass(frozen=True)
class IndexReport(Tabular):
    """What one run of `Library.add` did, or has done so far.

    Attributes
    ----------
    found
        The sum of added, changed, unchanged, failed and skipped.
    seconds
        Since it began.
    read, embedded
        Files whose bytes were read, and contents that got a new vector.
    missing
        Pictures of the whole library whose files are gone.
    interrupted
        Ended by Ctrl-C.
    total
        How many there will be, once the listing that runs ahead has ended; None before.
    """

    found: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    read: int = 0
    embedded: int = 0
    missing: int = 0
    interrupted: bool = False
    total: int | None = None

    def rows(self) -> Rows:
        values = asdict(self)
        del values["total"]
        return Rows(tuple(values), [tuple(values.values())], single=True)


@dataclass(frozen=True)
class PruneReport(Tabular):
    """What `Library.prune` removed (or would remove): rows of files that are gone, by URI."""

    uris: tuple[Uri, ...]
    offline: tuple[Uri, ...]
    removed: bool

    def rows(self) -> Rows:
        values = [(uri, "gone") for uri in self.uris] + [(uri, "offline") for uri in self.offline]
        return Rows(("uri", "state"), values)


@dataclass(frozen=True)
class Status(Tabular):
    """What a library holds. `bytes` are those of the indexed files, `library_bytes` those of the library on disk."""

    indexed: int
    failed: int
    skipped: int
    bytes: int
    roots: tuple[str, ...]
    descriptors: tuple[tuple[str, int], ...]
    missing: int
    contents: int
    library: str
    library_bytes: int
    version: int
    probability: float

    def rows(self) -> Rows:
        values = asdict(self)
        values["roots"] = list(self.roots)
        values["descriptors"] = dict(self.descriptors)
        return Rows(tuple(values), [tuple(values.values())], single=True)
