"""The durable catalogue and its caches."""

from __future__ import annotations

from lookalike.store.backup import BACKUPS, copy_database, copy_files
from lookalike.store.bounded import BoundedCache
from lookalike.store.cachefile import CacheFile, check_cache_file
from lookalike.store.chunkfile import check_chunk_file
from lookalike.store.decisions import Decided, DecidedContent, DecisionTable, Match
from lookalike.store.disk import network_kind
from lookalike.store.entries import Content, Image, Known, Record
from lookalike.store.examining import Examination, HeldDescriptor, RowFault
from lookalike.store.local import Kept, LocalCache, as_kept
from lookalike.store.lock import Writer, noted_writer, present_writer, writer_lock
from lookalike.store.matrix import Block, VectorMatrix
from lookalike.store.mending import salvage
from lookalike.store.scaler import Scaler
from lookalike.store.scaling import current_scaler, refresh_scalers
from lookalike.store.store import Store

__all__ = [
    "BACKUPS",
    "Block",
    "BoundedCache",
    "CacheFile",
    "Content",
    "Decided",
    "DecidedContent",
    "DecisionTable",
    "Examination",
    "HeldDescriptor",
    "Image",
    "Kept",
    "Known",
    "LocalCache",
    "Match",
    "Record",
    "RowFault",
    "Scaler",
    "Store",
    "VectorMatrix",
    "Writer",
    "as_kept",
    "check_cache_file",
    "check_chunk_file",
    "copy_database",
    "copy_files",
    "current_scaler",
    "network_kind",
    "noted_writer",
    "present_writer",
    "refresh_scalers",
    "salvage",
    "writer_lock",
]
