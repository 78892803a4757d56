"""D3: whoever acts is killed at any step, at any time: each file is at its old or its new place, and all comes back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.actions.killing import ACTS
from tests.torture import TORTURE, record

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

ROOT = Path(__file__).parents[2]
STRIDE = 1 if TORTURE else 37
KILLS = 200 if TORTURE else 4


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Return a folder, in memory where there is such a disk, and one on another file system, or nothing."""
    base = "/dev/shm"
    if not os.access(base, os.W_OK) or os.stat(base).st_dev == tmp_path.stat().st_dev:
        yield tmp_path, ""
        return
    with tempfile.TemporaryDirectory(dir=base) as folder:
        yield Path(folder), str(tmp_path)


def let(mode: str, folder: Path, other: str, number: int) -> dict[str, int]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.actions.killing", mode, str(folder), other, str(number)]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=3000)
    print(ended.stdout)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told: dict[str, int] = json.loads(ended.stdout.splitlines()[-1])
    return told


def test_killed_at_any_step_nothing_is_missing_and_all_comes_back(disks: tuple[Path, str]):
    told = let("steps", *disks, STRIDE)
    for act in ACTS:
        if act != "carry" or disks[1]:
            assert told[f"apply {act}"] > 0
            assert told[f"undo {act}"] > 0
    record("D3", f"killed at each {STRIDE}. step of doing and undoing", sum(told.values()), "0 files missing")


def test_killed_at_any_time_nothing_is_missing_and_all_comes_back(disks: tuple[Path, str]):
    assert sum(let("times", *disks, KILLS).values()) == KILLS
    record("D3", "killed at random moments", KILLS, "0 files missing")
