"""Plans as files: JSON lines or CSV by the suffix, to be read, edited and applied."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from lookalike.actions.plan import Plan
from lookalike.actions.rows import COLUMNS, KEEP, LABELS, LIST, PROTECT, PROVEN, PlanRow
from lookalike.defaults import ACTS
from lookalike.errors import UsageError
from lookalike.frames import json_text
from lookalike.render import write_file, write_rows
from lookalike.sources import is_url, normalise_uri
from lookalike.tables import read_table
from lookalike.types import Uri
from lookalike.words import COPIES

__all__ = ["check_plan", "read_groups", "read_plan", "write_plan", "write_plan_to"]

FACES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
HEADER = "lookalike plan"
FORMAT = 1


def face_of_plan(path: str | os.PathLike[str]) -> str:
    """Return "csv" or "jsonl" by the suffix of a plan's file."""
    suffix = Path(path).suffix.lower()
    if suffix not in FACES:
        raise UsageError(f"a plan is a .jsonl or a .csv file, not {suffix or 'a file without suffix'}")
    return FACES[suffix]


def write_plan(plan: Plan, path: str | os.PathLike[str]) -> None:
    """Write a plan as JSON lines or CSV, by the suffix of `path`.

    Raises
    ------
    UsageError
        For another suffix.
    """
    face = face_of_plan(path)
    write_file(Path(path), lambda stream: write_plan_to(plan, face, stream))


def write_plan_to(plan: Plan, face: str, stream: BinaryIO) -> None:
    """Write a plan to a binary stream, as "jsonl" or "csv"; only JSON lines have a first line about the whole plan."""
    if face == "jsonl":
        made = None if plan.made is None else datetime.fromtimestamp(plan.made, UTC).isoformat(timespec="seconds")
        about = {
            HEADER: FORMAT, "version": plan.version, "library": plan.library, "made": made, "level": plan.level,
            "probability": plan.probability,
        }  # fmt: skip
        stream.write(json_text(about).encode() + b"\n")
    write_rows(plan.rows(), "csv" if face == "csv" else "jsonl", stream)


def read_plan(path: str | os.PathLike[str]) -> Plan:
    """Read a plan, which may have been edited: rows deleted, acts changed.

    Raises
    ------
    UsageError
        If it cannot be read, or says what makes no sense: the message names the line.
    """
    about: Mapping[str, Any] = {}
    items = []
    for line, values in _csv(path) if face_of_plan(path) == "csv" else _json(path):
        if HEADER in values:
            about = values
            if values[HEADER] != FORMAT:
                raise UsageError(f"{path}: this plan has another format, of Lookalike {values.get('version')}")
        else:
            items.append(_row(f"{path}, line {line}", line, values))
    made, probability = about.get("made"), about.get("probability")
    try:
        moment = datetime.fromisoformat(made).timestamp() if made else None
        probability = None if probability is None else float(probability)
    except (ValueError, TypeError, OverflowError) as error:
        raise UsageError(f"{path}: its first line, about the plan, says what cannot be: {error}") from error
    plan = Plan(
        tuple(_with_chosen_keepers(items, str(path))), str(about.get("library") or ""), str(about.get("version") or ""),
        moment, str(about.get("level") or ""), probability, path=os.path.abspath(path),
    )  # fmt: skip
    check_plan(plan, str(path))
    return plan


def read_groups(path: str | os.PathLike[str]) -> dict[int, tuple[Uri, ...]]:
    """Return the files of each group of a plan, or of what `lookalike duplicates` wrote as CSV or JSON lines.

    Raises
    ------
    UsageError
        If it cannot be read or has no groups.
    """
    groups: dict[int, dict[Uri, None]] = {}
    rows: list[tuple[int, Any, Any]]
    if face_of_plan(path) == "csv":
        rows = [(line, given[0], given[1]) for line, given, _ in read_table(path, ["group"], ["uri"])]
    else:
        rows = [(line, values.get("group"), values.get("uri")) for line, values in _json(path) if HEADER not in values]
    for line, number, uri in rows:
        if number not in (None, ""):  # a protected folder, or a label file
            group = _integer(number)
            if group is None or not isinstance(uri, str) or not uri:
                raise UsageError(f"{path}, line {line}: a row has a group, which is a number, and a uri")
            groups.setdefault(group, {})[uri] = None
    return {number: tuple(uris) for number, uris in groups.items()}


