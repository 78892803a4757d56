"""Pictures of a library held against each other: which are asked about, and the duplicates among them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence

from lookalike.decisions import Decisions
from lookalike.defaults import KEEP_RULES, MAX_PIXELS, PROBABILITY
from lookalike.descriptors import get_descriptor
from lookalike.duplicates import Found, Picture, find_duplicates, needed_descriptors
from lookalike.errors import LibraryError, UsageError
from lookalike.holdings import Holdings
from lookalike.indexing import available_cores
from lookalike.isolation import decoding_elsewhere
from lookalike.localindex import PairVerification
from lookalike.sources import PathLike, read_bytes, uris_of
from lookalike.store import Image, Store
from lookalike.types import Uri, Verdict
from lookalike.units import kinds_beside

__all__ = ["least_probability", "pair_up", "set_least_probability"]

_SETTING = "probability"


def pair_up(
    store: Store,
    holdings: Holdings,
    paths: PathLike | Iterable[PathLike],
    verdict: Verdict,
    *,
    against: PathLike | Iterable[PathLike] = (),
    reference: PathLike | Iterable[PathLike] = (),
    keep: Sequence[str] = KEEP_RULES,
    probability: float | None = None,
    offered: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[Image], Found]:
    """Return the pictures at or under `paths` and what these are held against, each once, and the duplicates.

    Parameters
    ----------
    store, holdings
        The library's.
    paths, against, reference, keep, probability, progress
        See `Library.duplicates`.
    verdict
        Its level.
    offered
        Whether they are offered to be acted upon: what was decided to be kept is then a keeper.

    Raises
    ------
    UsageError
        If `probability` is out of range, or nothing is indexed at or under a path.
    FingerprintError
        If the level needs vectors that the library does not have.
    """
    least = least_probability(store) if probability is None else _check_probability(probability)
    other = _under(store, against)
    references = [*_under(store, reference), *other]
    under = _under(store, paths)
    under += references if under else []
    images = list(dict.fromkeys(store.images(under)))
    named: dict[int, list[Image]] = {}
    for image in images:
        named.setdefault(image.content_id, []).append(image)
    contents = store.contents(list(named))
    pictures = [Picture(contents[id_], tuple(named[id_])) for id_ in named if id_ in contents]
    vectors = {}
    for name in needed_descriptors(verdict):
        spec = get_descriptor(name).spec
        vectors[name] = holdings.blocks(holdings.number(spec), spec, None if not under else set(named))
    decisions = Decisions(store)
    verification = PairVerification(
        store, [picture.content.id for picture in pictures], threads=available_cores(), max_pixels=MAX_PIXELS
    )
    with contextlib.closing(verification), decoding_elsewhere():
        found = find_duplicates(
            pictures,
            verdict,
            vectors,
            read=read_bytes,
            read_head=lambda uri, size: read_bytes(uri, head=size),
            keep=keep,
            reference={image.uri for image in store.images(references)}.__contains__ if references else _never,
            kept=_always_kept(decisions, images) if offered else _never,
            beside=kinds_beside() if offered else lambda _: (),
            across=bool(other),
            apart=decisions.apart(),
            verify=verification.pairs,
            sharing=verification.sharing,
            probability=least,
            progress=lambda part: progress(round(part * len(pictures)), len(pictures)) if progress else None,
        )
    if found.pixel_hashes and store.writable:
        with contextlib.suppress(LibraryError), store.writing():  # they only save work next time
            store.set_pixel_hashes(found.pixel_hashes)
    if progress:
        progress(len(pictures), len(pictures))
    return images, found


def _never(_: Uri) -> bool:
    return False


def _always_kept(decisions: Decisions, images: Iterable[Image]) -> Callable[[Uri], bool]:
    """Return what says of the names of pictures whether it was decided to keep them."""
    protects, contents = decisions.protects(), decisions.kept_contents()
    kept = {image.uri for image in images if image.content_id in contents}
    return lambda uri: uri in kept or protects(uri)


def _under(store: Store, paths: PathLike | Iterable[PathLike]) -> list[Uri]:
    """Return the URIs of `paths`, at or under each of which something is indexed."""
    under = uris_of(paths)
    for path in under:
        if not store.holds(path):
            raise UsageError(f"nothing is indexed at or under {path}: `lookalike index {path}` first")
    return under


def least_probability(store: Store) -> float:
    """Return the least probability of what this library calls a copy: see `Library.probability`."""
    held = store.setting(_SETTING)
    return PROBABILITY if held is None else float(held)


def set_least_probability(store: Store, value: float | None) -> None:
    """Keep the least probability of a copy; None for the default again."""
    checked = None if value is None else _check_probability(value)
    with store.writing():
        store.set_setting(_SETTING, checked)


def _check_probability(value: float) -> float:
    """Return the least probability of a copy, if it can be one.

    Raises
    ------
    UsageError
        If it is not within 0.5 to 1.
    """
    if not PROBABILITY <= value <= 1:
        raise UsageError(f"a probability to call a copy by is {PROBABILITY} to 1, not {value}")
    return float(value)
