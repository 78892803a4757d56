"""Checks of library.db: the file, its rows, its vectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lookalike.descriptors import available, get_descriptor
from lookalike.errors import LibraryError, LibraryFormatError, LookalikeError
from lookalike.health.report import Check
from lookalike.store import Examination, HeldDescriptor
from lookalike.store.schema import VERSION
from lookalike.types import DescriptorSpec
from lookalike.words import human_count

__all__ = ["check_catalogue", "known_specs"]

SALVAGE = "`lookalike doctor --repair` reads out what can be read; `lookalike index` makes the rest again"
REPAIR = "`lookalike doctor --repair`"


def check_catalogue(library: Examination) -> Iterator[Check]:
    """Yield what is found of the file, of its rows and of its vectors. Where the file cannot be read, only that."""
    try:
        if not library.is_library():
            yield Check("format", "bad", f"{library.path} is no library of Lookalike", "choose another --library")
            return
        version = library.version()
        yield _format(version)
        if version > VERSION:
            return
        file = _database(library)
        yield file
        if file.state == "bad":
            return
        yield from _rows(library)
        held = library.descriptors()
        specs = known_specs() if held else {}
        for descriptor in held:
            yield _vectors(library, descriptor, specs)
        yield _vectors_in_all(library)
        if scalers := library.damaged_scalers():
            yield Check(
                "scalers", "bad", f"{human_count(len(scalers), 'scaler')} of standardised descriptors cannot be right",
                REPAIR, mendable=True,
            )  # fmt: skip
    except LibraryFormatError as error:
        yield Check("database", "bad", str(error), SALVAGE, mendable=True)
    except LibraryError as error:
        yield Check("database", "bad", str(error), "close whatever has it open, or allow it to be read")


def _format(version: int) -> Check:
    if version > VERSION:
        what = f"format {version}, made by a newer version: this one reads up to {VERSION}"
        return Check("format", "bad", what, "update Lookalike")
    if version < VERSION:
        remedy = "any command that may write renews it, and keeps a copy beside it"
        return Check("format", "warning", f"format {version}, made by an older version", remedy, mendable=True)
    return Check("format", "ok", f"format {version}")


def _database(library: Examination) -> Check:
    faults = library.integrity()
    tables, indexes = library.shape()
    if tables:
        what = f"without the tables of its format, or with other columns: {', '.join(tables)}"
        return Check("database", "bad", what, SALVAGE, mendable=True)
    if faults or indexes:
        what = f"SQLite finds {human_count(len(faults), 'fault')}: {faults[0]}" if faults else f"no {indexes[0]}"
        return Check("database", "bad", what.replace("\n", " "), SALVAGE if faults else REPAIR, mendable=True)
    return Check("database", "ok", "whole, by SQLite's own check")


def _rows(library: Examination) -> Iterator[Check]:
    faults = library.row_faults()
    referring = library.foreign_keys()
    if faults:
        words = ", ".join(f"{fault.count} {fault.what}" for fault in faults)
        yield Check("rows", "bad", f"rows that ought not to be: {words}", f"{REPAIR} drops them", mendable=True)
    elif referring:
        words = ", ".join(f"{count} of {table}" for table, count in referring.items())
        yield Check("rows", "bad", f"rows that refer to nothing: {words}", SALVAGE, mendable=True)
    else:
        ok, other, missing, _ = library.counts()
        more = [human_count(other, "failed or skipped", "failed or skipped")] if other else []
        more += [f"{missing} gone"] if missing else []
        yield Check("rows", "ok", ", ".join([human_count(ok, "picture"), *more]))


def known_specs() -> dict[str, DescriptorSpec]:
    """Return the specs of the descriptors that there are, by fingerprint."""
    from lookalike.descriptors.onnx import trained

    specs: dict[str, DescriptorSpec] = {}
    for name in (*available(), *trained()):
        try:
            spec = get_descriptor(name).spec
        except LookalikeError:
            continue
        specs[spec.fingerprint] = spec
    return specs


def _vectors(library: Examination, descriptor: HeldDescriptor, specs: Mapping[str, DescriptorSpec]) -> Check:
    name = f"vectors {descriptor.name}"
    if descriptor.spec is None:
        what = "what made them was written down in a way that cannot be understood"
        return Check(name, "bad", what, f"{REPAIR}; `lookalike index` makes what it drops again", mendable=True)
    faults = library.damaged_vectors(descriptor)
    if faults:
        words = ", ".join(f"{len(ids)} {why}" for why, ids in faults.items())
        remedy = f"{REPAIR} drops them, then `lookalike index PATH --descriptor {descriptor.name}` makes them again"
        return Check(name, "bad", f"that cannot be right: {words}", remedy, mendable=True)
    count = library.vector_count(descriptor)
    if count and descriptor.fingerprint not in specs and descriptor.name in {spec.name for spec in specs.values()}:
        what = f"{human_count(count, 'vector')} made by other weights or another preprocessing than there are now"
        return Check(name, "warning", what, f"`lookalike index PATH --descriptor {descriptor.name}` makes new ones")
    unit = " of unit length" if descriptor.spec.metric == "cosine" else ""
    of = library.counts()[3]
    return Check(name, "ok", f"{count:,} of {human_count(of, 'content')}, finite{unit}" if count else "none any more")


def _vectors_in_all(library: Examination) -> Check:
    orphans, unnamed, lacking = library.orphan_vectors(), library.chunks_without_token(), library.without_vector()
    if orphans:
        return Check(
            "vectors", "bad", f"{human_count(len(orphans), 'vector')} of no content or of no descriptor", REPAIR,
            mendable=True,
        )  # fmt: skip
    if unnamed:
        what = f"{human_count(len(unnamed), 'chunk')} of vectors that no search sees"
        return Check("vectors", "bad", what, REPAIR, mendable=True)
    if lacking:
        what = (
            f"{human_count(lacking, 'picture')} without any vector: no search finds {'it' if lacking == 1 else 'them'}"
        )
        return Check("vectors", "warning", what, "`lookalike index PATH` on their folders")
    return Check("vectors", "ok", "each belongs to a picture, and each picture has one")
