"""Work that takes longer than a request: indexing, and the list of all jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.sse import EventSourceResponse, ServerSentEvent

from lookalike.descriptors import get_descriptor
from lookalike.results import IndexReport
from lookalike.server.jobs import Job
from lookalike.server.schemas import IndexRequest, JobFacts, JobList
from lookalike.server.state import State, state_of

__all__ = ["router"]

router = APIRouter(tags=["jobs"])

Number = Annotated[int, Path(ge=1, lt=2**31, description="Of a job.")]


@router.post("/index", operation_id="index", status_code=202)
def index(asked: IndexRequest, state: Annotated[State, Depends(state_of)]) -> JobFacts:
    """Index files and folders of this machine, as a job."""
    for name in asked.descriptors:
        get_descriptor(name)  # what is wrong with a name is said at once

    def work(job: Job) -> dict[str, object]:
        def tell(report: IndexReport) -> None:
            state.jobs.tell(job, stage="indexing", done=report.found, total=report.total, failed=report.failed)
            state.give_way()

        with state.writer() as library:
            report = library.add(
                asked.paths,
                descriptors=asked.descriptors,
                max_pixels=state.settings.max_pixels,
                retry=asked.retry,
                isolated=state.settings.isolated,
                allow_private_urls=state.settings.allow_private_urls,
                progress=tell,
            )
        rows = report.rows()
        return dict(zip(rows.columns, rows.values[0], strict=True))

    return JobFacts(**state.jobs.start("index", f"Index {', '.join(asked.paths)}", work).facts())


@router.get("/jobs", operation_id="jobs")
def jobs(state: Annotated[State, Depends(state_of)]) -> JobList:
    """All jobs that are remembered, the newest first."""
    return JobList(jobs=[JobFacts(**job.facts()) for job in state.jobs.all()])


@router.get("/jobs/{number}", operation_id="job")
def job(number: Number, state: Annotated[State, Depends(state_of)]) -> JobFacts:
    """How far a job is, or what came of it."""
    return JobFacts(**state.job(number).facts())


@router.post("/jobs/{number}/stop", operation_id="stop")
def stop(number: Number, state: Annotated[State, Depends(state_of)]) -> JobFacts:
    """Have a job leave off as soon as it can; what it has done stays done."""
    state.job(number)
    return JobFacts(**state.jobs.stop(number).facts())


def _numbered(number: Number, state: Annotated[State, Depends(state_of)]) -> Job:
    return state.job(number)  # looked up before the answer begins


@router.get("/jobs/{number}/events", operation_id="job_events", response_class=EventSourceResponse)
async def job_events(
    job: Annotated[Job, Depends(_numbered)],
    state: Annotated[State, Depends(state_of)],
) -> AsyncIterator[ServerSentEvent]:
    """How far a job is, whenever that changes, as server-sent events; the last one says how it ended."""
    async for facts in state.jobs.watch(job):
        yield ServerSentEvent(comment="still here") if facts is None else ServerSentEvent(data=facts, event="job")
