"""Acting on duplicates without ever losing a picture.

make_plan --> Plan --> write_plan, an editor, read_plan --> apply_plan --> ApplyReport
                                                                |
                                            journal, fsynced before each act --> undo, history
                                                                |
                                            quarantine --> empty_quarantine, by age

A plan says what is to be done with each copy. Applying it looks at every file once more, writes down what is about to
be done, and renames: a file is at its old place or its new one, whole. Whatever a crash leaves half done, the next
command finishes or takes back.
"""

from __future__ import annotations

from lookalike.actions.apply import Acted, ApplyReport, apply_plan
from lookalike.actions.emptying import Quarantine, Quarantined, empty_quarantine, quarantine
from lookalike.actions.plan import Plan, make_plan
from lookalike.actions.planfile import read_plan, write_plan
from lookalike.actions.resolving import Resolved
from lookalike.actions.reviewed import plan_reviewed
from lookalike.actions.rows import PlanRow
from lookalike.actions.runs import History, RunSummary, history
from lookalike.actions.undoing import Undone, UndoReport, undo

__all__ = [
    "Acted",
    "ApplyReport",
    "History",
    "Plan",
    "PlanRow",
    "Quarantine",
    "Quarantined",
    "Resolved",
    "RunSummary",
    "UndoReport",
    "Undone",
    "apply_plan",
    "empty_quarantine",
    "history",
    "make_plan",
    "plan_reviewed",
    "quarantine",
    "read_plan",
    "undo",
    "write_plan",
]