def check_plan(plan: Plan, name: str = "the plan") -> None:
    """Refuse a plan whose rows contradict each other.

    Raises
    ------
    UsageError
        If a file is named twice, or a group has a file to act on and not exactly one keeper.
    """
    seen: dict[str, PlanRow] = {}
    keepers: dict[int | None, PlanRow] = {}
    for item in plan.items:
        where = f"{name}, line {item.line}" if item.line else name
        for uri in (item.uri, *item.together) if item.act != PROTECT else ():
            if uri in seen:
                before = f" in line {seen[uri].line}" if seen[uri].line else ""
                raise UsageError(f"{where}: {uri} is named before{before}: leave one of them")
            seen[uri] = item
        if item.keeper:
            if item.group in keepers:
                raise UsageError(f"{where}: group {item.group} has a keeper already: leave one of them")
            keepers[item.group] = item
    for item in plan.acting:
        where = f"{name}, line {item.line}" if item.line else name
        if item.keeper:
            raise UsageError(f"{where}: {item.uri} is the keeper, so its act is {KEEP}")
        if item.group not in keepers:
            raise UsageError(f"{where}: group {item.group} has no keeper, so nothing may be done with {item.uri}")


def _with_chosen_keepers(items: Sequence[PlanRow], name: str) -> list[PlanRow]:
    """Return the rows with the keeper of each group that an edit has chosen.

    The column keeper says against which file the others were held, the act what is to be done. Where that file is to go
    and another is to be kept, the two change places. What was proven of the others holds against the new keeper, too;
    of what was not proven nothing is known.
    """
    groups: dict[int | None, list[PlanRow]] = {}
    for item in items:
        groups.setdefault(item.group, []).append(item)
    changed: dict[str, PlanRow] = {}
    for group, rows in groups.items():
        keepers, kept = [row for row in rows if row.keeper], [row for row in rows if row.act == KEEP and not row.keeper]
        if len(keepers) != 1:
            continue  # protected folders, or what `check_plan` refuses
        old = keepers[0]
        new = kept[0] if old.acts and kept else old
        if new is old and old.acts:
            raise UsageError(
                f"{name}, line {old.line}: nothing of group {group} would be kept: put {KEEP} in the act of one of its "
                "files"
            )
        for row in kept:
            changed[row.uri] = replace(row, act=LIST)
        if new is not old:
            changed[old.uri] = replace(
                old, keeper=False, verdict=new.verdict, probability=new.probability, bytes=old.size or 0
            )
            changed |= {row.uri: _against(row, new, name) for row in rows if row.acts and row is not old}
        changed[new.uri] = replace(new, keeper=True, act=KEEP, verdict=None, probability=None, to="", bytes=0)
    return [changed.get(item.uri, item) if item.group is not None else item for item in items]


def _against(row: PlanRow, keeper: PlanRow, name: str) -> PlanRow:
    """Return a row with what it is to a new keeper, where both are proven to be what the old one is."""
    if row.sha256 == keeper.sha256:
        return replace(row, verdict="same-file", probability=1.0)
    if row.verdict in PROVEN and keeper.verdict in PROVEN:
        return replace(row, verdict="same-pixels", probability=1.0)
    raise UsageError(
        f"{name}, line {row.line}: {row.uri} was held against another keeper, and what it is to {keeper.uri} is not "
        f"known: set its act to {LIST}, or plan anew with --keep"
    )


