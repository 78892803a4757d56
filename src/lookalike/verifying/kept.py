"""Verdicts of pairs, kept so that a long comparison goes on where it was stopped, and is not made twice."""

from __future__ import annotations

import dataclasses
import json
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from lookalike.duplicates.verify import fingerprint, looked_apart
from lookalike.results import Evidence
from lookalike.store import CacheFile

__all__ = ["VerdictCache"]

Pair: TypeAlias = tuple[bytes, bytes]
"""The SHA-256 of two contents."""

_POINTS = ("points_a", "points_b")


class VerdictCache:
    """What the first content of a pair is to the second, by the hashes of both; in either order.

    Parameters
    ----------
    folder
        The library's, NAME.lookalike.
    writable
        False keeps and finds nothing, as does a folder that cannot be written to.

    Notes
    -----
    A new version of what gives the verdicts begins a new file: `lookalike.duplicates.verify.fingerprint`.
    """

    def __init__(self, folder: Path, *, writable: bool = True) -> None:
        self._file = CacheFile(folder, fingerprint(), "verdicts", writable=writable)

    def get_many(self, pairs: Iterable[Pair]) -> dict[Pair, Evidence]:
        """Return what is kept of each pair, of which anything is.

        Returns
        -------
        dict
            What a is to b, as it was put; points to a quarter of a pixel. Of two pictures that are no copies and no
            shots of one scene there is only that, as "unrelated".
        """
        keys = {pair: min(pair) + max(pair) for pair in pairs}
        bodies = self._file.read(keys.values())
        found = {}
        for pair, key in keys.items():
            if key in bodies:
                evidence = _unpack(bodies[key])
                found[pair] = evidence if pair[0] <= pair[1] else evidence.turned()
        return found

    def put_many(self, kept: Mapping[Pair, Evidence]) -> bool:
        """Keep evidence by pair, all of it in one transaction; False if it could not be kept: see `CacheFile.write`."""
        return self._file.write({
            min(pair) + max(pair): _pack(evidence if pair[0] <= pair[1] else evidence.turned())
            for pair, evidence in kept.items()
        })  # fmt: skip

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _pack(evidence: Evidence) -> bytes:
    if evidence.verdict in ("related", "unrelated"):
        verdict, reason = looked_apart(None)
        evidence = Evidence(verdict, evidence.probability, reason, evidence.scene_probability, reason_back=reason)
    held = dict(vars(evidence))
    points = np.stack([held.pop(name) for name in _POINTS])
    held["transform"] = None if evidence.transform is None else evidence.transform.ravel().tolist()
    plain = {field.name: field.default for field in dataclasses.fields(Evidence)}
    text = json.dumps({name: value for name, value in held.items() if value != plain[name]}).encode()
    rows = np.clip(np.rint(4 * points), 0, 65535).astype("<u2").tobytes()
    return len(text).to_bytes(4, "little") + zlib.compress(text + rows, 1)


def _unpack(body: bytes) -> Evidence:
    length, rest = int.from_bytes(body[:4], "little"), zlib.decompress(body[4:])
    held: dict[str, Any] = json.loads(rest[:length])
    points = np.frombuffer(rest[length:], "<u2").reshape(2, -1, 2).astype(np.float64) / 4
    held["transform"] = None if held.get("transform") is None else np.array(held["transform"]).reshape(3, 3)
    held["edits"] = tuple(held.get("edits", ()))
    return Evidence(**held, points_a=points[0], points_b=points[1])
