"""Names for files that move: free ones, and such as no file system takes for each other."""

from __future__ import annotations

import os
import secrets

from lookalike.actions.files import Refused

__all__ = ["free_names", "temporary_name", "unlike"]


def temporary_name(name: str) -> str:
    """Return a name that nobody else uses, with the suffix of another one."""
    return f".lookalike-{secrets.token_hex(6)}{os.path.splitext(name)[1]}"


def free_names(folder: str, names: list[str]) -> list[str]:
    """Return names that nothing in a folder has yet; what belongs together keeps what its names share."""
    stem = os.path.splitext(names[0])[0]
    for number in range(1, 100_000):
        mark = "" if number == 1 else f" ({number})"
        made = [stem + mark + n[len(stem) :] if n.startswith(stem) else _marked(n, mark) for n in names]
        if len({name.casefold() for name in made}) < len(made):
            made = unlike(made)
        if not any(os.path.lexists(os.path.join(folder, name)) for name in made):
            return made
    raise Refused(f"{folder} has too many files of the name {names[0]}")


def _marked(name: str, mark: str) -> str:
    stem, suffix = os.path.splitext(name)
    return f"{stem}{mark}{suffix}"


def unlike(names: list[str]) -> list[str]:
    """Return names of which no two are one to a file system that takes capitals for small letters."""
    made: list[str] = []
    taken: set[str] = set()
    for name in names:
        number, free = 1, name
        while free.casefold() in taken:
            number += 1
            free = _marked(name, f" ({number})")
        taken.add(free.casefold())
        made.append(free)
    return made
