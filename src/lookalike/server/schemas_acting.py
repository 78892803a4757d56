"""What the calls that decide and act take and answer: decisions, plans, runs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from lookalike.defaults import ACT
from lookalike.server.schemas import Strict

__all__ = [
    "ActedFacts",
    "ActedPage",
    "ApplyRequest",
    "DecideRequest",
    "DecisionFacts",
    "DecisionPage",
    "HistoryFacts",
    "LeftOut",
    "PlanFacts",
    "PlanRequest",
    "PlanRowFacts",
    "RunFacts",
    "SampleFacts",
    "SumFacts",
    "UndoDecisionsRequest",
    "UndoRequest",
]  # fmt: skip

MOST_CHOSEN = 50_000
_ACT: Any = ACT  # one of those below; a test holds it

Id = Annotated[int, Field(ge=1, lt=2**63)]
Number = Annotated[int, Field(ge=1, lt=2**31)]


class DecideRequest(Strict):
    """A decision that lasts: see `lookalike.decisions.Decisions`."""

    decision: Literal["not-duplicates", "keep-all", "keep-folder"]
    pictures: list[Id] = Field([], max_length=1000, description="Of the library; for the first two.")
    folder: Annotated[str, Field(max_length=4096)] | None = Field(None, description="For keep-folder.")

    @model_validator(mode="after")
    def fits(self) -> DecideRequest:
        """A folder goes with keep-folder, pictures with the others."""
        if (self.decision == "keep-folder") != (self.folder is not None) or (self.folder is None) != bool(
            self.pictures
        ):
            raise ValueError("keep-folder takes a folder, the other decisions take pictures")
        return self


class UndoDecisionsRequest(Strict):
    """Decisions to take back."""

    decisions: list[Annotated[int, Field(ge=1, lt=2**63)]] = Field(min_length=1, max_length=1000)


class DecisionFacts(BaseModel):
    """See `lookalike.decisions.Decision`."""

    id: int
    decision: str
    uris: list[str]
    hashes: list[str] = Field(description="SHA-256 of each picture's bytes; empty for a folder.")
    pixel_hashes: list[str] = Field(description="Of each decoded picture; empty where it is not known.")
    decided: str


class DecisionPage(BaseModel):
    """Some decisions, the newest first."""

    total: int
    decisions: list[DecisionFacts]


class PlanRequest(Strict):
    """A plan of what was chosen among duplicates: see `lookalike.actions.reviewed.plan_reviewed`."""

    job: Number = Field(description="That found the duplicates.")
    groups: Annotated[list[Number], Field(max_length=MOST_CHOSEN)] | None = Field(
        None, description="Numbers of the groups that are meant; null for all that pass the filters."
    )
    verdict: Literal["same-file", "same-pixels", "same-picture", "edited"] | None = Field(
        None, description="Only groups whose weakest pair is this."
    )
    probability: float = Field(0, ge=0, le=1, description="Only groups whose weakest pair is as sure.")
    keep: list[Id] = Field([], max_length=MOST_CHOSEN, description="Pictures that stay whatever was proposed.")
    remove: list[Id] = Field([], max_length=MOST_CHOSEN, description="Pictures that go whatever was proposed.")
    act: Literal["quarantine", "trash", "move", "hardlink", "reflink", "symlink", "list-only"] = _ACT
    move_to: Annotated[str, Field(max_length=4096)] | None = Field(None, description="Folder for move.")
    protect: list[Annotated[str, Field(max_length=4096)]] = Field(
        [], max_length=100, description="Folders in which nothing is touched."
    )


class PlanRowFacts(BaseModel):
    """See `lookalike.actions.PlanRow`; `id` and `version` are those of the picture, 0 and empty if it is not known."""

    id: int
    version: str
    width: int
    height: int
    group: int | None
    uri: str
    keeper: bool
    act: str
    to: str
    verdict: str | None
    probability: float | None
    bytes: int
    size: int | None
    reason: str
    together: list[str]


class SampleFacts(BaseModel):
    """A copy that goes, and what stays."""

    row: PlanRowFacts
    keeper: PlanRowFacts


class SumFacts(BaseModel):
    """What an act comes to."""

    act: str
    files: int
    bytes: int


class LeftOut(BaseModel):
    """Why files are not in a plan."""

    reason: str
    files: int


class PlanFacts(BaseModel):
    """Some rows of a plan, and what all of it comes to."""

    job: int
    files: int = Field(description="Of which something is to be done, with those that move with them.")
    bytes: int = Field(description="Won once the quarantine or the trash is emptied.")
    sum: list[SumFacts]
    left_out: list[LeftOut]
    samples: list[SampleFacts] = Field(description="Twelve rows that act, chosen at random; the same at each reading.")
    total: int
    rows: list[PlanRowFacts]


class ApplyRequest(Strict):
    """A plan to apply."""

    plan: Number = Field(description="The job that made it.")
    protect: list[Annotated[str, Field(max_length=4096)]] = Field([], max_length=100)
    dry_run: bool = False


class UndoRequest(Strict):
    """A run to undo."""

    run: Annotated[str, Field(max_length=100)] | None = Field(
        None, description="As history names it; null for the last."
    )


class ActedFacts(BaseModel):
    """What became of one file."""

    uri: str
    act: str
    state: str = Field(description="done, undone, refused, displaced, or would in a dry run.")
    to: str = ""
    bytes: int = 0
    reason: str


class ActedPage(BaseModel):
    """What a run did, or what was undone of it."""

    job: int
    run: str
    counts: dict[str, int]
    total: int = Field(description="Rows of the state that is asked for.")
    rows: list[ActedFacts]


class RunFacts(BaseModel):
    """See `lookalike.actions.RunSummary`."""

    run: str
    started: float
    plan: str
    state: str
    acts: list[str]
    done: int
    undone: int
    deleted: int
    refused: int
    bytes: int


class HistoryFacts(BaseModel):
    """Runs, the newest first."""

    runs: list[RunFacts]
