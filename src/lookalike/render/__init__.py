"""One result, many faces: table, CSV, JSON, Parquet, contact sheet (PNG), HTML page, progress.

Importing this costs nothing: each face is loaded when it is first asked for, with the packages that it needs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lookalike.render.bar import Progress, progress
    from lookalike.render.clusters import cluster_sheet, clusters_page, clusters_sheet
    from lookalike.render.leaks import leaks_github, leaks_junit, leaks_page
    from lookalike.render.maps import map_page
    from lookalike.render.matrix import distances_bytes, distances_face, write_distances
    from lookalike.render.pairs import pair_sheet, stacked
    from lookalike.render.plots import classification_page, confusion_plot
    from lookalike.render.plots_cluster import choice_plot, map_plot
    from lookalike.render.plots_copies import copies_table_plot, precision_recall_plot, reliability_plot
    from lookalike.render.plots_evaluate import evaluation_plot
    from lookalike.render.problems import problems_page
    from lookalike.render.report import duplicates_page, search_page
    from lookalike.render.rows import FACES, Face, face_of, write_file, write_rows
    from lookalike.render.sheet import groups_sheet, search_sheet
    from lookalike.render.vectors import named_from, vectors_face, write_vectors
    from lookalike.render.views import PairViews, pair_views
    from lookalike.render.why import explain_sheet, why_sheet
    from lookalike.words import human_bytes, human_count, human_distance, human_seconds

__all__ = [
    "FACES",
    "Face",
    "PairViews",
    "Progress",
    "choice_plot",
    "classification_page",
    "cluster_sheet",
    "clusters_page",
    "clusters_sheet",
    "confusion_plot",
    "copies_table_plot",
    "distances_bytes",
    "distances_face",
    "duplicates_page",
    "evaluation_plot",
    "explain_sheet",
    "face_of",
    "groups_sheet",
    "human_bytes",
    "human_count",
    "human_distance",
    "human_seconds",
    "leaks_github",
    "leaks_junit",
    "leaks_page",
    "map_page",
    "map_plot",
    "named_from",
    "pair_sheet",
    "pair_views",
    "precision_recall_plot",
    "problems_page",
    "progress",
    "reliability_plot",
    "search_page",
    "search_sheet",
    "stacked",
    "vectors_face",
    "why_sheet",
    "write_distances",
    "write_file",
    "write_rows",
    "write_vectors",
]

_WHERE = {
    "render.clusters": (
        "cluster_sheet",
        "clusters_page",
        "clusters_sheet",
    ),
    "render.why": (
        "explain_sheet",
        "why_sheet",
    ),
    "render.leaks": (
        "leaks_github",
        "leaks_junit",
        "leaks_page",
    ),
    "render.maps": ("map_page",),
    "render.matrix": (
        "distances_bytes",
        "distances_face",
        "write_distances",
    ),
    "render.pairs": (
        "pair_sheet",
        "stacked",
    ),
    "render.views": (
        "PairViews",
        "pair_views",
    ),
    "render.plots": (
        "classification_page",
        "confusion_plot",
    ),
    "render.plots_cluster": (
        "choice_plot",
        "map_plot",
    ),
    "render.plots_copies": (
        "copies_table_plot",
        "precision_recall_plot",
        "reliability_plot",
    ),
    "render.plots_evaluate": ("evaluation_plot",),
    "render.problems": ("problems_page",),
    "render.bar": (
        "Progress",
        "progress",
    ),
    "render.report": (
        "duplicates_page",
        "search_page",
    ),
    "render.rows": (
        "FACES",
        "Face",
        "face_of",
        "write_file",
        "write_rows",
    ),
    "render.sheet": (
        "groups_sheet",
        "search_sheet",
    ),
    "render.vectors": (
        "named_from",
        "vectors_face",
        "write_vectors",
    ),
    "words": (
        "human_bytes",
        "human_count",
        "human_distance",
        "human_seconds",
    ),
}


def __getattr__(name: str) -> Any:
    for module, names in _WHERE.items():
        if name in names:
            return getattr(importlib.import_module(f"lookalike.{module}"), name)
    raise AttributeError(f"module 'lookalike.render' has no attribute {name!r}")
