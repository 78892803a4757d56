"""A library of pictures: the only place where the rooms are joined."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from lookalike.answering import Asking, Region, answer
from lookalike.comparing import compare_by
from lookalike.decisions import Decisions
from lookalike.decode import decode
from lookalike.defaults import (
    DESCRIPTOR,
    DESCRIPTORS,
    DEVICE,
    ISOLATED,
    KEEP_RULES,
    LEVEL,
    LEVELS,
    MAX_PIXELS,
    PARTS,
    SEED,
    SPLIT_LEVEL,
    VOTES,
    K,
)
from lookalike.descriptors import get_descriptor
from lookalike.duplicates import Found, check_keep, check_level, needed_descriptors
from lookalike.errors import ImageError
from lookalike.filling import Filling, fill
from lookalike.filters import Filters
from lookalike.holdings import Holdings
from lookalike.isolation import decoding_elsewhere
from lookalike.labels import read_labels
from lookalike.nearness import check_near, near_pairs
from lookalike.pairing import least_probability, pair_up, set_least_probability
from lookalike.pruning import prune
from lookalike.results import (
    Comparison,
    DuplicateReport,
    Gallery,
    IndexReport,
    NearPairs,
    PruneReport,
    SearchResult,
    Status,
)
from lookalike.searching import QueryLike, expand, read_query
from lookalike.sources import PathLike, several, uris_of
from lookalike.splitting import Split, bound, read_split, split
from lookalike.store import Image, Store, refresh_scalers
from lookalike.types import RGBImage, Rows, Uri, Vectors

__all__ = ["Library", "PathLike", "default_path", "open_library"]

ENVIRONMENT = "LOOKALIKE_LIBRARY"


def default_path() -> Path:
    """Return where the library lies unless told otherwise: $LOOKALIKE_LIBRARY, or in the user's data directory."""
    if chosen := os.environ.get(ENVIRONMENT):
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_data_dir("lookalike", appauthor=False)) / "default.lookalike"


def open_library(path: str | os.PathLike[str] | None = None, *, create: bool = True) -> Library:
    """Open a library.

    Parameters
    ----------
    path
        Its folder, by custom NAME.lookalike; None for `default_path`.
    create
        Make an empty one if there is none.

    Raises
    ------
    LibraryNotFoundError
        If there is none and `create` is False.
    LibraryFormatError
        If it is no library, or of a newer version.

    Examples
    --------
    >>> import lookalike
    >>> with lookalike.open("holiday.lookalike") as library:  # doctest: +SKIP
    ...     library.add("photos/")
    ...     library.search("photos/beach.jpg", k=5)
    """
    return Library(Store(default_path() if path is None else Path(path), create=create))


