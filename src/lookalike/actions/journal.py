"""The journal of a run: what is about to be done to each file, on disk before it is done, and what became of it.

One file of JSON lines per run, in the folder ``history`` of the library. A line that a crash cut off tells of nothing
that was done, since nothing is done before its line is on disk; it is passed over.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from lookalike.actions.pieces import Entries, Piece, piece_from
from lookalike.durable import sync_folder
from lookalike.errors import LibraryError, UsageError

__all__ = ["Journal", "Run", "Step", "is_settled", "journals", "read_run"]

HISTORY = "history"
ENDED = b'{"ended": true}\n'


@dataclass
class Step:
    """One act on one file, or on one file and what moves with it.

    Attributes
    ----------
    state
        "begun" (a crash left it half done), "done", "failed" (nothing happened), "undoing", "undone", "deleting",
        "deleted" (emptied out of the quarantine).
    keeper, keeper_sha256
        The file that is kept in its stead.
    bytes
        Won, once the quarantine is emptied.
    """

    number: int
    act: str
    uri: str
    keeper: str
    keeper_sha256: str
    bytes: int
    pieces: tuple[Piece, ...]
    state: str = "begun"
    reason: str = ""

    @property
    def files(self) -> tuple[Piece, ...]:
        """The pieces that are files which go away, the picture first; not the label files, which stay."""
        return tuple(piece for piece in self.pieces if not isinstance(piece, Entries))


@dataclass
class Run:
    """All that a journal tells of a run."""

    name: str
    path: Path
    started: float = 0.0
    plan: str = ""
    version: str = ""
    steps: dict[int, Step] = field(default_factory=dict)
    refused: list[tuple[str, str, str]] = field(default_factory=list)
    ended: bool = False

    @property
    def unresolved(self) -> list[Step]:
        """The steps that a crash left half done."""
        return [step for step in self.steps.values() if step.state in ("begun", "undoing", "deleting")]


class Journal:
    """A journal open for writing. Use it as a context manager.

    Raises
    ------
    LibraryError
        If it cannot be written: then nothing is done.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o600)
            size = os.fstat(self._file).st_size
            if size and self._last_byte() != b"\n":
                self._write(b"\n")  # after a line that a crash cut off
            sync_folder(str(path.parent))
        except OSError as error:
            raise self._error(error) from error

    @classmethod
    def create(cls, folder: Path, plan: str, version: str) -> Self:
        """Return the journal of a new run of a library, named by the time."""
        started = datetime.now(UTC)
        stem = started.strftime("%Y%m%d-%H%M%S")
        for number in range(1, 10_000):
            name = stem if number == 1 else f"{stem}-{number}"
            path = folder / HISTORY / f"{name}.jsonl"
            if not path.exists():
                journal = cls(path)
                journal.add({"run": name, "started": started.timestamp(), "plan": plan, "version": version}, sync=True)
                return journal
        raise LibraryError(f"{folder / HISTORY} has too many runs of this second: try again")

    @property
    def name(self) -> str:
        return self.path.stem

    def add(self, line: Mapping[str, Any], *, sync: bool) -> None:
        """Add a line; with `sync` it is on disk when this returns.

        Raises
        ------
        LibraryError
            If it cannot be written.
        """
        try:
            self._write(json.dumps(line).encode() + b"\n")
            if sync:
                os.fsync(self._file)
        except OSError as error:
            raise self._error(error) from error

    def begin(self, step: Step) -> None:
        """Write down what is about to be done, and have it on disk."""
        line = {
            "step": step.number, "state": "begun", "act": step.act, "uri": step.uri, "keeper": step.keeper,
            "keeper_sha256": step.keeper_sha256, "bytes": step.bytes, "pieces": [p.as_dict() for p in step.pieces],
        }  # fmt: skip
        self.add(line, sync=True)

    def mark(self, step: Step, state: str, reason: str = "", *, sync: bool = False) -> None:
        """Write down what became of a step."""
        step.state, step.reason = state, reason
        self.add({"step": step.number, "state": state, **({"reason": reason} if reason else {})}, sync=sync)

    def end(self) -> None:
        """Write down that all that was begun came to its end."""
        self.add({"ended": True}, sync=True)

    def close(self) -> None:
        """Close it, all of it on disk."""
        with contextlib.suppress(OSError):
            os.fsync(self._file)
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _last_byte(self) -> bytes:
        os.lseek(self._file, -1, os.SEEK_END)
        return os.read(self._file, 1)

    def _write(self, line: bytes) -> None:
        start = os.lseek(self._file, 0, os.SEEK_END)
        try:
            while line:
                line = line[os.write(self._file, line) :]
        except OSError:
            with contextlib.suppress(OSError):  # what follows must not be glued to half a line
                os.ftruncate(self._file, start)
            raise

    def _error(self, error: OSError) -> LibraryError:
        return LibraryError(
            f"the journal {self.path} cannot be written ({error.strerror or error}), so nothing more is done: "
            "free some space or allow it, and run the command again"
        )


def journals(folder: Path) -> list[Path]:
    """Return the journals of a library, oldest run first."""
    return sorted((folder / HISTORY).glob("*.jsonl"), key=_order)


def _order(path: Path) -> tuple[str, int]:
    parts = path.stem.split("-")
    return "-".join(parts[:2]), int(parts[2]) if len(parts) > 2 and parts[2].isdecimal() else 1


def is_settled(path: Path) -> bool:
    """Say whether a journal's last line tells that all before it came to its end, without reading all of it."""
    try:
        with open(path, "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - 64))
            return stream.read().endswith(b"\n" + ENDED)
    except OSError:
        return False


def read_run(path: Path) -> Run:
    """Return what a journal tells; lines that were cut off are passed over.

    Raises
    ------
    UsageError
        If it cannot be read, or a line of it is whole and says what no journal says.
    """
    run = Run(path.stem, path)
    try:
        for line in _lines(path):
            _tell(run, line)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise UsageError(
            f"the journal {path} has been changed or damaged ({type(error).__name__}: {error}), so nothing is done by "
            "it: put a copy of it back"
        ) from error
    except OSError as error:
        raise UsageError(f"the journal {path} cannot be read: {error.strerror or error}") from error
    return run


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with open(path, "rb") as stream:
        for text in stream:
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if isinstance(line, dict):
                yield line


def _tell(run: Run, line: dict[str, Any]) -> None:
    if "run" in line:
        run.started, run.plan, run.version = float(line["started"]), line.get("plan", ""), line.get("version", "")
        datetime.fromtimestamp(run.started, UTC)
        _texts(run.plan, run.version)
    elif "refused" in line:
        run.refused.append(_texts(line["refused"], line.get("act", ""), line.get("reason", "")))
    elif line.get("ended"):
        run.ended = True
    elif "pieces" in line:
        pieces = tuple(piece_from(piece) for piece in line["pieces"])
        _texts(line["act"], line["uri"], line["keeper"], line["keeper_sha256"])
        if type(line["step"]) is not int or type(line["bytes"]) is not int or not pieces:
            raise TypeError("a step has a number, its bytes and its pieces")
        run.steps[line["step"]] = Step(
            line["step"], line["act"], line["uri"], line["keeper"], line["keeper_sha256"], line["bytes"], pieces
        )
    elif line.get("step") in run.steps:
        step = run.steps[line["step"]]
        step.state, step.reason = _texts(line["state"], line.get("reason", ""))


def _texts(*values: Any) -> Any:
    """Return values that are all texts."""
    if not all(isinstance(value, str) for value in values):
        raise TypeError(f"one of {values!r} is no text")
    return values
