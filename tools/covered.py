"""Run the tests and say how much of the package they cover: all lines that change users' files, 90 % of the rest.

    python tools/covered.py [--acting] [PYTEST ARGUMENT]...

Prints coverage's table and ends with 1 if a test fails, if a module of ACTING has a line that no test runs, or if the
package is covered by less than LEAST. Commands and worker processes that tests start count, unless they are killed.
With --acting only tests/actions is run (a few minutes), and only ACTING is judged. Lines for other systems than the
one that it runs on are left out: see [tool.coverage] in pyproject.toml.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

LEAST = 90
"""Per cent of the package's lines."""

ACTING = (
    "actions/apply.py", "actions/carrying.py", "actions/checking.py", "actions/emptying.py", "actions/files.py",
    "actions/guard.py", "actions/labelfiles.py", "actions/labelpieces.py", "actions/moving.py", "actions/naming.py",
    "actions/pieces.py", "actions/resolving.py", "actions/trash.py", "actions/undoing.py",
)  # fmt: skip
"""What removes, moves or overwrites users' files, and what decides at that moment whether it may."""

DISTURBED = (
    "tests/test_imports.py", "tests/test_guests.py::test_who_may_only_read_a_library_can_search_it_and_is_told_so",
    "tests/store/test_migration.py::test_an_upgrade_killed_at_any_moment_leaves_the_old_or_the_new_format",
)  # fmt: skip
"""Tests of what counting itself changes: loaded modules, what another user may write, the length of a start."""


def main(arguments: list[str]) -> int:
    acting = "--acting" in arguments
    chosen = [argument for argument in arguments if argument != "--acting"] + (["tests/actions"] if acting else [])
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"COVERAGE_FILE": str(Path(folder) / "data")}

        def coverage(*words: str) -> int:
            command = [sys.executable, "-m", "coverage", *words]
            return subprocess.run(command, cwd=ROOT, env=environment).returncode

        left = [f"--deselect={test}" for test in DISTURBED]
        failed = coverage("run", "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen, *left)
        coverage("combine", "--quiet")
        files = ",".join(f"*/lookalike/{name}" for name in ACTING)
        print("\nWhat changes users' files: each line is to be run.\n", flush=True)
        failed |= coverage("report", "--show-missing", "--fail-under=100", f"--include={files}")
        if not acting:
            print(f"\nThe package: {LEAST} % of all lines.\n", flush=True)
            failed |= coverage("report", "--skip-covered", "--sort=cover", f"--fail-under={LEAST}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