class Library:
    """An open library. Use it as a context manager, or call `close`.

    Reading is safe from several threads and processes, also while another process writes.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._holdings = Holdings(store)

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.store.folder

    def close(self) -> None:
        """Close it; nothing is lost by not doing so."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Library {self.path}>"

    # ------------------------------------------------------------------------------------------------ filling

    def add(
        self,
        paths: PathLike | Iterable[PathLike],
        *,
        descriptors: Sequence[str] = DESCRIPTORS,
        recursive: bool = True,
        hidden: bool = False,
        follow_links: bool = False,
        max_pixels: int = MAX_PIXELS,
        device: str = DEVICE,
        threads: int | None = None,
        retry: bool = False,
        isolated: bool = ISOLATED,
        allow_private_urls: bool = False,
        progress: Callable[[IndexReport], None] | None = None,
    ) -> IndexReport:
        """Index files, folders and URLs; what has not changed is not read again.

        Parameters
        ----------
        paths
            Files, folders or http(s) URLs.
        descriptors
            Names: see `lookalike.descriptors.available`. Pictures already indexed get the vectors they lack.
        recursive
            Descend into folders inside folders.
        hidden
            Take files and folders whose names begin with a dot, too.
        follow_links
            Follow symbolic links; each real file is taken once.
        max_pixels
            Larger pictures fail.
        device
            Where models run: see `lookalike.descriptors.get_descriptor`.
        threads
            None for one per core.
        retry
            Try again what failed before, though it has not changed.
        isolated
            Decode in processes of their own, one for each thread, so that a codec that crashes, spins or takes all
            memory costs one file. False decodes in this one: for programs that cannot start another Python.
        allow_private_urls
            Let URLs lead to addresses that are not public.
        progress
            Called with the counts so far.

        Returns
        -------
        IndexReport
            One bad picture never stops it: see `problems`.

        Raises
        ------
        LibraryLockedError
            If another process writes to this library.
        UsageError
            For an unknown descriptor or device.
        """
        filling = Filling(
            descriptors, recursive, hidden, follow_links, max_pixels, device, threads, retry, isolated,
            allow_private_urls,
        )  # fmt: skip
        return fill(self.store, self._holdings, several(paths), filling, progress=progress)

    def prune(self, *, dry_run: bool = False) -> PruneReport:
        """Remove the rows of files that are gone. Files are never touched.

        A file counts as gone only if the folder that was indexed (for a file indexed by its own name, the folder
        that it was in) is there and is not empty; else it is offline and its rows stay. What described earlier bytes
        of files that have changed goes, too, and so do URLs that could not be fetched.

        Parameters
        ----------
        dry_run
            Only say what would be removed.
        """
        report = prune(self.store, dry_run=dry_run)
        if report.removed:
            with self.store.writing():
                refresh_scalers(self.store)
        return report

    # ------------------------------------------------------------------------------------------------ asking

    def search(
        self,
        queries: QueryLike | Iterable[QueryLike],
        k: int = K,
        *,
        descriptor: str = DESCRIPTOR,
        threshold: float | None = None,
        verify: bool = False,
        only: Filters | None = None,
        together: bool = False,
        region: Region | None = None,
        clusters: str | None = None,
        votes: int = VOTES,
        max_pixels: int = MAX_PIXELS,
        device: str = DEVICE,
        allow_private_urls: bool = False,
        progress: Callable[[int, int | None], None] | None = None,
        preparing: Callable[[int, int], None] | None = None,
    ) -> SearchResult:
        """Return the k most similar pictures of each query, closest first.

        A query that is itself in the library does not return itself; its copies under other names do.

        Parameters
        ----------
        queries
            One or several of: a file, a folder of files, a URL, the bytes of a file, an array (height, width, 3)
            uint8, a Pillow image.
        k
            At least 1. May exceed the number of pictures.
        descriptor
            By which to compare.
        threshold
            Largest accepted distance; None for any.
        verify
            Hold each query against its nearest pictures, those near by hash in any orientation, and those that share
            local features with it; tell what it is to each, and order by the probability that they are duplicates, then
            by distance. A copy is so found though its distance is large.
        only
            Search among some pictures only: see `lookalike.Filters`.
        together
            Ask one question with all queries: by the mean of their vectors. None of them is in the answer.
        region
            Search for a part of each query only: left, top, width, height as shares of the picture's sides.
        clusters
            Also tell the cluster of each query, and find the k nearest within it: a CSV file as `lookalike cluster`
            writes it, or another way to tell labels, see `lookalike.labels.read_labels`. None for no clusters.
        votes
            Neighbours with a cluster whose majority tells the query's, at least 1; a tie goes to the nearer.
        max_pixels, device, allow_private_urls
            As in `add`.
        progress
            Called now and then with how many queries of how many (None where that is unknown) are answered.
        preparing
            Called, before the first verified search after pictures were added, with how many of how many have their
            local features worked out.

        Returns
        -------
        SearchResult
            Padded with key -1 and distance +inf. A query that cannot be read keeps its place and is named in
            ``failed``.

        Raises
        ------
        FingerprintError
            If the library has no vectors of this descriptor, or of another version of it.
        UsageError
            If k or `votes` is below 1, `threshold` is negative, a query is of no known kind, `clusters` gives no
            picture a cluster, `region` is not within the picture, or two settings exclude each other.

        Notes
        -----
        Exact up to `lookalike.index.APPROXIMATE_FROM` vectors. Ties: the picture indexed first.
        """
        asking = Asking(
            k, descriptor, threshold, verify, only, together, region, clusters, votes, max_pixels, device,
            allow_private_urls,
        )  # fmt: skip
        return answer(self.store, self._holdings, queries, asking, progress=progress, preparing=preparing)

    def compare(
        self,
        a: QueryLike,
        b: QueryLike,
        *,
        descriptors: Sequence[str] = DESCRIPTORS,
        max_pixels: int = MAX_PIXELS,
        device: str = DEVICE,
        allow_private_urls: bool = False,
    ) -> Comparison:
        """Hold two pictures against each other: see `lookalike.compare`.

        The library's contents play no part, but for descriptors that are standardised on its pictures: by these the
        distance is the one that `search` would print.

        Raises
        ------
        FingerprintError
            If a descriptor is standardised and the library has no vectors of it.
        """
        return compare_by(a, b, descriptors, max_pixels, device, allow_private_urls, self._holdings.scaler)

    def duplicates(
        self,
        paths: PathLike | Iterable[PathLike] = (),
        *,
        level: str = LEVEL,
        against: PathLike | Iterable[PathLike] = (),
        reference: PathLike | Iterable[PathLike] = (),
        keep: Sequence[str] = KEEP_RULES,
        probability: float | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> DuplicateReport:
        """Find groups of duplicates, each member held against the group's keeper.

        Parameters
        ----------
        paths
            Only pictures at or under these; none for the whole library.
        level
            The weakest verdict to report: "same-file", "same-pixels", "same-picture", "edited" or "same-scene". The
            first two are proven by bytes and pixels, the others verified by local features, geometry and aligned
            pixels, with a probability: docs/explanation/duplicates.md.
        against
            Hold `paths` against these, and only against these: each pair has one picture at or under `against`, which
            is the keeper, and one that is not.
        reference
            Pictures at or under these are always keepers. They are looked at beside those of `paths`; two of them are
            no pair.
        keep
            By which rules to choose the picture to keep, the first ones first: of `lookalike.defaults.KEEP_RULES`,
            "newest", or "folder:PATH" for what lies at or under PATH. Rules that are not named come after those that
            are.
        probability
            Least probability of what is called "same-picture" or "edited", 0.5 to 1: what is less sure is "same-scene"
            at best. None for the library's own, see `probability`.
        progress
            Called now and then with how many pictures of how many are done.

        Returns
        -------
        DuplicateReport
            Groups in the order of their strongest verdict, then of their size.

        Raises
        ------
        UsageError
            For an unknown level or rule, or where nothing is indexed at or under a path.
        FingerprintError
            If the level needs vectors that the library does not have.
        """
        started = time.perf_counter()
        verdict, rules = check_level(level), check_keep([keep] if isinstance(keep, str) else keep)
        images, found = pair_up(
            self.store, self._holdings, paths, verdict, against=against, reference=reference, keep=rules,
            probability=probability, offered=True, progress=progress,
        )  # fmt: skip
        return DuplicateReport(found.groups, verdict, len(images), time.perf_counter() - started, found.left_out)

    @property
    def decisions(self) -> Decisions:
        """What was decided of its pictures for good: see `lookalike.decisions.Decisions`."""
        return Decisions(self.store)

    def pairs(
        self,
        paths: PathLike | Iterable[PathLike] = (),
        *,
        level: str = SPLIT_LEVEL,
        probability: float | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> tuple[list[Image], Found]:
        """Return pictures and all pairs of their contents that are copies, ungrouped: for tasks that need each pair.

        Parameters
        ----------
        paths, level, probability, progress
            As in `duplicates`.

        Returns
        -------
        tuple
            The pictures at or under `paths`, in the order of names; and the pairs, see `lookalike.duplicates.Found`:
            decided "not duplicates" are none, while copies that shall all be kept are.

        Raises
        ------
        UsageError
            As in `duplicates`.
        FingerprintError
            If the level needs vectors that the library does not have.
        """
        return pair_up(
            self.store, self._holdings, paths, check_level(level), probability=probability, progress=progress
        )

    def near_pairs(
        self,
        paths: PathLike | Iterable[PathLike] = (),
        *,
        thresholds: Mapping[str, float],
        device: str = DEVICE,
        progress: Callable[[IndexReport], None] | None = None,
        comparing: Callable[[int, int], None] | None = None,
    ) -> NearPairs:
        """Return all pairs of pictures within a distance of each other: a quick look, of which nothing is verified.

        Parameters
        ----------
        paths
            Files and folders: what of them is not indexed yet is indexed first. None for the whole library.
        thresholds
            Largest accepted distance by descriptor. A pair by any of them is one. By "pdq" pictures are held against
            each other in 8 orientations, at most 60 bits apart, and those too plain for a hash are in no pair by it.
        device, progress
            As in `add`.
        comparing
            Called with the pictures done and their number.

        Raises
        ------
        FingerprintError
            If the library has no vectors of one of the descriptors.
        UsageError
            For a threshold out of range, more than a million pairs, or if nothing is indexed at or under a path.

        Notes
        -----
        Exact: O(n^2 * dim) by numbers, about O(n) by bits. See `duplicates` for what kind of copies they are.
        """
        checked, paths = check_near(thresholds), several(paths)
        if paths:
            self.add(paths, descriptors=list(checked), device=device, progress=progress)
        return near_pairs(self.store, self._holdings, uris_of(paths), checked, comparing)

    def split(
        self,
        paths: PathLike | Iterable[PathLike] = (),
        *,
        labels: str | None = None,
        groups: str | None = None,
        parts: str = PARTS,
        folds: int | None = None,
        level: str | None = SPLIT_LEVEL,
        seed: int = SEED,
        keep: Split | PathLike | None = None,
        device: str = DEVICE,
        progress: Callable[[IndexReport], None] | None = None,
        comparing: Callable[[int, int], None] | None = None,
    ) -> Split:
        """Divide pictures into training, validation and test, or into folds; copies are never on two sides.

        Parameters
        ----------
        paths
            Files and folders: what of them is not indexed yet is indexed first. None for the whole library.
        labels
            How to tell the labels that each part is to have in equal shares: see `lookalike.labels.read_labels`; None
            for no labels.
        groups
            How to tell pictures that are known to belong together (of one patient, of one film), in the same words;
            None if nothing is known.
        parts, folds, seed
            See `lookalike.splitting.split`.
        keep
            An earlier split, or the CSV file of one, whose pictures stay where they are.
        level
            The weakest verdict of `duplicates` that keeps two pictures together; None for equal bytes alone. So are
            pictures that a chain of such pairs joins, though the ends may differ.
        device, progress
            As in `add`.
        comparing
            As `progress` in `duplicates`.

        Raises
        ------
        UsageError
            If there is no usable picture at or under one of `paths`, or for unknown parts, level or labels.
        FingerprintError
            If the level needs vectors that the library does not have.
        """
        verdict = check_level(LEVELS[0] if level is None else level)
        paths = several(paths)
        if paths:
            self.add(paths, descriptors=needed_descriptors(verdict) or DESCRIPTORS, device=device, progress=progress)
        images, found = pair_up(self.store, self._holdings, paths, verdict, progress=comparing)
        uris = [image.uri for image in images]
        together = bound(
            [image.content_id for image in images],
            [(pair.a, pair.b) for pair in found.pairs],
            () if groups is None else read_labels(groups, uris),
        )
        made = split(
            uris,
            () if labels is None else read_labels(labels, uris),
            together,
            parts=parts,
            folds=folds,
            seed=seed,
            keep=keep if keep is None or isinstance(keep, Split) else read_split(keep),
        )
        return replace(made, left_out=found.left_out)

    # ------------------------------------------------------------------------------------------------ looking in

    @property
    def probability(self) -> float:
        """Least probability of what this library's `duplicates` calls a copy: 0.5, or what was set.

        `lookalike evaluate copies` tells from which on so few are wrong as is wished. It can be set, 0.5 to 1; to None
        for 0.5 again.
        """
        return least_probability(self.store)

    @probability.setter
    def probability(self, value: float | None) -> None:
        set_least_probability(self.store, value)

    def status(self) -> Status:
        """Return what the library holds."""
        counts = self.store.counts()
        vectors = self.store.vector_counts()
        names = tuple((spec.name, vectors.get(id_, 0)) for id_, spec in self.store.descriptors().items())
        on_disk = 0
        for path in self.path.rglob("*"):
            with contextlib.suppress(OSError):  # a writer removes temporary files
                on_disk += path.stat().st_size if path.is_file() else 0
        return Status(
            counts["ok"], counts["failed"], counts["skipped"], counts["bytes"], tuple(self.store.roots()), names,
            counts["missing"], counts["contents"], str(self.path), on_disk, self.store.version, self.probability,
        )  # fmt: skip

    def problems(self) -> Rows:
        """Return (uri, error, reason) of everything that failed or was skipped, in the order of names."""
        return Rows(("uri", "error", "reason"), [(uri, kind, reason) for uri, _, kind, reason in self.store.problems()])

    def load(self, query: QueryLike, *, min_side: int = 512, allow_private_urls: bool = False) -> RGBImage | None:
        """Return a picture upright, its shorter side at `min_side` or more where it has as many; None if unreadable."""
        try:
            one = next(expand(query))
            if one.pixels is not None:
                return one.pixels
            own = self.store.own_files()
            data = read_query(one, allow_private=allow_private_urls, exclude_ids=own) or b""
            with decoding_elsewhere():
                return decode(data, min_side=min_side).pixels
        except (ImageError, StopIteration):
            return None

    def vectors(self, descriptor: str = DESCRIPTOR, *, raw: bool = False) -> tuple[list[Uri], Vectors]:
        """Return the names of all pictures and their vectors, row by row, in the order of names.

        Parameters
        ----------
        descriptor
            Of the vectors.
        raw
            As the descriptor makes them, even if they are to be standardised.

        Returns
        -------
        tuple
            n URIs; (n, width) float32, or packed bits (n, dim // 8) uint8 for "hamming". Cosine vectors have been
            rounded to float16 on the way. Those of a descriptor that is standardised on its library are so, unless
            `raw`.

        Raises
        ------
        FingerprintError
            If there are none of this descriptor.
        """
        return self._holdings.vectors(get_descriptor(descriptor).spec, raw=raw)

    def gallery(
        self,
        paths: PathLike | Iterable[PathLike] = (),
        *,
        descriptor: str = DESCRIPTOR,
        labels: str | None = None,
        raw: bool = False,
        device: str = DEVICE,
        progress: Callable[[IndexReport], None] | None = None,
    ) -> Gallery:
        """Return pictures with their vectors, to cluster, classify, evaluate or take along.

        Parameters
        ----------
        paths
            Files and folders: what of them is not indexed yet is indexed first. None for the whole library.
        descriptor
            Of the vectors.
        labels
            How to tell labels: see `lookalike.labels.read_labels`; None for no labels.
        raw
            See `vectors`: a classifier that is to be used without this library must be fitted on such.
        device, progress
            As in `add`.

        Returns
        -------
        Gallery
            In the order of names. It is held in memory: 4 bytes x the descriptor's length for each picture.

        Raises
        ------
        FingerprintError
            If the library has no vectors of this descriptor.
        UsageError
            If there is no usable picture at or under one of `paths`, or no picture gets a label.
        """
        paths = several(paths)
        if paths:
            self.add(paths, descriptors=[descriptor], device=device, progress=progress)
        return self._holdings.gallery(get_descriptor(descriptor, device).spec, uris_of(paths), labels=labels, raw=raw)
