"""Keypoints of a gallery, 16 bytes each, in the order of their words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.index._quantiser import WORDS

__all__ = ["Entries"]


@dataclass(frozen=True)
class Entries:
    """Keypoints; those of word w are at ``offsets[w]:offsets[w + 1]``.

    Attributes
    ----------
    offsets
        (65,537,) int64.
    slots
        (n,) int32: to which picture each belongs.
    signatures
        (n,) uint64.
    shapes
        (n, 4) uint8: place, scale and angle, as `lookalike.index._votes.encoded` gives them.
    """

    offsets: NDArray[np.int64]
    slots: NDArray[np.int32]
    signatures: NDArray[np.uint64]
    shapes: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.slots)

    @classmethod
    def sorted(cls, parts: Sequence[tuple[NDArray[np.uint16], Entries]]) -> Entries:
        """Return entries of any order, given beside their words, as one; those of a word keep their order."""
        words = np.concatenate([np.empty(0, np.uint16), *(part for part, _ in parts)])
        order = np.argsort(words, kind="stable")
        counts = np.bincount(words, minlength=WORDS)
        return cls(
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            np.concatenate([np.empty(0, np.int32), *(e.slots for _, e in parts)])[order],
            np.concatenate([np.empty(0, np.uint64), *(e.signatures for _, e in parts)])[order],
            np.concatenate([np.empty((0, 4), np.uint8), *(e.shapes for _, e in parts)])[order],
        )

    def words(self) -> NDArray[np.uint16]:
        return np.repeat(np.arange(WORDS, dtype=np.uint16), np.diff(self.offsets))

    def without(self, kept: NDArray[np.bool_], slots: NDArray[np.int32]) -> Entries:
        """Return the entries of the kept slots, renumbered."""
        stay = kept[self.slots]
        offsets = np.concatenate([[0], np.cumsum(stay)])[self.offsets]
        return Entries(offsets, slots[self.slots[stay]], self.signatures[stay], self.shapes[stay])
