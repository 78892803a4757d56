"""Importing is cheap: what a name needs is loaded when it is first used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import lookalike

HEAVY = ("onnxruntime", "cv2", "PIL", "numpy", "torch", "httpx", "faiss", "simplejpeg", "pi_heif", "sqlite3", "pandas")


def loaded_by(code: str) -> set[str]:
    """Return the top-level modules that a new interpreter has loaded after `code`."""
    script = f"{code}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_lookalike_loads_nothing_heavy():
    assert loaded_by("import lookalike; lookalike.__version__; dir(lookalike)").isdisjoint(HEAVY)


@pytest.mark.parametrize("module", ["defaults", "errors", "formats"])
def test_the_lowest_rooms_need_no_package(module):
    assert loaded_by(f"import lookalike.{module}").isdisjoint(HEAVY)


def test_naming_descriptors_loads_no_model_runtime():
    code = "import lookalike; assert lookalike.available()[:2] == ('lite0', 'pdq')"
    assert loaded_by(code).isdisjoint({"onnxruntime", "cv2", "PIL", "torch", "faiss"})


def test_decoding_a_png_loads_neither_other_codecs_nor_models():
    code = (
        "import struct, zlib\n"
        "chunk = lambda n, b: struct.pack('>I', len(b)) + n + b + struct.pack('>I', zlib.crc32(n + b))\n"
        "body = chunk(b'IHDR', struct.pack('>IIBBBBB', 1, 1, 8, 2, 0, 0, 0))\n"
        "body += chunk(b'IDAT', zlib.compress(bytes(4))) + chunk(b'IEND', b'')\n"
        "from lookalike.decode import decode\n"
        "assert decode(b'\\x89PNG\\r\\n\\x1a\\n' + body).width == 1"
    )
    assert loaded_by(code).isdisjoint({"onnxruntime", "cv2", "torch", "faiss", "pi_heif", "simplejpeg"})


def test_every_public_name_can_be_had():
    import lookalike

    assert all(getattr(lookalike, name) is not None for name in lookalike.__all__)
    assert set(lookalike.__all__) <= set(dir(lookalike))
    with pytest.raises(AttributeError, match="no attribute 'serach'"):
        _ = lookalike.serach


def test_the_contract_suites_need_no_test_framework():
    assert loaded_by("from lookalike.testing import check_descriptor, check_index").isdisjoint({"pytest", "hypothesis"})


def test_the_model_runtime_sends_nothing_to_its_maker(tmp_path):
    """onnxruntime leaves a session's number and an identifier of the machine behind where it is let to."""
    code = (
        "import numpy as np; from lookalike import get_descriptor\n"
        "get_descriptor('lite0', 'cpu').embed([np.zeros((32, 32, 3), np.uint8)])\n"
        "import os; assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'"
    )
    places = {
        name: str(tmp_path / name) for name in ("TMPDIR", "TEMP", "TMP", "HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
    }
    for path in places.values():
        Path(path).mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"} | places
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_nothing_else_loads_the_model_runtime():
    """So that nothing loads it unasked not to send."""
    source = Path(lookalike.__file__).parent
    found = [path.name for path in source.rglob("*.py") if "import onnxruntime" in path.read_text(encoding="utf-8")]
    assert found == ["runtime.py"]
