"""A row of a plan, and the words that its acts are called by."""

from __future__ import annotations

from dataclasses import dataclass, field

from lookalike.defaults import ACTS
from lookalike.types import Uri

__all__ = ["COLUMNS", "KEEP", "LABELS", "LINKS", "LIST", "PROTECT", "PROVEN", "PlanRow"]

KEEP, PROTECT, LIST, LABELS = "keep", "protect", "list-only", "labels"
LINKS = ("hardlink", "reflink", "symlink")
"""Acts that leave something else in the place of the file, so that nothing moves with it."""

PROVEN = ("same-file", "same-pixels")


@dataclass(frozen=True)
class PlanRow:
    """One file of a plan.

    Attributes
    ----------
    group
        Of its duplicates; None for a protected folder or a label file.
    uri
        The file; a folder where `act` is "protect".
    keeper
        Whether it is the one that stays.
    act
        One of `lookalike.defaults.ACTS`; "keep" for the keeper, "protect" for a folder, "labels" for a label file.
    to
        The folder to move to, for "move"; for a label file the folder that its names are relative to, "" to find it.
    verdict, probability, reason
        Against the keeper; the keeper's reason says why it is kept.
    bytes
        Won by the act, once the quarantine or the trash is emptied: 0 where another name holds the same bytes on disk.
    together
        Other files that move with it (column ``with``), and `together_sha256` what they hold.
    size, mtime_ns, device, inode, sha256
        What it was when the plan was made: if it is something else when the plan is applied, nothing is done with it.
        None where it is not known.
    line
        Where it stands in a plan that was read.
    """

    group: int | None
    uri: Uri
    keeper: bool
    act: str
    to: str = ""
    verdict: str | None = None
    probability: float | None = None
    bytes: int = 0
    reason: str = ""
    together: tuple[Uri, ...] = ()
    size: int | None = None
    mtime_ns: int | None = None
    device: int | None = None
    inode: int | None = None
    sha256: str = ""
    together_sha256: tuple[str, ...] = ()
    line: int = field(default=0, compare=False)

    @property
    def acts(self) -> bool:
        """Whether anything is to be done with it."""
        return self.act in ACTS and self.act != LIST


COLUMNS = (
    "group", "uri", "keeper", "act", "to", "verdict", "probability", "bytes", "reason", "with", "size", "mtime_ns",
    "device", "inode", "sha256", "with_sha256",
)  # fmt: skip
