"""The approximate index of a library's descriptor as a cache file: when it may be used, and how it is kept up to date.

A file is named after the history that it knows. It serves as long as that history is part of the library's own: what
has come since is added, what has gone is removed. After a backup was put back it may not be, and is made again.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from lookalike.errors import LibraryFormatError
from lookalike.index import ApproximateIndex, ExactIndex
from lookalike.store import Store
from lookalike.types import DescriptorSpec

__all__ = ["load_approximate", "refresh_approximate"]


def load_approximate(store: Store, exact: ExactIndex, spec: DescriptorSpec) -> ApproximateIndex | None:
    """Return the approximate index over the vectors of `exact`, or None if there is none to be trusted."""
    for path in sorted(_folder(store, spec).glob("*.approximate"), reverse=True):
        if store.continues(path.stem):
            with contextlib.suppress(LibraryFormatError, OSError):
                return ApproximateIndex.load(path, exact, _token(spec, path.stem))
    return None


def refresh_approximate(store: Store, exact: ExactIndex, spec: DescriptorSpec) -> None:
    """Write the approximate index over the vectors of `exact`, made from the last one or anew.

    A folder that cannot be written to only costs speed.
    """
    index = load_approximate(store, exact, spec) or ApproximateIndex.build(exact)
    folder, history = _folder(store, spec), store.history()
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        index.save(folder / f"{history}.approximate", _token(spec, history))
        for other in folder.glob("*.approximate"):
            if other.stem != history:
                other.unlink()


def _folder(store: Store, spec: DescriptorSpec) -> Path:
    return store.folder / "cache" / spec.fingerprint


def _token(spec: DescriptorSpec, history: str) -> str:
    return f"{spec.fingerprint} {history}"
