"""The durable catalogue and its caches."""

from __future__ import annotations

from lookalike.store.bounded import BoundedCache
from lookalike.store.cachefile import CacheFile
from lookalike.store.decisions import Decided, DecidedContent, DecisionTable, Match
from lookalike.store.local import Kept, LocalCache, as_kept
from lookalike.store.matrix import Block, VectorMatrix
from lookalike.store.scaler import Scaler
from lookalike.store.scaling import current_scaler, refresh_scalers
from lookalike.store.store import Content, Image, Known, Record, Store

__all__ = [
    "Block",
    "BoundedCache",
    "CacheFile",
    "Content",
    "Decided",
    "DecidedContent",
    "DecisionTable",
    "Image",
    "Kept",
    "Known",
    "LocalCache",
    "Match",
    "Record",
    "Scaler",
    "Store",
    "VectorMatrix",
    "as_kept",
    "current_scaler",
    "refresh_scalers",
]
