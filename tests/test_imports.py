"""Importing is cheap: what a name needs is loaded when it is first used."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
