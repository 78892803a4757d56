"""Tells which pictures are the same and which are alike.

>>> import lookalike
>>> with lookalike.open("holiday.lookalike") as library:  # doctest: +SKIP
...     library.add("photos/")
...     library.search("beach.jpg", k=5)
...     library.duplicates(level="same-picture")

Importing this costs nothing: what a name needs is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lookalike.comparing import compare
    from lookalike.descriptors import available, get_descriptor
    from lookalike.errors import LookalikeError
    from lookalike.library import Library
    from lookalike.library import open_library as open  # noqa: A004

__all__ = ["Library", "LookalikeError", "available", "compare", "get_descriptor", "open"]

_WHERE = {
    "Library": "lookalike.library:Library",
    "LookalikeError": "lookalike.errors:LookalikeError",
    "available": "lookalike.descriptors:available",
    "compare": "lookalike.comparing:compare",
    "get_descriptor": "lookalike.descriptors:get_descriptor",
    "open": "lookalike.library:open_library",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("lookalike")
    if name in _WHERE:
        module, _, attribute = _WHERE[name].partition(":")
        return getattr(importlib.import_module(module), attribute)
    raise AttributeError(f"module 'lookalike' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, "__version__"])
