"""One result, many faces: table, CSV, JSON, Parquet, contact sheet (PNG), HTML page, progress.

Importing this costs nothing: Pillow, Jinja2 and pyarrow are loaded by the face that needs them.
"""

from lookalike.render.progress import Progress, progress
from lookalike.render.report import duplicates_page, search_page
from lookalike.render.rows import FACES, Face, face_of, write_file, write_rows
from lookalike.render.sheet import groups_sheet, search_sheet
from lookalike.render.words import human_bytes, human_count, human_distance, human_seconds

__all__ = [
    "FACES",
    "Face",
    "Progress",
    "duplicates_page",
    "face_of",
    "groups_sheet",
    "human_bytes",
    "human_count",
    "human_distance",
    "human_seconds",
    "progress",
    "search_page",
    "search_sheet",
    "write_file",
    "write_rows",
]
