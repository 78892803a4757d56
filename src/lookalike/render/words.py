"""Numbers, names and verdicts as people read them: see `lookalike.words`, which lower rooms use, too."""

from lookalike.words import (
    COPIES,
    VERDICT_MEANING,
    cell_width,
    human_bytes,
    human_count,
    human_distance,
    human_seconds,
    number,
    plain,
    short_float,
    shorten_end,
    shorten_path,
    split_path,
    visible,
)

__all__ = [
    "COPIES",
    "VERDICT_MEANING",
    "cell_width",
    "human_bytes",
    "human_count",
    "human_distance",
    "human_seconds",
    "number",
    "plain",
    "short_float",
    "shorten_end",
    "shorten_path",
    "split_path",
    "visible",
]
