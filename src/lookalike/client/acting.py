"""What changes anything: indexing, decisions, and plans of what to do with copies, applied and undone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.client.answers import Duplicates, Planned
from lookalike.client.wire import Facts, Progress, Wire, with_asked
from lookalike.defaults import ACT, DESCRIPTORS

if TYPE_CHECKING:
    from lookalike.actions import ApplyReport, History, UndoReport
    from lookalike.decisions import Decision, DecisionList

__all__ = ["Acting", "Decisions"]


class Acting(Wire):
    """The calls that change anything; they bring the token."""

    def index(
        self,
        paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        descriptors: Sequence[str] = DESCRIPTORS,
        retry: bool = False,
        progress: Progress | None = None,
    ) -> Facts:
        """Index files and folders of the server's machine, wait, and return the counts: see `lookalike.Library.add`.

        Parameters
        ----------
        paths, descriptors, retry
            As there.
        progress
            Called with the job's facts whenever they change.
        """
        listed = [paths] if isinstance(paths, str | os.PathLike) else paths
        body = {"paths": [os.fspath(path) for path in listed], "descriptors": list(descriptors), "retry": retry}
        result: Facts = self._done("/index", body, progress)["result"]
        return result

    @property
    def decisions(self) -> Decisions:
        """What people decided for good: as `lookalike.Library.decisions`."""
        return Decisions(self)

    def plan(
        self,
        found: Duplicates | int,
        *,
        groups: Sequence[int] | None = None,
        verdict: str | None = None,
        probability: float = 0.0,
        keep: Iterable[int] = (),
        remove: Iterable[int] = (),
        act: str = ACT,
        move_to: str | os.PathLike[str] | None = None,
        protect: Iterable[str | os.PathLike[str]] = (),
        progress: Progress | None = None,
    ) -> Planned:
        """Plan what to do with copies that were found, and wait. Nothing is touched; `apply` does it.

        Parameters
        ----------
        found
            What `duplicates` returned, or the number of its job.
        groups
            Numbers of the groups that are meant; None for all.
        verdict, probability
            Of these only those whose weakest pair has this verdict, and is as sure.
        keep, remove
            Ids of pictures that stay, or go, whatever was proposed. One of each group always stays.
        act, move_to, protect
            As in `lookalike.actions.make_plan`; folders of the server's machine.
        progress
            Called with the job's facts whenever they change.
        """
        body = {
            "job": found if isinstance(found, int) else found.job,
            "groups": None if groups is None else list(groups), "verdict": verdict, "probability": probability,
            "keep": [int(one) for one in keep], "remove": [int(one) for one in remove], "act": act,
            "move_to": None if move_to is None else os.fspath(move_to),
            "protect": [os.fspath(folder) for folder in protect],
        }  # fmt: skip
        return self.planned(self._done("/plan", body, progress)["id"])

    def planned(self, job: int) -> Planned:
        """Return the plan that a job made."""
        from lookalike.actions import read_plan

        facts = self._json("GET", with_asked(f"/plan/{job}", limit=1))
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "plan.jsonl"
            file.write_bytes(self._ask("GET", f"/plan/{job}/file").body)
            read = read_plan(file)
        left_out = tuple((one["reason"], one["files"]) for one in facts["left_out"])
        plan = replace(read, left_out=left_out, path="")
        return Planned(job, facts["files"], facts["bytes"], tuple(facts["samples"]), plan)

    def apply(
        self,
        plan: Planned | int,
        *,
        protect: Iterable[str | os.PathLike[str]] = (),
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> ApplyReport:
        """Do what a plan says, and wait. Each file is looked at once more before: see `lookalike.actions.apply_plan`.

        Parameters
        ----------
        plan
            What `plan` returned, or the number of its job: the plan as the server made it.
        protect, dry_run
            As there.
        progress
            Called with the job's facts whenever they change.

        Returns
        -------
        ApplyReport
            What became of each file; `resolved` is not told.
        """
        from lookalike.actions import Acted, ApplyReport

        number = plan if isinstance(plan, int) else plan.job
        body = {"plan": number, "protect": [os.fspath(folder) for folder in protect], "dry_run": dry_run}
        done = self._done("/apply", body, progress)
        rows = self._pages(f"/apply/{done['id']}", "rows")
        return ApplyReport(done["result"]["run"], tuple(Acted(**row) for row in rows))

    def undo(self, run: str | None = None, *, progress: Progress | None = None) -> UndoReport:
        """Bring back the files that a run took away, and wait: see `lookalike.actions.undo`.

        Parameters
        ----------
        run
            As `history` names it; None for the last one.
        progress
            Called with the job's facts whenever they change.

        Returns
        -------
        UndoReport
            What became of each file; `resolved` is not told.
        """
        from lookalike.actions import Undone, UndoReport

        done = self._done("/undo", {"run": run}, progress)
        rows = self._pages(f"/undo/{done['id']}", "rows")
        undone = tuple(Undone(row["uri"], row["act"], row["state"], row["reason"]) for row in rows)
        return UndoReport(done["result"]["run"], undone)

    def history(self) -> History:
        """Return what was applied, run by run, the newest first: see `lookalike.actions.history`."""
        from lookalike.actions import History, RunSummary

        runs = self._json("GET", "/history")["runs"]
        return History(tuple(RunSummary(**{**one, "acts": tuple(one["acts"])}) for one in runs))


class Decisions:
    """The lasting decisions of a server's library: those of `lookalike.Library.decisions`, of pictures by their ids."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def not_duplicates(self, pictures: Iterable[int]) -> Decision:
        """Decide that no two of these pictures are duplicates."""
        return self._decide("not-duplicates", pictures=[int(one) for one in pictures])

    def keep_all(self, pictures: Iterable[int]) -> Decision:
        """Decide that all of these pictures stay, though they may be copies of each other or of others."""
        return self._decide("keep-all", pictures=[int(one) for one in pictures])

    def keep_folder(self, folder: str | os.PathLike[str]) -> Decision:
        """Decide that the pictures at or under a folder of the server's machine are always kept."""
        return self._decide("keep-folder", folder=os.fspath(folder))

    def all(self) -> DecisionList:
        """Return all decisions, in the order in which they were made."""
        return _listed([*self._wire._pages("/decisions", "decisions")][::-1])

    def undo(self, numbers: Iterable[int]) -> DecisionList:
        """Take decisions back, by their ids; return what they were."""
        body = {"decisions": [int(number) for number in numbers]}
        return _listed(self._wire._json("POST", "/decisions/undo", body)["decisions"])

    def text(self) -> str:
        """Return all decisions as JSON lines: what `lookalike decide load` takes over into any library."""
        return self._wire._ask("GET", "/decisions/export").body.decode()

    def _decide(self, kind: str, **what: object) -> Decision:
        return _decision(self._wire._json("POST", "/decisions", {"decision": kind, **what}))


def _listed(found: Iterable[Facts]) -> DecisionList:
    from lookalike.decisions import DecisionList

    return DecisionList(tuple(map(_decision, found)))


def _decision(one: Facts) -> Decision:
    from lookalike.decisions import Decision

    uris, hashes, pixel_hashes = (tuple(one[name]) for name in ("uris", "hashes", "pixel_hashes"))
    return Decision(one["id"], one["decision"], uris, hashes, pixel_hashes, one["decided"])
