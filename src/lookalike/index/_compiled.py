"""Inner loops of the word index, compiled: see `lookalike.compiled`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.compiled import compiled

__all__ = ["agreeing", "close"]


@compiled
def close(
    held: NDArray[np.uint64],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    asked: NDArray[np.uint64],
    most: int,
    lists: NDArray[np.int64],
    entries: NDArray[np.int64],
    differing: NDArray[np.uint8],
) -> int:
    """Find the entries of lists that differ from what is asked of each list by few bits.

    Parameters
    ----------
    held
        (n,): the bits of all entries.
    starts, lengths
        (m,): where each list begins, and how long it is.
    asked
        (m,): the bits asked of each list.
    most
        Bits by which an entry may differ.
    lists, entries, differing
        What is found goes here as far as there is room: which list, which entry, by how many bits; in order.

    Returns
    -------
    int
        How many there are.
    """
    room = len(lists)
    found = 0
    for at in range(len(starts)):
        bits = asked[at]
        for entry in range(starts[at], starts[at] + lengths[at]):
            count = held[entry] ^ bits
            count -= (count >> np.uint64(1)) & np.uint64(0x5555555555555555)
            count = (count & np.uint64(0x3333333333333333)) + ((count >> np.uint64(2)) & np.uint64(0x3333333333333333))
            count = (count + (count >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
            count = (count * np.uint64(0x0101010101010101)) >> np.uint64(56)
            if count <= np.uint64(most):
                if found < room:
                    lists[found] = at
                    entries[found] = entry
                    differing[found] = count
                found += 1
    return found


@compiled
def agreeing(
    table: NDArray[np.float32],
    place: np.float32,
    drift: np.float32,
    aligned: np.float32,
    like: np.float32,
    found: NDArray[np.bool_],
) -> None:
    """Fill in which match supports which: see `lookalike.index._votes.agreeing`, operation by operation."""
    one = np.float32(1)
    for group in range(table.shape[1]):
        x, y, u, v = table[1, group], table[2, group], table[3, group], table[4, group]
        a, b = table[5, group], table[6, group]
        for i in range(table.shape[2]):
            mine = a[i] * a[i] + b[i] * b[i]
            for j in range(table.shape[2]):
                other = a[j] * a[j] + b[j] * b[j]
                dx, dy = x[j] - x[i], y[j] - y[i]
                off_u = (u[i] - u[j]) + a[i] * dx - b[i] * dy
                off_v = (v[i] - v[j]) + b[i] * dx + a[i] * dy
                allowed = place * max(mine, one) + drift * mine * (dx * dx + dy * dy)
                along = a[i] * a[j] + b[i] * b[j]
                found[group, i, j] = (
                    (off_u * off_u + off_v * off_v <= allowed)
                    & (along >= aligned * np.sqrt(mine * other))
                    & (mine <= like * other)
                    & (other <= like * mine)
                )
