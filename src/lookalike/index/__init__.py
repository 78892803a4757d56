"""Neighbour search."""

from lookalike.index.exact import ExactIndex

__all__ = ["ExactIndex"]
