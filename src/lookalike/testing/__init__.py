"""Contracts as runnable suites, for this package's own tests and for whoever writes a part of their own.

Plain assertions: no test framework is needed. A suite returns None, or raises AssertionError at the first breach.
"""

from lookalike.testing.descriptors import check_descriptor
from lookalike.testing.indexes import check_index
from lookalike.testing.stores import check_store

__all__ = ["check_descriptor", "check_index", "check_store"]
