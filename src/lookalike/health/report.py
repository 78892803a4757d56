"""What a check found, and all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from lookalike.types import Rows, Tabular

__all__ = ["Check", "Health", "State"]

State: TypeAlias = Literal["ok", "warning", "bad"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    check
        A short stable name: "database", "vectors lite0", "decoding HEIC", ...
    state
        "ok"; "warning": it works, but something wants to be known; "bad": answers are wrong or missing, or
        work will fail.
    what
        What was found, as a sentence without its end.
    remedy
        What to do about it; empty if it is ok.
    mended
        What was done about it; empty if nothing was.
    mendable
        Whether `repair` does something about it.
    """

    check: str
    state: State
    what: str
    remedy: str = ""
    mended: str = ""
    mendable: bool = False


@dataclass(frozen=True)
class Health(Tabular):
    """What `lookalike.doctor` found.

    Attributes
    ----------
    library
        Its folder.
    checks
        In the order in which they were made. After a repair: as it is now.
    backup
        The copy of the database that was made before a repair; empty if there was no need.
    """

    library: str
    checks: tuple[Check, ...]
    backup: str = ""

    def count(self, state: State) -> int:
        """Return how many checks ended so."""
        return sum(check.state == state for check in self.checks)

    @property
    def worst(self) -> State:
        """The worst state of all."""
        return "bad" if self.count("bad") else "warning" if self.count("warning") else "ok"

    @property
    def mendable(self) -> tuple[Check, ...]:
        """What `repair` does something about."""
        return tuple(check for check in self.checks if check.mendable and check.state != "ok")

    def rows(self) -> Rows:
        """Return (check, state, what, remedy, mended)."""
        values = [(one.check, one.state, one.what, one.remedy, one.mended) for one in self.checks]
        return Rows(("check", "state", "what", "remedy", "mended"), values)
