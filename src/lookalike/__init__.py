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
    from lookalike.actions import (
        apply_plan,
        empty_quarantine,
        history,
        make_plan,
        quarantine,
        read_plan,
        undo,
        write_plan,
    )
    from lookalike.classify import Classifier, cross_validate, fit_classifier
    from lookalike.comparing import compare
    from lookalike.descriptors import available, get_descriptor
    from lookalike.errors import LookalikeError
    from lookalike.explaining import explain
    from lookalike.filters import Filters
    from lookalike.folders import compare_folders
    from lookalike.health import doctor
    from lookalike.inspecting import inspect
    from lookalike.labelling import label_pictures
    from lookalike.leaks import find_leaks, repair_split
    from lookalike.library import Library
    from lookalike.library import open_library as open  # noqa: A004

__all__ = [
    "Classifier",
    "Filters",
    "Library",
    "LookalikeError",
    "apply_plan",
    "available",
    "compare",
    "compare_folders",
    "cross_validate",
    "doctor",
    "empty_quarantine",
    "explain",
    "find_leaks",
    "fit_classifier",
    "get_descriptor",
    "history",
    "inspect",
    "label_pictures",
    "make_plan",
    "open",
    "quarantine",
    "read_plan",
    "repair_split",
    "undo",
    "write_plan",
]

_WHERE = {
    "Library": "lookalike.library:Library",
    "LookalikeError": "lookalike.errors:LookalikeError",
    "Classifier": "lookalike.classify:Classifier",
    "Filters": "lookalike.filters:Filters",
    "available": "lookalike.descriptors:available",
    "compare": "lookalike.comparing:compare",
    "explain": "lookalike.explaining:explain",
    "cross_validate": "lookalike.classify:cross_validate",
    "fit_classifier": "lookalike.classify:fit_classifier",
    "get_descriptor": "lookalike.descriptors:get_descriptor",
    "compare_folders": "lookalike.folders:compare_folders",
    "doctor": "lookalike.health:doctor",
    "find_leaks": "lookalike.leaks:find_leaks",
    "repair_split": "lookalike.leaks:repair_split",
    "inspect": "lookalike.inspecting:inspect",
    "label_pictures": "lookalike.labelling:label_pictures",
    "open": "lookalike.library:open_library",
    "apply_plan": "lookalike.actions:apply_plan",
    "empty_quarantine": "lookalike.actions:empty_quarantine",
    "history": "lookalike.actions:history",
    "make_plan": "lookalike.actions:make_plan",
    "quarantine": "lookalike.actions:quarantine",
    "read_plan": "lookalike.actions:read_plan",
    "undo": "lookalike.actions:undo",
    "write_plan": "lookalike.actions:write_plan",
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
