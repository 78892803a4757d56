"""What torture tests share: how much is asked of them, and the line that each writes into a table.

Without LOOKALIKE_TORTURE the small number is run, as in CI; with LOOKALIKE_TORTURE=1 the large one. If
LOOKALIKE_TORTURE_TABLE names a file, each test appends its line "ID | K | result | what".
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["TORTURE", "many", "record"]

TORTURE = os.environ.get("LOOKALIKE_TORTURE", "") not in ("", "0")


def many(small: int, large: int) -> int:
    """Return how often to try: the first number in CI, the second where torture is asked for."""
    return large if TORTURE else small


def record(line_id: str, what: str, k: int, result: str) -> str:
    """Print a line of the table of figures, and append it to the file that LOOKALIKE_TORTURE_TABLE names.

    Parameters
    ----------
    line_id
        As in docs/reliability.md: "R12".
    what
        Was done, in a few words.
    k
        How often.
    result
        "0 failed", "0.4 s": a figure.
    """
    line = " | ".join((line_id, f"{k:,}", result, what))
    print(line)
    if table := os.environ.get("LOOKALIKE_TORTURE_TABLE"):
        with Path(table).open("a") as stream:  # one short line: appended whole, by whichever worker
            stream.write(line + "\n")
    return line
