"""bench/device.py, as far as a machine without a graphics processor can tell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lookalike.descriptors.runtime import onnx_runtime

ROOT = Path(__file__).parents[1]


def run(*arguments):
    command = [sys.executable, "bench/device.py", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnx_runtime().get_available_providers(), reason="there is such a device"
)
def test_without_the_device_it_says_so_and_does_nothing(tmp_path):
    assert run(tmp_path).startswith("Nothing measured: onnxruntime has no cuda here")


def test_it_measures_a_device_beside_the_cpu(tmp_path, photographs):
    for at, path in enumerate(photographs[:3]):
        (tmp_path / f"{at}.jpg").write_bytes(path.read_bytes())
    printed = run(tmp_path, "--device", "cpu", "--rounds", "1")
    rows = [line.split(" | ") for line in printed.splitlines() if line.startswith("| ")][1:]
    assert [row[0] for row in rows] == [
        *(f"| model alone, {count} a call" for count in (1, 4, 16, 64, 256)), "| `index`: read, decode, describe, write"
    ]  # fmt: skip
    assert all(float(row[1]) > 0 for row in rows)
    assert "cosine similarity 1.000000 at least" in printed
