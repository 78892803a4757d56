"""The scalers of a library: which one holds, and when it is fitted anew.

A descriptor whose spec says `standardised` has one scaler, in the database. It is fitted on all the library's vectors
of that descriptor, each content once, at the end of every run of `Library.add` or `Library.prune` after which these
are no longer the vectors it was fitted on; searches use it as it is. Where there is none yet, as after a crash in the
first run, it is worked out for the moment.
"""

from __future__ import annotations

import hashlib

from lookalike.errors import UsageError
from lookalike.store.scaler import Scaler, fit_scaler
from lookalike.store.store import Store
from lookalike.types import DescriptorSpec

__all__ = ["current_scaler", "refresh_scalers"]


def current_scaler(store: Store, descriptor_id: int, spec: DescriptorSpec) -> Scaler | None:
    """Return what standardises the vectors of a descriptor; None if its spec asks for nothing like it.

    Raises
    ------
    UsageError
        If a descriptor that is to be standardised has another metric than "l2".
    """
    if not spec.standardised:
        return None
    if spec.metric != "l2":
        raise UsageError(f"{spec.name} cannot be standardised: its metric is {spec.metric}, and only l2 can be")
    return store.scaler(descriptor_id) or _fitted(store, descriptor_id, spec)


def refresh_scalers(store: Store) -> None:
    """Fit the scalers anew whose vectors have changed. The caller holds the writer lock.

    Memory: one chunk of vectors. A library whose vectors are as they were only has their chunks' tokens read.
    """
    for descriptor_id, spec in store.descriptors().items():
        if spec.standardised and spec.metric == "l2":
            held = store.scaler(descriptor_id)
            if held is None or held.state != _state(store, descriptor_id):
                store.set_scaler(descriptor_id, _fitted(store, descriptor_id, spec))


def _fitted(store: Store, descriptor_id: int, spec: DescriptorSpec) -> Scaler:
    state = _state(store, descriptor_id)
    chunks = store.chunk_tokens(descriptor_id)
    return fit_scaler((store.read_chunk(descriptor_id, chunk, spec)[1] for chunk in chunks), spec.dim, state)


def _state(store: Store, descriptor_id: int) -> str:
    """Return a name for the vectors that a descriptor has: their chunks' tokens change whenever they do."""
    tokens = sorted(store.chunk_tokens(descriptor_id).items())
    return hashlib.sha256(repr(tokens).encode()).hexdigest()
