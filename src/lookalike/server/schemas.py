"""What calls take and answer, as JSON."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lookalike.defaults import DESCRIPTOR, DESCRIPTORS, KEEP_RULES, LEVEL, PROBABILITY, K
from lookalike.filters import Filters
from lookalike.labels import FOLDER

__all__ = [
    "CompareRequest",
    "ComparedPictures",
    "EvidenceFacts",
    "FiltersRequest",
    "Found",
    "IndexRequest",
    "JobFacts",
    "PictureFacts",
    "Problem",
    "QueryAnswer",
    "QueryRef",
    "SearchAnswer",
    "SearchRequest",
    "StatusFacts",
    "UploadAnswer",
    "UrlRequest",
]  # fmt: skip

MOST_NEIGHBOURS = 1000
_LEVEL: Any = LEVEL  # one of those below; a test holds it
MOST_QUERIES = 16


class Strict(BaseModel):
    """A request: a field that is not known is an error, for it would do nothing."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """The one body of all errors."""

    ok: Literal[False]
    error: str = Field(description="One sentence that says what to do.")
    errors: list[str] = Field(description="All that is wrong, where it is more than one thing.")
    status: int


class QueryRef(Strict):
    """A picture to ask about: one of these."""

    id: Annotated[int, Field(ge=1, lt=2**63, description="Of a picture in the library.")] | None = None
    upload: Annotated[str, Field(max_length=64, description="Of a picture that was sent before.")] | None = None
    url: Annotated[str, Field(max_length=4096, description="http or https.")] | None = None

    @model_validator(mode="after")
    def one(self) -> QueryRef:
        """Exactly one must be given."""
        if sum(value is not None for value in (self.id, self.upload, self.url)) != 1:
            raise ValueError("give exactly one of id, upload, url")
        return self


class FiltersRequest(Strict):
    """What a picture must be to count: see `lookalike.Filters`."""

    under: list[str] = Field([], max_length=100)
    after: str | None = Field(None, max_length=40)
    before: str | None = Field(None, max_length=40)
    min_side: int | None = Field(None, ge=0)
    max_side: int | None = Field(None, ge=0)
    min_bytes: int | None = Field(None, ge=0)
    max_bytes: int | None = Field(None, ge=0)
    formats: list[str] = Field([], max_length=20)
    label: list[str] = Field([], max_length=1000)

    def filters(self) -> Filters | None:
        """Return them for `Library.search`; None if nothing is asked for. Labels are the folders' names."""
        given = self.model_dump()
        for name in ("under", "formats", "label"):
            given[name] = tuple(given[name])
        found = Filters(**given, labels=FOLDER)
        return found or None


Share = Annotated[float, Field(ge=0, le=1)]


class SearchRequest(Strict):
    """A search: see `Library.search`."""

    queries: list[QueryRef] = Field(min_length=1, max_length=MOST_QUERIES)
    k: int = Field(K, ge=1, le=MOST_NEIGHBOURS, description="Neighbours of each query.")
    descriptor: str = Field(DESCRIPTOR, max_length=100, description="By which to compare.")
    threshold: float | None = Field(None, ge=0, description="Largest accepted distance.")
    verify: bool = Field(False, description="Tell what the query is to each neighbour, by aligning their pixels.")
    together: bool = Field(False, description="Ask with the mean of all queries.")
    region: tuple[Share, Share, Share, Share] | None = Field(
        None, description="Left, top, width, height of a part of each query, as shares of its sides."
    )
    only: FiltersRequest | None = None


class PictureFacts(BaseModel):
    """A picture of the library."""

    id: int
    uri: str
    width: int
    height: int
    bytes: int
    format: str | None
    modified: float = Field(description="Seconds since 1970.")
    version: str = Field(description="Changes with the picture's content.")


class EvidenceFacts(BaseModel):
    """Why a verdict: see `lookalike.results.Evidence`."""

    verdict: str
    probability: float
    reason: str
    reason_back: str = Field(description="What makes b out of a.")
    scene_probability: float
    transform: list[list[float]] | None = Field(description="3 x 3, from pixels of a to those of b, both at full size.")
    mirrored: bool
    negative: bool
    inliers: int
    share_a: float
    share_b: float
    agreement: float
    moved: float
    edits: list[str]


class Found(PictureFacts):
    """A neighbour."""

    rank: int
    distance: float | None = Field(description="None where there is no vector to compare.")
    verdict: str | None = None
    probability: float | None = None
    evidence: EvidenceFacts | None = None


class QueryAnswer(BaseModel):
    """One query's neighbours."""

    query: str
    problem: str | None = Field(description="Why there are none.")
    library: list[int] = Field(description="Pictures of the library that are this very file.")
    results: list[Found]


