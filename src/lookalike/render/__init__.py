"""One result, many faces: table, CSV, JSON, Parquet, contact sheet (PNG), HTML page, progress.

Importing this costs nothing: Pillow, Jinja2 and pyarrow are loaded by the face that needs them.
"""

from lookalike.render.clusters import cluster_sheet, clusters_page, clusters_sheet
from lookalike.render.explain_sheet import explain_sheet, why_sheet
from lookalike.render.leaks import leaks_github, leaks_junit, leaks_page
from lookalike.render.map_page import map_page
from lookalike.render.matrix import distances_bytes, distances_face, write_distances
from lookalike.render.pair_sheet import pair_sheet, stacked
from lookalike.render.pair_views import PairViews, pair_views
from lookalike.render.plots import classification_page, confusion_plot
from lookalike.render.plots_cluster import choice_plot, map_plot
from lookalike.render.plots_copies import copies_table_plot, precision_recall_plot, reliability_plot
from lookalike.render.plots_evaluate import evaluation_plot
from lookalike.render.problems import problems_page
from lookalike.render.progress import Progress, progress
from lookalike.render.report import duplicates_page, search_page
from lookalike.render.rows import FACES, Face, face_of, write_file, write_rows
from lookalike.render.sheet import groups_sheet, search_sheet
from lookalike.render.vectors import named_from, vectors_face, write_vectors
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
