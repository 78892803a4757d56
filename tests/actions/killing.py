"""A process that lets others act, kills them at a chosen moment, and looks at what they leave: see test_killed_acts.

python -m tests.actions.killing steps FOLDER OTHER-DISK STRIDE    at every STRIDE-th step of every act and of undo
python -m tests.actions.killing times FOLDER OTHER-DISK KILLS     by kill -9 at so many random moments

A step is each call by which the file system is changed, and each moment between two of them that the code names.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lookalike
from lookalike.actions import Plan, PlanRow, apply_plan, empty_quarantine, history, undo
from lookalike.actions import files as action_files
from lookalike.actions.journal import journals, read_run
from lookalike.errors import UsageError
from tests.actions.conftest import contents, fill, mark, plain_copy, plan_of, row, sha256, tree

KILLED = 77
ACTS = ("quarantine", "trash", "move", "carry", "hardlink", "reflink", "symlink")
CALLS = (
    "rename",
    "replace",
    "link",
    "symlink",
    "unlink",
    "rmdir",
    "mkdir",
    "write",
    "fsync",
    "chmod",
    "utime",
    "setxattr",
)


class Scene:
    """A folder of copies with its library; every scene ends as it began."""

    def __init__(self, folder: Path, other: str) -> None:
        self.top = folder / "photos"
        self.photos = fill(self.top / "images", 6, 2)
        self.library = folder / "t.lookalike"
        self.moved = folder / "moved"
        self.other = Path(other) if other else None
        self.trash = folder / "home/.local/share/Trash/files"
        os.environ["HOME"], os.environ["XDG_DATA_HOME"] = str(folder / "home"), str(folder / "home/.local/share")
        (folder / "home/.local/share").mkdir(parents=True)
        for number in range(6):
            sidecar = self.photos / f"sub 0/{number} copy.xmp"
            sidecar.write_text(f"sidecar {number}")
            mark(sidecar, "sidecar")
            label = self.top / f"labels/sub 1/{number} copy.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text(f"{number} .5 .5 1 1")
        names = sorted(str(path.relative_to(self.top)) for path in self.photos.rglob("*.png"))
        images = [{"id": at, "file_name": name} for at, name in enumerate(names)]
        notes = [{"id": at, "image_id": at} for at in range(len(names))]
        self.label_files = {
            self.top / "coco.json": json.dumps({"images": images, "annotations": notes}, indent=1),
            self.top / "list.txt": "".join(f"{name}\n" for name in names),
        }
        self.write_labels()
        with lookalike.open(self.library) as library:
            library.add(self.photos, descriptors=["pdq"])
        self.before = tree(self.top)
        self.held = contents(self.photos, self.top / "labels")
        self.pictures = {sha256(path) for path in self.photos.rglob("*.png")}

    def write_labels(self) -> None:
        for path, text in self.label_files.items():
            path.write_text(text)
            mark(path, "labels")
            os.utime(path, ns=(1, 1_600_000_000_000_000_003))

    def agree(self) -> None:
        """Look whether the label files name the pictures that are there."""
        here = {str(path.relative_to(self.top)) for path in self.photos.rglob("*.png")}
        said = json.loads((self.top / "coco.json").read_text())
        assert {one["file_name"] for one in said["images"]} == here
        assert {one["id"] for one in said["images"]} == {one["image_id"] for one in said["annotations"]}
        assert set((self.top / "list.txt").read_text().splitlines()) == here

    def plan(self, act: str, groups: int) -> Plan:
        """Return what acts on two copies of each of some groups, on both with what belongs to them."""
        rows = [PlanRow(None, str(path), False, "labels", str(self.top)) for path in self.label_files]
        to = {"move": str(self.moved), "carry": str(self.other)}.get(act, "")
        name = "move" if act == "carry" else act
        for number in range(groups):
            keeper, one, two = (
                self.photos / f"{number}.png", self.photos / f"sub 0/{number} copy.png",
                self.photos / f"sub 1/{number} copy.png",
            )  # fmt: skip
            rows += [
                row(keeper, number, keeper=True),
                row(one, number, act=name, to=to, **self.with_(one.with_suffix(".xmp"), act)),
                row(two, number, act=name, to=to, **self.with_(self.top / f"labels/sub 1/{number} copy.txt", act)),
            ]  # fmt: skip
        return plan_of(*rows)

    def with_(self, path: Path, act: str) -> dict[str, Any]:
        return {} if act.endswith("link") else {"together": (str(path),), "together_sha256": (sha256(path),)}

    def everywhere(self) -> set[str]:
        places = [self.photos, self.top / "labels", self.library / "quarantine", self.moved, self.trash]
        return contents(*(place for place in [*places, self.other] if place is not None and place.is_dir()))

    def check(self, *, deleting: bool = False) -> None:
        """Look at what a killed process has left, let the next command put it in order, and bring all back."""
        if deleting:  # a picture's sidecar goes with it
            assert contents(self.photos) >= self.pictures, "the last copy of a picture is deleted"
        else:
            assert self.everywhere() >= self.held, "a content is gone"
        for path in journals(self.library):
            for step in read_run(path).steps.values():
                for piece in step.pieces if step.state in ("begun", "done", "undoing") else ():
                    assert piece.place() != "missing", f"{piece.path} is neither at its old nor at its new place"
        with lookalike.open(self.library) as library:
            apply_plan(library, Plan(()))  # any command resolves what was left
            for path in journals(self.library):
                run = read_run(path)
                assert not run.unresolved, run
                assert run.ended or not run.steps, run
            assert all(run.state != "interrupted" for run in history(library).runs)
            self.agree()
            while True:
                try:
                    undone = undo(library).undone
                except UsageError:
                    break
                assert all(one.state == "undone" for one in undone), undone
        if deleting:
            for number in range(6):  # what was deleted comes back from its keeper
                for folder in ("sub 0", "sub 1"):
                    path = self.photos / f"{folder}/{number} copy.png"
                    if not path.exists():
                        shutil.copyfile(self.photos / f"{number}.png", path)
                    sidecar = path.with_suffix(".xmp")
                    if folder == "sub 0":
                        sidecar.write_text(f"sidecar {number}")
                    (self.top / f"labels/sub 1/{number} copy.txt").write_text(f"{number} .5 .5 1 1")
            self.write_labels()
            assert contents(self.photos, self.top / "labels") == self.held
        else:
            now = tree(self.top)
            assert now == self.before, {k: (self.before.get(k), now.get(k)) for k in now.keys() | self.before.keys()
                                        if now.get(k) != self.before.get(k)}  # fmt: skip
            places = [self.library / "quarantine", self.moved, self.trash, self.other or self.moved]
            left = [str(p) for place in places if place.is_dir() for p in place.rglob("*") if not p.is_dir()]
            assert not left, left
        shutil.rmtree(self.library / "history", ignore_errors=True)


def child(work: Callable[[], Any]) -> int:
    """Let a process of its own do some work; return its exit code, or the signal that ended it, negative."""
    number = os.fork()
    if number:
        return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def counted(at: int) -> Callable[[str], None]:
    """Return what is called at every step, and kills the process at one; calls of the system count as well."""
    count = 0

    def point(_: str) -> None:
        nonlocal count
        count += 1
        if count == at:
            os._exit(KILLED)

    for name in CALLS:
        if hasattr(os, name):
            setattr(os, name, _watched(getattr(os, name), point))
    return point


def _watched(call: Callable[..., Any], point: Callable[[str], None]) -> Callable[..., Any]:
    def watched(*arguments: Any, **more: Any) -> Any:
        point(call.__name__)
        return call(*arguments, **more)

    return watched


def prepare(act: str, old_kernel: bool) -> None:
    """Let clones be copies where there are none, and renames that replace nothing be missing, as on old systems."""
    if act == "reflink":
        setattr(sys.modules["lookalike.actions.pieces"], "clone", plain_copy)  # noqa: B010
    if old_kernel:
        setattr(action_files, "_rename_with", lambda *_: False)  # noqa: B010


def checked(scene: Scene, old_kernel: bool, *, deleting: bool = False) -> int:
    """Look at what was left, on the system on which it was."""

    def work() -> None:
        prepare("", old_kernel)
        scene.check(deleting=deleting)

    return child(work)


def steps(scene: Scene, stride: int) -> dict[str, int]:
    """Kill at every step of every act and of undoing it; return how many times each."""
    told: dict[str, int] = {}
    random.seed(stride)
    acts = [act for act in ACTS if act != "carry" or scene.other is not None]
    old_too = acts if stride == 1 else ("quarantine", "hardlink")
    for act, old in [(act, False) for act in acts] + [(act, True) for act in old_too]:
        for what in ("apply", "undo"):
            name = f"{what} {act}{', no renameat2' if old else ''}"
            told[name] = every(
                scene, stride, lambda at, act=act, old=old, what=what: one(scene, act, old, what, at), old=old  # type: ignore[misc]
            )  # fmt: skip
            print(f"{name}: killed at {told[name]} steps", flush=True)
    told["empty"] = every(scene, stride, lambda at: emptying(scene, at), deleting=True)
    print(f"empty: killed at {told['empty']} steps", flush=True)
    return told


def every(
    scene: Scene, stride: int, run: Callable[[int], int], *, old: bool = False, deleting: bool = False
) -> int:  # fmt: skip
    at, killed = random.randint(1, stride), 0
    while True:
        code = run(at)
        if code not in (0, KILLED):
            raise SystemExit(f"step {at}: the acting process ended with {code}")
        if checked(scene, old, deleting=deleting):
            raise SystemExit(f"step {at}: see above")
        if code == 0:
            return killed
        killed += 1
        at += stride


def one(scene: Scene, act: str, old: bool, what: str, at: int) -> int:
    """Apply, and undo if that is asked for; be killed at a step of what is asked for."""

    def apply(hook: Callable[[str], None]) -> None:
        with lookalike.open(scene.library) as library:
            report = apply_plan(library, scene.plan(act, 1), hook=hook)
            assert all(row.state == "done" for row in report.acted), report.acted

    def first() -> None:
        prepare(act, old)
        apply(lambda _: None)

    def second() -> None:
        prepare(act, old)
        if what == "apply":
            apply(counted(at))
        else:
            with lookalike.open(scene.library) as library:
                assert all(row.state == "undone" for row in undo(library, hook=counted(at)).undone)

    if what == "undo" and child(first):
        raise SystemExit(f"{act}: cannot be applied")
    return child(second)


def emptying(scene: Scene, at: int) -> int:
    def work() -> None:
        with lookalike.open(scene.library) as library:
            apply_plan(library, scene.plan("quarantine", 1))
            empty_quarantine(library, older_than_days=0, hook=counted(at))

    return child(work)


def times(scene: Scene, kills: int) -> dict[str, int]:
    """Kill with signal 9 at random moments of acting and undoing again and again; return where it struck."""
    told = {"acting": 0, "undoing": 0}
    chance = random.Random(kills)
    acts = [act for act in ACTS if act != "carry" or scene.other is not None]
    for _ in range(kills):
        act, old = chance.choice(acts), chance.random() < 0.3
        number = os.fork()
        if not number:
            prepare(act, old)
            try:
                with lookalike.open(scene.library) as library:
                    while True:
                        apply_plan(library, scene.plan(act, 6))
                        undo(library)
            finally:
                traceback.print_exc()
                os._exit(1)
        started = time.monotonic()
        while not journals(scene.library) and time.monotonic() - started < 20:
            time.sleep(0.001)
        time.sleep(chance.random() * 0.25)
        os.kill(number, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) == -signal.SIGKILL
        states = [step.state for path in journals(scene.library) for step in read_run(path).steps.values()]
        told["undoing" if {"undoing", "undone"} & set(states) else "acting"] += 1
        if checked(scene, old):
            raise SystemExit(f"{act}: see above")
    return told


def main(mode: str, folder: str, other: str, number: str) -> None:
    scene = Scene(Path(folder), other)
    found = steps(scene, int(number)) if mode == "steps" else times(scene, int(number))
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
