"""Verdicts of many pairs of a library: by several processes, each kept as soon as it is known."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from lookalike.descriptors.local import FINGERPRINT
from lookalike.duplicates.verify import Look, judge, looked_apart
from lookalike.results import Evidence
from lookalike.store import LocalCache, Store
from lookalike.verifying.kept import VerdictCache
from lookalike.verifying.looks import Entry, Looks, single_threaded, size_of
from lookalike.workers import Workers

__all__ = ["PairVerdicts", "pair_judge"]

MANY = 256
"""Pairs from which on worker processes are started to verify them: each takes about half a second to start."""

TOGETHER = 16
"""Pairs that are looked up, and that a worker is given, at a time."""

IN_WORKER = 64
"""Looks that a worker holds in memory."""

KEPT_TOGETHER = 256
"""Verdicts that are written together."""

Pairs: TypeAlias = Sequence[tuple[Entry, Entry]]

Answers: TypeAlias = Sequence[Evidence | None]


class PairVerdicts:
    """Verdicts of pairs of a library's pictures.

    Parameters
    ----------
    store, looks
        The library's.
    threads
        How many pairs are verified at a time; by as many worker processes where the pairs are many.
    """

    def __init__(self, store: Store, looks: Looks, threads: int) -> None:
        self._looks, self._threads = looks, threads
        self._kept = VerdictCache(store.folder, writable=store.writable)

    def close(self) -> None:
        """Close the cache of verdicts."""
        self._kept.close()

    def of(self, pairs: Sequence[tuple[Entry, Entry, float | None]]) -> Generator[Evidence | None, None, None]:
        """Yield what the first is to the second, pair by pair in order; None where either cannot be read.

        Parameters
        ----------
        pairs
            (a, b, lite0's distance or None), best with neighbouring pairs sharing pictures.
        """
        if self._threads > 1 and len(pairs) >= MANY and self._looks.kept:
            with Workers(self._threads, f"{__name__}:pair_judge", self._looks.folder) as workers:
                yield from self._of(pairs, lambda parcels: self._beside(parcels, workers))
        else:
            yield from self._of(pairs, self._here)

    def _of(
        self,
        pairs: Sequence[tuple[Entry, Entry, float | None]],
        verify: Callable[[Iterable[Pairs]], Iterator[Answers]],
    ) -> Iterator[Evidence | None]:
        taken: deque[dict[tuple[bytes, bytes], Evidence]] = deque()
        parts = [pairs[start : start + TOGETHER] for start in range(0, len(pairs), TOGETHER)]

        def lacking() -> Iterator[Pairs]:
            for part in parts:
                known = self._kept.get_many(_key(a, b) for a, b, _ in part)
                taken.append(known)
                yield [(a, b) for a, b, _ in part if _key(a, b) not in known]

        made: dict[tuple[bytes, bytes], Evidence] = {}
        try:
            for part, answers in zip(parts, verify(lacking()), strict=True):
                known = taken.popleft()
                asked = [key for a, b, _ in part if (key := _key(a, b)) not in known]
                new = {key: one for key, one in zip(asked, answers, strict=True) if one is not None}
                made |= new
                known |= new
                for a, b, distance in part:
                    evidence = known.get(_key(a, b))
                    if evidence is not None and evidence.verdict in ("related", "unrelated"):
                        verdict, reason = looked_apart(distance)
                        evidence = replace(evidence, verdict=verdict, reason=reason, reason_back=reason)
                    yield evidence
                if len(made) >= KEPT_TOGETHER:
                    self._kept.put_many(made)
                    made = {}
        finally:
            self._kept.put_many(made)

    def _beside(self, parcels: Iterable[Pairs], workers: Workers) -> Iterator[Answers]:
        """Yield what workers say of each parcel; they have the next ones while an answer is taken."""
        given: deque[Pairs] = deque()

        def jobs() -> Iterator[list[_Job]]:
            for parcel in parcels:
                given.append(parcel)
                yield [_Job.of(*pair) for pair in parcel]

        for answers in workers.map(jobs()):
            parcel = given.popleft()
            told = zip(parcel, answers or [_LACKING] * len(parcel), strict=True)
            yield [answer if not isinstance(answer, str) else next(self._here([[pair]]))[0] for pair, answer in told]

    def _here(self, parcels: Iterable[Pairs]) -> Iterator[Answers]:
        """Yield what is found in this process of each parcel; None for a pair of which either cannot be read."""

        def one(pair: tuple[Entry, Entry]) -> Evidence | None:
            a, b = pair
            look_a, look_b = seen.get(a.content.hash), seen.get(b.content.hash)
            if look_a is None or look_b is None:
                return None
            return judge(look_a, look_b, size_of(a.content), size_of(b.content))

        with single_threaded(), ThreadPoolExecutor(self._threads) as pool:
            for parcel in parcels:
                seen = self._looks.of(entry for pair in parcel for entry in pair)
                yield list(pool.map(one, parcel))


def _key(a: Entry, b: Entry) -> tuple[bytes, bytes]:
    return a.content.hash, b.content.hash


@dataclass(frozen=True)
class _Job:
    """A pair as a worker is told of it."""

    a: bytes
    b: bytes
    size_a: tuple[int, int]
    size_b: tuple[int, int]

    @classmethod
    def of(cls, a: Entry, b: Entry) -> _Job:
        return cls(a.content.hash, b.content.hash, size_of(a.content), size_of(b.content))


_LACKING = "lacking"
"""What a worker says of a pair of which the cache does not have both."""


def pair_judge(folder: Path) -> Callable[[Sequence[_Job]], list[Evidence | str]]:
    """Return what judges pairs by the cache of a library's folder, in a worker."""
    import cv2

    cv2.setNumThreads(1)
    cache = LocalCache(folder, FINGERPRINT)
    held: OrderedDict[bytes, Look] = OrderedDict()

    def judge_all(jobs: Sequence[_Job]) -> list[Evidence | str]:
        wanted = dict.fromkeys(digest for job in jobs for digest in (job.a, job.b))
        found = cache.get_many([digest for digest in wanted if digest not in held])
        held.update((digest, Look(picture, features)) for digest, (features, picture) in found.items())
        for digest in wanted:
            if digest in held:
                held.move_to_end(digest)
        answers: list[Evidence | str] = [
            judge(held[job.a], held[job.b], job.size_a, job.size_b) if job.a in held and job.b in held else _LACKING
            for job in jobs
        ]
        while len(held) > IN_WORKER:
            held.popitem(last=False)
        return answers

    return judge_all
