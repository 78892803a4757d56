"""Acting on copies: a plan, what it comes to, applying it, undoing it. The page never touches a file."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response

from lookalike.actions import Acted, ApplyReport, Plan, PlanRow, Undone, UndoReport, apply_plan
from lookalike.actions import history as runs
from lookalike.actions import undo as undo_run
from lookalike.actions.planfile import write_plan_to
from lookalike.actions.reviewed import plan_reviewed, sample_of
from lookalike.server.api.duplicates import found_by
from lookalike.server.jobs import Job
from lookalike.server.schemas import JobFacts
from lookalike.server.schemas_acting import (
    ActedFacts,
    ActedPage,
    ApplyRequest,
    HistoryFacts,
    LeftOut,
    PlanFacts,
    PlanRequest,
    PlanRowFacts,
    RunFacts,
    SampleFacts,
    SumFacts,
    UndoRequest,
)
from lookalike.server.state import State, state_of

__all__ = ["router"]

router = APIRouter(tags=["acting"])

Number = Annotated[int, Path(ge=1, lt=2**31, description="Of the job that made it.")]
Offset = Annotated[int, Query(ge=0, lt=2**31)]
Limit = Annotated[int, Query(ge=1, le=500)]

_SAMPLES = 12


@router.post("/plan", operation_id="plan", status_code=202)
def plan(asked: PlanRequest, state: Annotated[State, Depends(state_of)]) -> JobFacts:
    """Plan what to do with the copies that a job found, as a job; `GET /plan/{job}` reads the plan."""
    report = found_by(asked.job, state)
    given = (state.job(asked.job).result or {})["asked"]
    names = state.images([*asked.keep, *asked.remove])

    def work(job: Job) -> dict[str, object]:
        with state.writer() as library:
            made = plan_reviewed(
                library,
                report,
                paths=given["paths"],
                groups=asked.groups,
                verdict=asked.verdict,
                sure=asked.probability,
                keep=[names[id_][0].uri for id_ in asked.keep if id_ in names],
                remove=[names[id_][0].uri for id_ in asked.remove if id_ in names],
                act=asked.act,
                move_to=asked.move_to,
                protect=asked.protect,
                probability=given["probability"],
                rules=given["keep"],
                progress=lambda done, total: state.jobs.tell(job, stage="planning", done=done, total=total),
            )
        job.value = made
        return {"files": _files(made), "bytes": _bytes(made), "left_out": dict(made.left_out)}

    return JobFacts(**state.jobs.start("plan", f"Plan: {asked.act}", work).facts())


@router.get("/plan/{number}", operation_id="plan_rows")
def plan_rows(
    number: Number, state: Annotated[State, Depends(state_of)], offset: Offset = 0, limit: Limit = 50
) -> PlanFacts:
    """Read what a plan comes to, twelve of its rows at random, and its rows by pages."""
    made: Plan = state.value_of(number, "plan")
    shown = made.items[offset : offset + limit]
    samples = sample_of(made, _SAMPLES, seed=number)
    facts = _row_facts([*shown, *(row for pair in samples for row in pair)], state)
    return PlanFacts(
        job=number, files=_files(made), bytes=_bytes(made),
        sum=[SumFacts(act=act, files=files, bytes=size) for act, files, size in made.sum().values],
        left_out=[LeftOut(reason=reason, files=count) for reason, count in made.left_out],
        samples=[SampleFacts(row=facts[row.uri], keeper=facts[keeper.uri]) for row, keeper in samples],
        total=len(made.items), rows=[facts[row.uri] for row in shown],
    )  # fmt: skip


@router.get(
    "/plan/{number}/file", operation_id="plan_file", response_class=Response,
    responses={200: {"content": {"application/x-ndjson": {}, "text/csv": {}}}},
)  # fmt: skip
def plan_file(
    number: Number,
    state: Annotated[State, Depends(state_of)],
    face: Annotated[Literal["jsonl", "csv"], Query(alias="format")] = "jsonl",
) -> Response:
    """Read a plan as the file that `lookalike apply` takes."""
    made: Plan = state.value_of(number, "plan")
    stream = io.BytesIO()
    write_plan_to(made, face, stream)
    return Response(
        stream.getvalue(), media_type="text/csv" if face == "csv" else "application/x-ndjson",
        headers={"content-disposition": f'attachment; filename="plan-{number}.{face}"'},
    )  # fmt: skip


@router.post("/apply", operation_id="apply", status_code=202)
def apply(asked: ApplyRequest, state: Annotated[State, Depends(state_of)]) -> JobFacts:
    """Do what a plan says, as a job. Each file is checked once more; `GET /apply/{job}` tells what became of each."""
    made: Plan = state.value_of(asked.plan, "plan")

    def work(job: Job) -> dict[str, object]:
        tell = _Teller(state, job, "acting", len(made.acting))
        with state.writer() as library:
            report = apply_plan(library, made, protect=asked.protect, dry_run=asked.dry_run, on_row=tell)
        job.value = report
        won = sum(one.bytes for one in report.acted if one.state in ("done", "would"))
        return {"run": report.run, **_counts(report.acted), "bytes": won, "plan": asked.plan}

    return JobFacts(**state.jobs.start("apply", f"Apply plan {asked.plan}", work).facts())


@router.get("/apply/{number}", operation_id="applied")
def applied(
    number: Number,
    state: Annotated[State, Depends(state_of)],
    only: Literal["done", "refused", "displaced", "would"] | None = None,
    offset: Offset = 0,
    limit: Limit = 50,
) -> ActedPage:
    """Read what became of each file of a plan, the failures with their reasons."""
    report: ApplyReport = state.value_of(number, "apply")
    return _page(number, report.run, report.acted, only, offset, limit)


@router.post("/undo", operation_id="undo", status_code=202)
def undo(asked: UndoRequest, state: Annotated[State, Depends(state_of)]) -> JobFacts:
    """Bring back the files that a run took away, as a job; `GET /undo/{job}` tells what became of each."""

    def work(job: Job) -> dict[str, object]:
        tell = _Teller(state, job, "undoing", None)
        with state.writer() as library:
            report = undo_run(library, asked.run, on_row=tell)
        job.value = report
        return {"run": report.run, **_counts(report.undone)}

    return JobFacts(**state.jobs.start("undo", f"Undo {asked.run or 'the last run'}", work).facts())


@router.get("/undo/{number}", operation_id="undone")
def undone(
    number: Number,
    state: Annotated[State, Depends(state_of)],
    only: Literal["undone", "refused"] | None = None,
    offset: Offset = 0,
    limit: Limit = 50,
) -> ActedPage:
    """Read what became of each act that was to be undone."""
    report: UndoReport = state.value_of(number, "undo")
    return _page(number, report.run, report.undone, only, offset, limit)


@router.get("/history", operation_id="history")
def history(state: Annotated[State, Depends(state_of)]) -> HistoryFacts:
    """Read what was applied, run by run, the newest first."""
    return HistoryFacts(runs=[RunFacts(**asdict(one)) for one in runs(state.library).runs])


class _Teller:
    """Tells how far a job is, and how many of its files were refused."""

    def __init__(self, state: State, job: Job, stage: str, total: int | None) -> None:
        self._state, self._job, self._stage, self._total = state, job, stage, total
        self._done = self._failed = 0

    def __call__(self, row: Acted | Undone) -> None:
        """Count a row."""
        self._done += 1
        self._failed += row.state in ("refused", "displaced")
        self._state.jobs.tell(
            self._job, stage=self._stage, done=self._done, total=self._total, failed=self._failed
        )  # fmt: skip


def _files(made: Plan) -> int:
    return sum(1 + len(row.together) for row in made.acting)


def _bytes(made: Plan) -> int:
    return sum(row.bytes for row in made.acting)


def _counts(rows: Iterable[Acted | Undone]) -> dict[str, int]:
    return dict(Counter(row.state for row in rows))


def _page(
    number: int, run: str, rows: Sequence[Acted | Undone], only: str | None, offset: int, limit: int
) -> ActedPage:
    chosen = [row for row in rows if only in (None, row.state)]
    return ActedPage(
        job=number, run=run, counts=_counts(rows), total=len(chosen),
        rows=[ActedFacts(**asdict(row)) for row in chosen[offset : offset + limit]],
    )  # fmt: skip


def _row_facts(rows: Sequence[PlanRow], state: State) -> dict[str, PlanRowFacts]:
    known = state.library.store.known([row.uri for row in rows])
    held = state.images([one.id for one in known.values()])
    found = {}
    for row in rows:
        image, content = held.get(known[row.uri].id, (None, None)) if row.uri in known else (None, None)
        found[row.uri] = PlanRowFacts(
            id=image.id if image else 0, version=content.hash.hex()[:16] if content else "",
            width=content.width if content else 0, height=content.height if content else 0,
            group=row.group, uri=row.uri, keeper=row.keeper, act=row.act, to=row.to, verdict=row.verdict,
            probability=row.probability, bytes=row.bytes, size=row.size, reason=row.reason, together=list(row.together),
        )  # fmt: skip
    return found
