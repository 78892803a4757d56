"""Checks of what Lookalike runs on: Python, packages, codecs, models, the disk."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import numpy as np

from lookalike.defaults import DESCRIPTORS
from lookalike.descriptors import get_descriptor
from lookalike.descriptors.runtime import onnx_runtime
from lookalike.errors import LookalikeError
from lookalike.health.report import Check, State
from lookalike.health.tiny import FORMATS, decodes
from lookalike.indexing import available_cores
from lookalike.store import network_kind
from lookalike.words import human_bytes, human_count

__all__ = ["check_disk", "check_environment"]

PYTHON = (3, 11)
SQLITE = (3, 35, 0)

PACKAGES = {
    "numpy": "numpy", "pillow": "PIL", "pi-heif": "pi_heif", "simplejpeg": "simplejpeg", "blake3": "blake3",
    "opencv-python-headless": "cv2", "onnxruntime": "onnxruntime", "faiss-cpu": "faiss", "scikit-learn": "sklearn",
}  # fmt: skip
"""Packages without which some command does nothing, and the module of each."""

LITTLE, NEXT_TO_NOTHING = 1_000_000_000, 50_000_000
"""Bytes free below which a disk is said to be nearly full, and too full."""

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def check_environment() -> Iterator[Check]:
    """Yield what is found of all that does not depend on a library."""
    yield _python()
    for package, module in PACKAGES.items():
        yield _package(package, module)
    yield from _two_of_opencv()
    yield _sqlite()
    yield _providers()
    for form in FORMATS:
        why = decodes(form)
        remedy = (
            "install the package anew with `pip install --force-reinstall pillow pi-heif simplejpeg`" if why else ""
        )
        yield Check(f"decoding {form}", "bad" if why else "ok", why or "a tiny picture was decoded", remedy)
    for name in DESCRIPTORS:
        yield _descriptor(name)
    yield _threads()


def check_disk(folder: Path, newest_run: float = 0.0) -> Iterator[Check]:
    """Yield what is found of the disk on which a library lies or will lie, and of the clock."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    yield _space(place, folder)
    kind = network_kind(place)
    if kind:
        what = f"a network share ({kind}): no memory is shared between machines, so readers wait for writers"
        yield Check("file system", "warning", what, "a local disk is quicker, and safer with several machines")
    else:
        yield Check("file system", "ok", "a disk of this machine")
    yield _permission(place, folder)
    ahead = newest_run - time.time()
    if ahead > 60:
        what = f"the last run began {ahead / 3600:.1f} hours from now: the clock was set back since"
        yield Check("clock", "warning", what, "set the clock; the library itself does not depend on it")


def _python() -> Check:
    what = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < PYTHON:
        return Check("python", "bad", what, f"use Python {PYTHON[0]}.{PYTHON[1]} or newer")
    return Check("python", "ok", what)


def _package(package: str, module: str) -> Check:
    name = f"package {package}"
    try:
        if module == "onnxruntime":
            onnx_runtime()
        else:
            importlib.import_module(module)
        version = metadata.version(package)
    except metadata.PackageNotFoundError:
        return Check(name, "warning", f"{module} is there, but not of this package", f"`pip install {package}`")
    except Exception as error:  # whatever a compiled library raises when it cannot be loaded
        return Check(
            name, "bad", f"cannot be loaded: {error}".replace("\n", " "), f"`pip install --force-reinstall {package}`"
        )
    return Check(name, "ok", version)


def _two_of_opencv() -> Iterator[Check]:
    held = []
    for package in ("opencv-python", "opencv-contrib-python", "opencv-python-headless"):
        try:
            metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
        held.append(package)
    if len(held) > 1:
        yield Check(
            "package opencv", "warning", f"{' and '.join(held)} overwrite each other's files",
            f"`pip uninstall {' '.join(held)}`, then `pip install opencv-python-headless`",
        )  # fmt: skip


def _sqlite() -> Check:
    if sqlite3.sqlite_version_info < SQLITE:
        wanted = ".".join(map(str, SQLITE))
        return Check("sqlite", "bad", sqlite3.sqlite_version, f"use a Python whose SQLite is {wanted} or newer")
    return Check("sqlite", "ok", sqlite3.sqlite_version)


def _providers() -> Check:
    try:
        providers = onnx_runtime().get_available_providers()
    except Exception as error:
        return Check("providers", "bad", f"ONNX Runtime says: {error}", "`pip install --force-reinstall onnxruntime`")
    state: State = "ok" if "CPUExecutionProvider" in providers else "bad"
    remedy = "" if state == "ok" else "`pip install --force-reinstall onnxruntime`"
    return Check("providers", state, ", ".join(providers), remedy)


def _descriptor(name: str) -> Check:
    """Describe a grey ramp: the weights are there, are those that were checked, and give numbers."""
    ramp = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None] * 4, 64, axis=0).repeat(3, axis=2)
    try:
        descriptor = get_descriptor(name)
        row = descriptor.embed([ramp])[0]
    except LookalikeError as error:
        return Check(f"descriptor {name}", "bad", str(error), "install Lookalike anew")
    if row.dtype != np.uint8 and not (np.isfinite(row).all() and row.any()):
        return Check(f"descriptor {name}", "bad", "its vector is zero or not finite", "install Lookalike anew")
    return Check(f"descriptor {name}", "ok", f"{descriptor.spec.dim} {'bits' if row.dtype == np.uint8 else 'numbers'}")


def _threads() -> Check:
    cores = available_cores()
    said = {name: os.environ[name] for name in _THREADS if name in os.environ}
    words = ", ".join(f"{name}={value}" for name, value in said.items()) or "no limit set in the environment"
    what = f"{human_count(cores, 'core')} for this process, {words}"
    wrong = [name for name, value in said.items() if not value.isdecimal() or not 1 <= int(value) <= 4 * cores]
    if wrong:
        return Check(
            "threads", "warning", what, f"unset {' and '.join(wrong)}, or set a number up to that of the cores"
        )
    return Check("threads", "ok", what)


def _space(place: Path, folder: Path) -> Check:
    try:
        free = shutil.disk_usage(place).free
        held = (folder / "library.db").stat().st_size if (folder / "library.db").exists() else 0
    except OSError as error:
        return Check("disk space", "warning", f"cannot be told: {error.strerror or error}", "look at the disk")
    what = f"{human_bytes(free)} free on the disk of the library"
    if free < NEXT_TO_NOTHING:
        return Check("disk space", "bad", what, "free some space: nothing can be indexed")
    if free < max(LITTLE, 2 * held):
        return Check(
            "disk space", "warning", what, f"have {human_bytes(max(LITTLE, 2 * held))} free for indexing and repairs"
        )
    return Check("disk space", "ok", what)


def _permission(place: Path, folder: Path) -> Check:
    paths = [path for path in (place, folder / "library.db", folder / "cache") if path.exists()]
    closed = [path for path in paths if not os.access(path, os.W_OK)]
    if closed:
        what = f"{closed[0]} cannot be written to: search works, index does not"
        return Check("permissions", "warning", what, "change its permissions if you mean to index")
    return Check("permissions", "ok", "it may be read and written to")
