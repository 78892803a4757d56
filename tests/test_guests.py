"""Who may look into a library but not write to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import lookalike
from tests.conftest import write_picture

posix_only = pytest.mark.skipif(os.name == "nt", reason="needs names, uids and modes of POSIX")


@pytest.fixture
def shown(photographs: list[Path]) -> Iterator[Path]:
    """Return a folder that any user of this machine may look into but not write to."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    shutil.rmtree(folder)


GUEST = """
    import os, sys, tempfile
    import lookalike
    from lookalike import LookalikeError
    with tempfile.TemporaryDirectory() as folder, lookalike.open(folder) as library:  # imports what is needed below
        library.add(sys.argv[2], descriptors=["pdq"])
        library.search(sys.argv[2], 1, descriptor="pdq")
        library.search(sys.argv[2], 1, descriptor="pdq")
        library.duplicates(level="same-file")
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    with lookalike.open(sys.argv[1], create=False) as library:
        assert not library.store.writable
        data = open(sys.argv[2], "rb").read()
        print(library.search(data, 1, descriptor="pdq").uris[0][0])
        print(library.status().indexed, len(library.duplicates(level="same-file").groups))
        for write in (lambda: library.add(sys.argv[2], descriptors=["pdq"]), library.prune):
            try:
                write()
            except LookalikeError as error:
                print(type(error).__name__, error)
"""


def as_guest(library: Path, query: Path) -> list[str]:
    command = [sys.executable, "-c", textwrap.dedent(GUEST), str(library), str(query)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@posix_only
@pytest.mark.parametrize("state", ["at rest", "open", "killed"])
def test_who_may_only_read_a_library_can_search_it_and_is_told_so(shown, state):
    for n in range(5):
        write_picture(shown / "photos" / f"{n}.png", n, 80, 90)
    library = lookalike.open(shown / "a.lookalike")
    library.add(shown / "photos" / "0.png", descriptors=["pdq"])
    if state == "at rest":
        library.add(shown / "photos", descriptors=["pdq"])
        library.close()
    else:  # what is not yet in library.db itself counts, too
        library.close()
        library = lookalike.open(shown / "a.lookalike")
        library.add(shown / "photos", descriptors=["pdq"])
    place = shown / "a.lookalike"
    if state == "killed":
        shutil.copytree(place, shown / "b.lookalike")
        place = shown / "b.lookalike"
    for path in [place, *place.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    lines = as_guest(place, shown / "photos" / "3.png")
    assert lines[0] == str(shown / "photos" / "3.png")
    assert lines[1] == "5 0"
    assert len(lines) == 4
    for line in lines[2:]:
        assert line.startswith(f"LibraryError {place} cannot be written to: ")
    library.close()
