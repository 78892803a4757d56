"""Loops compiled by Numba, where the extra ``compiled`` is installed: the same numbers in less time.

Each has its counterpart in NumPy beside it, which is what runs without the extra and what the tests hold it against.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

__all__ = ["compiled", "compiles"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


@cache
def compiles() -> bool:
    """Return whether the extra is installed."""
    return importlib.util.find_spec("numba") is not None


def compiled(function: _Function) -> _Function:
    """Return a function compiled at its first call, and kept on disk for the next process where there is a place.

    Raises
    ------
    ImportError
        If the extra is not installed.
    """
    import numba

    try:
        return cast("_Function", numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return cast("_Function", numba.njit(nogil=True)(function))