class SearchAnswer(BaseModel):
    """An answer."""

    queries: list[QueryAnswer]
    descriptor: str
    verified: bool
    probability: float = Field(description="From which on the library calls a pair copies.")
    seconds: float


class UploadAnswer(BaseModel):
    """A picture that was taken in for a while."""

    upload: str
    name: str
    width: int
    height: int
    bytes: int
    format: str
    library: list[int] = Field(description="Pictures of the library that are this very file.")


class UrlRequest(Strict):
    """A picture to fetch."""

    url: str = Field(max_length=4096, description="http or https.")


class CompareRequest(Strict):
    """Two pictures to hold against each other."""

    a: QueryRef
    b: QueryRef
    descriptors: list[str] = Field(list(DESCRIPTORS), min_length=1, max_length=20)


class ComparedPictures(BaseModel):
    """See `lookalike.results.Comparison`."""

    a: str
    b: str
    distances: dict[str, float]
    width_a: int
    height_a: int
    width_b: int
    height_b: int
    bytes_a: int
    bytes_b: int
    format_a: str
    format_b: str
    same_bytes: bool
    same_pixels: bool
    verdict: str | None
    probability: float | None
    evidence: EvidenceFacts | None


class StatusFacts(BaseModel):
    """See `lookalike.results.Status`."""

    indexed: int
    failed: int
    skipped: int
    missing: int
    contents: int
    bytes: int
    roots: list[str]
    descriptors: dict[str, int]
    library: str
    library_bytes: int
    version: int
    probability: float
    writable: bool
    max_upload: int
    lookalike: str


class IndexRequest(Strict):
    """Files and folders to index: see `Library.add`."""

    paths: list[str] = Field(min_length=1, max_length=1000)
    descriptors: list[str] = Field(list(DESCRIPTORS), min_length=1, max_length=20)
    retry: bool = False


class JobFacts(BaseModel):
    """A job."""

    id: int
    kind: str
    title: str
    state: Literal["waiting", "running", "done", "failed", "stopped"]
    progress: dict[str, Any]
    result: dict[str, Any] | None
    error: str | None
    error_kind: str | None = Field(description="As in docs/reference/errors.md.")
    started: float | None
    ended: float | None


class ProblemRows(BaseModel):
    """Files that are not indexed."""

    total: int
    problems: list[dict[str, str]] = Field(description="uri, error, reason of each.")


class MemberFacts(PictureFacts):
    """A picture of a group of duplicates: see `lookalike.results.GroupMember`."""

    keeper: bool
    verdict: str | None
    probability: float | None
    distance: float | None
    reason: str
    evidence: EvidenceFacts | None
    hardlink: bool = Field(
        description="Whether it shares its bytes on disk with another: nothing is won by removing it."
    )
    protected: bool = Field(description="Whether it lies in a folder that is always kept.")


class GroupFacts(BaseModel):
    """A keeper and what is a copy of it."""

    group: int
    members: list[MemberFacts]
    bytes: int = Field(description="Won if all but the keeper go.")


class DuplicatesRequest(Strict):
    """Duplicates to find: see `Library.duplicates`."""

    paths: list[str] = Field([], max_length=1000)
    level: Literal["same-file", "same-pixels", "same-picture", "edited", "same-scene"] = _LEVEL
    probability: float | None = Field(None, ge=PROBABILITY, le=1)
    keep: list[str] = Field(list(KEEP_RULES), max_length=len(KEEP_RULES) + 10)


class DuplicatesAnswer(BaseModel):
    """Some of the groups that a job found."""

    job: int
    level: str
    total: int = Field(description="Groups that pass the filters.")
    pictures: int = Field(description="In these groups.")
    bytes: int = Field(description="Of all members of these groups but the keepers.")
    groups: list[GroupFacts]


class PicturePage(BaseModel):
    """Some pictures."""

    pictures: list[PictureFacts]


class KnownCopies(BaseModel):
    """Which of some pictures are known to be copies of one another: see `lookalike.verifying.known_copies`."""

    groups: list[list[int]] = Field(description="Each of two pictures or more, in the order asked for.")


class SettledGroup(BaseModel):
    """A group of which nothing is left to be said: see `lookalike.actions.settled.Settled`."""

    at: int = Field(description="Its place among the groups that pass the filters, from 0.")
    group: int
    why: Literal["gone", "decided"]


class SettledGroups(BaseModel):
    """The groups that what was done or decided since they were found has settled."""

    job: int
    settled: list[SettledGroup]


class JobList(BaseModel):
    """Jobs, the newest first."""

    jobs: list[JobFacts]
