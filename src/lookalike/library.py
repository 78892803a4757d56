"""A library of pictures: the only place where the rooms are joined."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

import numpy as np

from lookalike.approximation import load_approximate, refresh_approximate
from lookalike.comparing import compare
from lookalike.decode import decode
from lookalike.defaults import DESCRIPTOR, DESCRIPTORS, DEVICE, LEVEL, MAX_PIXELS, K
from lookalike.descriptors import get_descriptor
from lookalike.duplicates import Picture, check_level, find_duplicates, needed_descriptors
from lookalike.errors import FingerprintError, ImageError, LibraryError, UsageError
from lookalike.index import ExactIndex, choose
from lookalike.indexing import Ahead, available_cores, index
from lookalike.labels import read_labels
from lookalike.pruning import mark_missing, prune
from lookalike.results import Comparison, DuplicateReport, Gallery, IndexReport, PruneReport, SearchResult, Status
from lookalike.searching import QueryLike, expand, nearest, read_query, vectors_of
from lookalike.sources import collect, normalise_uri, read_bytes
from lookalike.store import Block, Image, Store, VectorMatrix
from lookalike.types import DescriptorSpec, RGBImage, Rows, Uri, VectorIndex, Vectors

__all__ = ["Library", "default_path", "open_library"]

PathLike: TypeAlias = str | os.PathLike[str]
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
        self._matrices: dict[int, VectorMatrix] = {}

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
        paths = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
        names = list(dict.fromkeys(descriptors))
        if not names:
            raise UsageError("name at least one descriptor")
        loaded = [get_descriptor(name, device) for name in names]
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.store.writing())
            list_files = partial(
                collect,
                paths,
                recursive=recursive,
                hidden=hidden,
                follow_links=follow_links,
                exclude_ids=self.store.own_files(),
                exclude_dirs=[self.path],
                allow_private=allow_private_urls,
            )
            ahead = stack.enter_context(Ahead(list_files()))
            source = list_files()
            run = self.store.start_run(source.roots)
            report = index(
                self.store,
                source,
                loaded,
                run=run,
                max_pixels=max_pixels,
                threads=threads or available_cores(),
                retry=retry,
                progress=None if progress is None else lambda report: progress(replace(report, total=ahead.total)),
            )
            if not report.interrupted:
                for root in source.roots:
                    if root not in source.incomplete_roots:
                        mark_missing(self.store, root, run)
            if not report.interrupted and (report.added or report.changed or report.embedded):
                self._refresh_approximate(descriptor.spec for descriptor in loaded)
        return replace(report, missing=self.store.counts()["missing"])

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
        return prune(self.store, dry_run=dry_run)

    # ------------------------------------------------------------------------------------------------ asking

    def search(
        self,
        queries: QueryLike | Iterable[QueryLike],
        k: int = K,
        *,
        descriptor: str = DESCRIPTOR,
        threshold: float | None = None,
        max_pixels: int = MAX_PIXELS,
        device: str = DEVICE,
        allow_private_urls: bool = False,
        progress: Callable[[int, int | None], None] | None = None,
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
        max_pixels, device, allow_private_urls
            As in `add`.
        progress
            Called now and then with how many queries of how many (None where that is unknown) are answered.

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
            If k < 1, `threshold` is negative, or a query is of no known kind.

        Notes
        -----
        Exact up to `lookalike.index.APPROXIMATE_FROM` vectors. Ties: the picture indexed first.
        """
        started = time.perf_counter()
        if k < 1:
            raise UsageError(f"k must be at least 1, not {k}")
        if threshold is not None and not threshold >= 0:
            raise UsageError(f"a threshold is a distance of 0 or more, not {threshold}")
        embedder = get_descriptor(descriptor, device)
        # Nothing was ever indexed: an empty answer, like that of a library whose pictures are all gone.
        descriptor_id = self._held(embedder.spec) if self.store.descriptors() else 0
        asked = vectors_of(
            expand(queries),
            self.store,
            embedder,
            descriptor_id,
            max_pixels=max_pixels,
            threads=available_cores(),
            allow_private=allow_private_urls,
        )
        index_ = self._index(descriptor_id, embedder.spec)
        total = sum(1 for _ in expand(queries)) if progress and not isinstance(queries, Iterator) else None
        names: list[str] = []
        failed: list[tuple[str, str]] = []
        found: list[list[tuple[Image, float]]] = []
        for batch in asked:
            answered = [query for query in batch if query.vector is not None]
            rows = np.array([query.vector for query in answered], embedder.spec.storage)
            rows = rows.reshape(len(answered), embedder.spec.width)
            hits = iter(nearest(self.store, index_, rows, [query.own for query in answered], k))
            for query in batch:
                names.append(query.name)
                found.append(next(hits) if query.vector is not None else [])
                if query.problem:
                    failed.append((query.name, query.problem))
            if progress:
                progress(len(names), total)
        if threshold is not None:
            found = [[hit for hit in near if hit[1] <= threshold] for near in found]
        keys = np.full((len(names), k), -1, np.int64)
        distances = np.full((len(names), k), np.inf, np.float32)
        for row, near in enumerate(found):
            keys[row, : len(near)] = [image.id for image, _ in near]
            distances[row, : len(near)] = [distance for _, distance in near]
        uris = tuple((*(image.uri for image, _ in near), *[None] * (k - len(near))) for near in found)
        seconds = time.perf_counter() - started
        return SearchResult(tuple(names), keys, distances, uris, descriptor, tuple(failed), seconds)

    def compare(
        self,
        a: QueryLike,
        b: QueryLike,
        *,
        descriptors: Sequence[str] = (),
        max_pixels: int = MAX_PIXELS,
        device: str = DEVICE,
        allow_private_urls: bool = False,
    ) -> Comparison:
        """Hold two pictures against each other: see `lookalike.compare`. The library's contents play no part."""
        return compare(
            a, b, descriptors=descriptors, max_pixels=max_pixels, device=device, allow_private_urls=allow_private_urls
        )

    def duplicates(
        self,
        paths: PathLike | Iterable[PathLike] = (),
        *,
        level: str = LEVEL,
        progress: Callable[[int, int], None] | None = None,
    ) -> DuplicateReport:
        """Find groups of duplicates, each member held against the group's keeper.

        Parameters
        ----------
        paths
            Only pictures at or under these; none for the whole library.
        level
            The weakest verdict to report: "same-file", "same-pixels", "same-picture", "edited" or "same-scene". The
            first two are proven by bytes and pixels; the others are what descriptors suggest (see
            `lookalike.duplicates`), and have no probability.
        progress
            Called now and then with how many pictures of how many are done.

        Returns
        -------
        DuplicateReport
            Groups in the order of their strongest verdict, then of their size.

        Raises
        ------
        UsageError
            For an unknown level.
        FingerprintError
            If the level needs vectors that the library does not have.
        """
        started = time.perf_counter()
        verdict = check_level(level)
        paths = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
        under = [normalise_uri(os.fspath(path)) for path in paths]
        images: dict[int, list[Image]] = {}
        for image in dict.fromkeys(self.store.images(under)):
            images.setdefault(image.content_id, []).append(image)
        for path in under:
            if next(self.store.images([path]), None) is None:
                raise UsageError(f"nothing is indexed at or under {path}: `lookalike index {path}` first")
        contents = self.store.contents(list(images))
        pictures = [Picture(contents[id_], tuple(images[id_])) for id_ in images if id_ in contents]
        vectors = {}
        for name in needed_descriptors(verdict):
            spec = get_descriptor(name).spec
            vectors[name] = self._blocks(self._held(spec), spec, None if not under else set(images))
        found = find_duplicates(
            pictures,
            verdict,
            vectors,
            read=read_bytes,
            progress=lambda part: progress(round(part * len(pictures)), len(pictures)) if progress else None,
        )
        if found.pixel_hashes and self.store.writable:
            with contextlib.suppress(LibraryError), self.store.writing():  # they only save work next time
                self.store.set_pixel_hashes(found.pixel_hashes)
        if progress:
            progress(len(pictures), len(pictures))
        return DuplicateReport(
            found.groups, verdict, sum(map(len, images.values())), time.perf_counter() - started, found.left_out
        )

    # ------------------------------------------------------------------------------------------------ looking in

    def status(self) -> Status:
        """Return what the library holds."""
        counts = self.store.counts()
        vectors = self.store.vector_counts()
        names = tuple((spec.name, vectors[id_]) for id_, spec in self.store.descriptors().items())
        on_disk = 0
        for path in self.path.rglob("*"):
            with contextlib.suppress(OSError):  # a writer removes temporary files
                on_disk += path.stat().st_size if path.is_file() else 0
        return Status(
            counts["ok"], counts["failed"], counts["skipped"], counts["bytes"], tuple(self.store.roots()), names,
            counts["missing"], counts["contents"], str(self.path), on_disk, self.store.version,
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
            return decode(data, min_side=min_side).pixels
        except (ImageError, StopIteration):
            return None

    def vectors(self, descriptor: str = DESCRIPTOR) -> tuple[list[Uri], Vectors]:
        """Return the names of all pictures and their vectors, row by row, in the order of names.

        Returns
        -------
        tuple
            n URIs; (n, width) float32, or packed bits (n, dim // 8) uint8 for "hamming". Cosine vectors have been
            rounded to float16 on the way.

        Raises
        ------
        FingerprintError
            If there are none of this descriptor.
        """
        spec = get_descriptor(descriptor).spec
        blocks = self._blocks(self._held(spec), spec)
        keys = np.concatenate([np.empty(0, np.int64), *(block.keys for block in blocks)])
        rows = np.concatenate([np.empty((0, spec.width), spec.storage), *(block.rows for block in blocks)])
        at = {int(key): row for row, key in enumerate(keys)}
        images = [image for image in self.store.images() if image.content_id in at]
        return [image.uri for image in images], rows[[at[image.content_id] for image in images]].astype(spec.dtype)

    def gallery(
        self,
        paths: PathLike | Iterable[PathLike] = (),
        *,
        descriptor: str = DESCRIPTOR,
        labels: str | None = None,
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
        paths = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
        if paths:
            self.add(paths, descriptors=[descriptor], device=device, progress=progress)
        spec = get_descriptor(descriptor, device).spec
        uris, vectors = self.vectors(descriptor)
        under = [normalise_uri(os.fspath(path)) for path in paths]
        if under:
            chosen = {image.uri for image in self.store.images(under)}
            for path in under:
                if next(self.store.images([path]), None) is None:
                    raise UsageError(f"there is no usable picture at or under {path}: `lookalike status --errors`")
            keep = [row for row, uri in enumerate(uris) if uri in chosen]
            uris, vectors = [uris[row] for row in keep], vectors[keep]
        return Gallery(tuple(uris), vectors, spec, () if labels is None else read_labels(labels, uris))

    def _held(self, spec: DescriptorSpec) -> int:
        """Return the number that a descriptor has in this library.

        Raises
        ------
        FingerprintError
            If there are no vectors of it, or only such of another version.
        """
        held = self.store.descriptors()
        for id_, other in held.items():
            if other.fingerprint == spec.fingerprint:
                return id_
        again = f"`lookalike index PATH --descriptor {spec.name} --library {self.path}`"
        if any(other.name == spec.name for other in held.values()):
            raise FingerprintError(
                f"this library's {spec.name} vectors were made with other weights or another preprocessing: "
                f"make new ones with {again}"
            )
        have = ", ".join(sorted({other.name for other in held.values()})) or "none at all"
        raise FingerprintError(f"this library has no {spec.name} vectors (it has {have}): make them with {again}")

    def _matrix(self, descriptor_id: int, spec: DescriptorSpec) -> VectorMatrix:
        return self._matrices.setdefault(descriptor_id, VectorMatrix(self.store, descriptor_id, spec))

    def _blocks(self, descriptor_id: int, spec: DescriptorSpec, only: set[int] | None = None) -> list[Block]:
        blocks = list(self._matrix(descriptor_id, spec).blocks())
        if only is None:
            return blocks
        chosen = []
        for block in blocks:
            keep = np.fromiter((int(key) in only for key in block.keys), bool, len(block.keys))
            chosen.append(Block(block.keys[keep], block.rows[keep], None if block.norms is None else block.norms[keep]))
        return chosen

    def _exact(self, descriptor_id: int, spec: DescriptorSpec) -> ExactIndex:
        blocks = self._blocks(descriptor_id, spec)
        return ExactIndex.from_blocks(spec.metric, spec.dim, [(b.keys, b.rows, b.norms) for b in blocks])

    def _index(self, descriptor_id: int, spec: DescriptorSpec) -> VectorIndex:
        """Return what searches fastest: the exact index, or an approximate one where there are many vectors.

        The approximate one is made by `add`; where it is not there or not to be trusted, the exact one answers.
        """
        exact = self._exact(descriptor_id, spec)
        if choose(len(exact), spec.metric) == "exact":
            return exact
        return load_approximate(self.store, exact, spec) or exact

    def _refresh_approximate(self, specs: Iterable[DescriptorSpec]) -> None:
        """Make or bring up to date the approximate indexes of descriptors that have many vectors."""
        for spec in specs:
            exact = self._exact(self._held(spec), spec)
            if choose(len(exact), spec.metric) == "approximate":
                refresh_approximate(self.store, exact, spec)
