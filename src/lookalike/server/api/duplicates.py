"""Duplicates: found by a job, read by pages."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query

from lookalike.actions.reviewed import chosen_groups
from lookalike.actions.settled import settled_groups
from lookalike.results import DuplicateGroup, DuplicateReport
from lookalike.server.jobs import Job
from lookalike.server.schemas import (
    DuplicatesAnswer,
    DuplicatesRequest,
    GroupFacts,
    JobFacts,
    MemberFacts,
    SettledGroup,
    SettledGroups,
)
from lookalike.server.state import State, evidence_facts, picture_facts, state_of

__all__ = ["found_by", "router"]

router = APIRouter(tags=["duplicates"])


@router.post("/duplicates", operation_id="duplicates", status_code=202)
def duplicates(asked: DuplicatesRequest, state: Annotated[State, Depends(state_of)]) -> JobFacts:
    """Find groups of duplicates, as a job; `GET /duplicates/{job}` reads them."""

    def work(job: Job) -> dict[str, object]:
        with state.writer() as library:
            report = library.duplicates(
                asked.paths,
                level=asked.level,
                probability=asked.probability,
                keep=asked.keep,
                progress=lambda done, total: state.jobs.tell(job, stage="comparing", done=done, total=total),
            )
        job.value = report
        members = sum(len(group.members) for group in report.groups)
        return {"groups": len(report.groups), "pictures": members, "compared": report.pictures,
                "seconds": report.seconds, "left_out": dict(report.left_out),
                "bytes": sum(_spare(group) for group in report.groups),
                "asked": asked.model_dump()}  # fmt: skip

    return JobFacts(**state.jobs.start("duplicates", f"Find duplicates, {asked.level}", work).facts())


@router.get("/duplicates/{number}", operation_id="duplicate_groups")
def duplicate_groups(
    number: Annotated[int, Path(ge=1, lt=2**31, description="Of the job that found them.")],
    state: Annotated[State, Depends(state_of)],
    offset: Annotated[int, Query(ge=0, lt=2**31)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    verdict: Annotated[
        Literal["same-file", "same-pixels", "same-picture", "edited", "same-scene"] | None,
        Query(description="Only groups whose weakest pair is this."),
    ] = None,
    probability: Annotated[float, Query(ge=0, le=1, description="Only groups whose weakest pair is as sure.")] = 0,
) -> DuplicatesAnswer:
    """Read the groups that a job found, the surest first."""
    report = found_by(number, state)
    chosen = chosen_groups(report, verdict=verdict, probability=probability)
    protected = state.library.decisions.protects()
    shown = chosen[offset : offset + limit]
    names = [member.uri for group in shown for member in group.members]
    ids = {uri: known.id for uri, known in state.library.store.known(names).items()}
    held = state.images(list(ids.values()))
    return DuplicatesAnswer(
        job=number, level=report.level, total=len(chosen), pictures=sum(len(group.members) for group in chosen),
        bytes=sum(_spare(group) for group in chosen),
        groups=[
            GroupFacts(
                group=group.number,
                bytes=_spare(group),
                members=[
                    MemberFacts(
                        keeper=member.keeper, verdict=member.verdict, probability=member.probability,
                        distance=member.distance, reason=member.reason, hardlink=member.hardlink,
                        protected=protected(member.uri),
                        evidence=evidence_facts(
                            member.evidence, (member.width, member.height), (group.keeper.width, group.keeper.height)
                        ),
                        **picture_facts(*held[ids[member.uri]]),
                    )
                    for member in group.members
                    if member.uri in ids and ids[member.uri] in held
                ],
            )
            for group in shown
        ],
    )  # fmt: skip


@router.get("/duplicates/{number}/settled", operation_id="settled_groups")
def settled(
    number: Annotated[int, Path(ge=1, lt=2**31, description="Of the job that found them.")],
    state: Annotated[State, Depends(state_of)],
    verdict: Annotated[
        Literal["same-file", "same-pixels", "same-picture", "edited", "same-scene"] | None,
        Query(description="As in `GET /duplicates/{job}`."),
    ] = None,
    probability: Annotated[float, Query(ge=0, le=1)] = 0,
) -> SettledGroups:
    """Read which groups need no review any more, by what was done or decided since they were found."""
    chosen = chosen_groups(found_by(number, state), verdict=verdict, probability=probability)
    found = settled_groups(state.library, chosen)
    return SettledGroups(job=number, settled=[SettledGroup(**asdict(one)) for one in found])


def found_by(number: int, state: State) -> DuplicateReport:
    """Return what a job found: see `State.value_of`."""
    report: DuplicateReport = state.value_of(number, "duplicates")
    return report


def _spare(group: DuplicateGroup) -> int:
    return sum(member.bytes for member in group.members if not member.keeper and not member.hardlink)
