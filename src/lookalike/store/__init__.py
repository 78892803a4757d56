"""The durable catalogue and its caches."""

from __future__ import annotations

from lookalike.store.matrix import Block, VectorMatrix
from lookalike.store.store import Content, Image, Known, Record, Store

__all__ = ["Block", "Content", "Image", "Known", "Record", "Store", "VectorMatrix"]
