"""What the calls of a library return: frozen dataclasses, with ``rows()`` for any face and a look in notebooks."""

from lookalike.results.evidence import Comparison, Evidence
from lookalike.results.gallery import Gallery
from lookalike.results.groups import DuplicateGroup, DuplicateReport, GroupMember
from lookalike.results.near import NearPairs
from lookalike.results.reports import IndexReport, PruneReport, Status
from lookalike.results.search import SearchResult

__all__ = [
    "Comparison",
    "DuplicateGroup",
    "DuplicateReport",
    "Evidence",
    "Gallery",
    "GroupMember",
    "IndexReport",
    "NearPairs",
    "PruneReport",
    "SearchResult",
    "Status",
]
