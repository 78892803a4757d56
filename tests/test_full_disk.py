"""R9: the disk becomes full at the nth write of every kind: a clear error, and the old library still searches."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.torture import many, record

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs LD_PRELOAD")
def test_a_disk_that_is_full_at_any_write_costs_that_write_only(tmp_path):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler to build the full disk with")
    shim = tmp_path / "full_disk.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", str(shim), str(ROOT / "tests/full_disk.c"), "-ldl"], check=True, timeout=60
    )
    points = many(16, 400)
    done = subprocess.run(
        [sys.executable, "-m", "tests.full_disk", str(shim), str(tmp_path), str(points)],
        capture_output=True, text=True, cwd=ROOT, env=os.environ | {"LD_PRELOAD": str(shim)}, timeout=1800, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    failed = [one for one in outcomes if one["trouble"]]
    record("R9", f"the nth write fails: {', '.join(dict.fromkeys(one['kind'] for one in outcomes))}", len(outcomes),
           f"{len(failed)} failed")  # fmt: skip
    assert failed == []
    assert len(outcomes) >= points // 4  # some write less often
    refused = [one for one in outcomes if one["code"] == 3]
    assert len({one["kind"] for one in refused}) >= 4
