"""The environment of the other programs: its own, so that nobody's requirements bend another's.

python bench/performance/peers.py [FOLDER]

Makes FOLDER (.venv-peers beside the checkout's other files) with the versions below, on Python 3.12 or newer, which
immaculate asks for: the first such interpreter found, or the one that PEERS_PYTHON names.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["PEERS", "python_of"]

ROOT = Path(__file__).parents[2]

PEERS = (
    "immaculate[sscd]==0.3.0", "fastdup==2.54", "imagehash==4.3.2", "mahotas==1.4.19", "simplejpeg==1.9.0",
    "faiss-cpu==1.15.1", "opencv-python-headless", "torch==2.13.0", "matplotlib", "PyWavelets",
)  # fmt: skip
ALONE = ("imgsim==0.1.2", "imagededup==0.3.3.post2")
"""Installed without what they ask for, which is torchvision: see tasks/imgsim_peer.py and tasks/imagededup_peer.py."""


def python_of(folder: Path = ROOT / ".venv-peers") -> str | None:
    """Return the interpreter of the others' environment, or None if it was not made."""
    for path in (folder / "bin/python", folder / "Scripts/python.exe"):
        if path.exists():
            return str(path)
    return None


def _works(python: str) -> bool:
    asked = [python, "-c", "import sys; sys.exit(sys.version_info < (3, 12))"]
    return not subprocess.run(asked, capture_output=True).returncode


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / ".venv-peers"
    found = (os.environ.get("PEERS_PYTHON"), *map(shutil.which, ("python3.14", "python3.13", "python3.12")))
    python = next((one for one in found if one and _works(one)), sys.executable)
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    there = python_of(folder)
    assert there is not None
    subprocess.run([there, "-m", "pip", "install", "--quiet", *PEERS], check=True)
    subprocess.run([there, "-m", "pip", "install", "--quiet", "--no-deps", *ALONE], check=True)


if __name__ == "__main__":
    main()