def _csv(path: str | os.PathLike[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, _, row in read_table(path, ["group"], ["uri"], ["keeper"], ["act"], ["sha256"]):
        values: dict[str, Any] = {name: value.strip() if name != "uri" else value for name, value in row.items()}
        for name in ("with", "with_sha256"):
            try:
                values[name] = json.loads(values.get(name) or "[]")
            except (ValueError, RecursionError) as error:
                raise UsageError(f'{path}, line {line}: {name} is a list as in JSON, ["a", "b"]') from error
        keeper = values["keeper"].lower()
        values["keeper"] = {"true": True, "false": False, "": False, "1": True, "0": False}.get(keeper, keeper)
        yield line, values


def _json(path: str | os.PathLike[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with open(path, encoding="utf-8-sig") as stream:
            for line, text in enumerate(stream, 1):
                if not text.strip():
                    continue
                try:
                    values = json.loads(text)
                except (ValueError, RecursionError) as error:
                    raise UsageError(f"{path}, line {line}: this is no JSON object") from error
                if not isinstance(values, dict):
                    raise UsageError(f"{path}, line {line}: this is no JSON object")
                yield line, values
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(f"{path} cannot be read: {reason}") from error


def _row(where: str, line: int, values: Mapping[str, Any]) -> PlanRow:
    def wrong(what: str) -> UsageError:
        return UsageError(f"{where}: {what}")

    unknown = values.keys() - set(COLUMNS)
    if not values.keys() >= {"uri", "act"}:
        raise wrong(
            f"a row has at least group, uri, keeper, act and sha256; this one has {', '.join(unknown) or 'none'}"
        )
    act, uri, keeper = values["act"], values["uri"], values.get("keeper", False)
    if act not in (*ACTS, KEEP, PROTECT, LABELS):
        raise wrong(f"there is no act {act!r}: choose one of {', '.join((*ACTS, KEEP, PROTECT, LABELS))}")
    if not _names_a_file(uri) or is_url(uri) or normalise_uri(uri) != uri:
        raise wrong(f"uri is the absolute path of a file, not {uri!r}")
    if act in (PROTECT, LABELS):
        folder = values.get("to") or ""
        if folder and not (_names_a_file(folder) and Path(folder).is_absolute()):
            raise wrong(f"to is the absolute path of a folder, not {folder!r}")
        return PlanRow(None, uri, False, act, folder, reason=str(values.get("reason") or ""), line=line)
    if not isinstance(keeper, bool):
        raise wrong(f"keeper is true or false, not {keeper!r}")
    group, size = _integer(values.get("group")), _integer(values.get("size"))
    if group is None:
        raise wrong(f"group is a number, not {values.get('group')!r}")
    sha256 = values.get("sha256")
    if not isinstance(sha256, str) or len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise wrong("sha256 is 64 hexadecimal digits: without it the file cannot be known again")
    verdict, to = values.get("verdict") or None, values.get("to") or ""
    if not keeper and (not isinstance(verdict, str) or verdict not in COPIES):
        raise wrong(f"the verdict is {verdict!r}: only {', '.join(sorted(COPIES))} are copies")
    if act == "move" and not (_names_a_file(to) and Path(to).is_absolute()):
        raise wrong(f"the act move needs the absolute path of a folder in the column to, not {to!r}")
    companions, hashes = values.get("with") or [], values.get("with_sha256") or []
    if not _are_texts(companions) or not _are_texts(hashes) or len(companions) != len(hashes):
        raise wrong("with and with_sha256 are two lists of as many texts")
    probability = values.get("probability")
    try:
        probability = None if probability in (None, "") else float(probability)
    except (TypeError, ValueError, OverflowError) as error:
        raise wrong(f"probability is a number, not {probability!r}") from error
    return PlanRow(
        group, uri, keeper, act, to if act == "move" else "", None if keeper else str(verdict), probability,
        _integer(values.get("bytes")) or 0, str(values.get("reason") or ""), tuple(companions), size,
        _integer(values.get("mtime_ns")), _integer(values.get("device")), _integer(values.get("inode")), sha256,
        tuple(hashes), line,
    )  # fmt: skip


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(_names_a_file(value) for value in values)


def _names_a_file(value: Any) -> bool:
    """Say whether a value could be a path: JSON holds texts that no file system takes."""
    try:
        return isinstance(value, str) and bool(value) and "\0" not in value and bool(os.fsencode(value))
    except UnicodeEncodeError:
        return False


def _integer(value: Any) -> int | None:
    """Return a whole number; None for what a spreadsheet has made of a large one."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        return int(value) if not isinstance(value, float) or value.is_integer() else None
    except (ValueError, TypeError):
        return None
