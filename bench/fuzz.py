"""Does anything but a typed error come out of what this program reads? Damaged and odd inputs, made by mutation.

    python bench/fuzz.py --seconds 600 --seed 1 [--target NAME]... [--found FOLDER] [--replay FILE]

Each target reads one kind of file (see bench/fuzz_targets.py). Its inputs are good ones in which bytes, numbers and
words have been changed, by a generator that is seeded with (seed, target, number), so that a run can be repeated. They
are read in a child process: an exception that is no `LookalikeError`, a crash, more than 10 seconds of processor time
and more than 1 GiB of memory are findings. Its input and what was raised are kept in FOLDER; the exit code is then 1.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 10.0  # of processor time for one input
WALL = 180.0  # and by the clock, for what waits
BYTES = 1 << 30  # of memory, beyond what the child has before its first input
LONGEST = 1 << 20  # of an input
TURN = 60.0  # seconds after which the next target has its turn

_WORDS = (
    b"null", b"true", b"-1", b"0", b"1e999", b"NaN", b"-Infinity", b'""', b"[]", b"{}", b"[[]]", b'{"a": 1}',
    b"9" * 25, b"9" * 5000, b"1" + b"0" * 400, b"[" * 5000, b'{"a":' * 3000, b"\xff\xfe", b"\0", b"\xef\xbb\xbf",
    b'"\\ud800"', b"\\", b'"', b",", b"\n", b"\r", b";", b"\t", b"../", b"/", b"%00", b"%", b"@", b":", b"#", b"?",
    b"\xe2\x80\xae", b"\xf0\x9f\x96\xbc", b"a" * 5000, b"1970-01-01T00:00:00", b"9999-12-31", b".5", b"1.5",
)  # fmt: skip
_VALUE = re.compile(rb'"[^"\n]*"|-?\d+(?:\.\d+)?|true|false|null|[A-Za-z_]+')
_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

Way = Callable[[random.Random, bytearray, Sequence[bytes]], None]


def _at(draw: random.Random, data: bytearray) -> int:
    """Return a place: in headers, which decide most, as often as anywhere."""
    return draw.randrange(min(len(data), 64) if draw.random() < 0.4 else len(data)) if data else 0


def flip(draw: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        data[_at(draw, data)] ^= 1 << draw.randrange(8)


def put(draw: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        data[_at(draw, data)] = draw.randrange(256)


def number(draw: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at, size = _at(draw, data), draw.choice((1, 2, 4, 8))
    value = draw.choice(_NUMBERS) & ((1 << 8 * size) - 1)
    data[at : at + size] = value.to_bytes(size, draw.choice(("little", "big")))


def cut(draw: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _at(draw, data)
    del data[at : at + draw.choice((1, 2, 4, 16, 200))]


def end(draw: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    del data[_at(draw, data) :]


def repeat(draw: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _at(draw, data)
    piece = bytes(data[at : at + draw.choice((1, 4, 16, 100))])
    data[at:at] = piece * draw.choice((1, 2, 50))


def word(draw: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _at(draw, data)
    data[at:at] = draw.choice(_WORDS)


def value(draw: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    """Put a word in the place of a value, as text has them."""
    found = [match.span() for match in _VALUE.finditer(data[:20_000])]
    if found:
        start, stop = draw.choice(found)
        data[start:stop] = draw.choice((*_WORDS, *(data[a:b] for a, b in draw.choices(found, k=20))))


def splice(draw: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    other = draw.choice(seeds)
    at, to = _at(draw, data), draw.randrange(len(other) + 1)
    data[at:] = other[to:]


BINARY: tuple[Way, ...] = (flip, flip, put, put, number, number, number, cut, end, repeat, splice)
TEXT: tuple[Way, ...] = (flip, put, cut, end, repeat, word, word, value, value, value, value, value, splice)


def mutate(draw: random.Random, seeds: Sequence[bytes], ways: Sequence[Way]) -> bytes:
    """Return one of the seeds, changed in one to twelve ways."""
    data = bytearray(draw.choice(seeds))
    for _ in range(draw.choice((1, 1, 1, 2, 2, 3, 5, 12))):
        draw.choice(ways)(draw, data, seeds)
    return bytes(data[:LONGEST])


# ------------------------------------------------------------------------------------------------ the child


def work(name: str, seed: str, start: int, seconds: float, folder: Path, replay: Path | None) -> int:
    """Be the child: read inputs from number `start` on and print findings, a JSON object a line."""
    sys.path[:0] = [str(ROOT), str(ROOT / "bench")]
    import fuzz_targets
    from lookalike.errors import LookalikeError

    warnings.simplefilter("ignore")
    target = fuzz_targets.TARGETS[name](folder)
    ways = TEXT if target.text else BINARY
    held = _peak()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + 4 * BYTES, hard))
    until, at = time.monotonic() + seconds, start
    while time.monotonic() < until or at == start:
        draw = random.Random(f"{seed} {name} {at}")
        data = replay.read_bytes() if replay else mutate(draw, target.seeds, ways)
        (folder / "input").write_bytes(data)
        (folder / "at").write_text(str(at))
        signal.setitimer(signal.ITIMER_PROF, SECONDS)  # whose signal ends the process, in the midst of C too
        try:
            target.read(data, draw)
        except LookalikeError:
            pass
        except Exception as error:
            _tell(at, f"{type(error).__name__} {_place(error)}", "".join(traceback.format_exception(error)), data)
        signal.setitimer(signal.ITIMER_PROF, 0)
        if _peak() - held > BYTES:
            _tell(at, "memory", f"{(_peak() - held) >> 20} MiB", data)
            at += 1
            break
        at += 1
        if replay:
            break
    print(json.dumps({"next": at}), flush=True)
    return 0


def _tell(at: int, what: str, said: str, data: bytes) -> None:
    found = {"at": at, "what": what, "said": said[-6000:], "data": base64.b64encode(data).decode()}
    print(json.dumps(found), flush=True)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _place(error: BaseException) -> str:
    """Return where in our own code it was raised: two findings of one place are one."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "/lookalike/" in frame.filename]
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "outside"


# ------------------------------------------------------------------------------------------------ the parent


def let(name: str, options: argparse.Namespace, start: int, seconds: float) -> tuple[int, list[dict[str, Any]]]:
    """Have a child read inputs; return the number of the next one and what was found."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as temporary:
        command = [sys.executable, __file__, "--child", name, "--seed", options.seed, "--start", str(start)]
        command += [
            "--seconds",
            str(seconds),
            "--scratch",
            temporary,
            *(["--replay", options.replay] if options.replay else []),
        ]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        (Path(temporary) / "said").touch()
        with open(Path(temporary) / "said", "wb") as said:
            child = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, env=environment)
            hung, last, since = False, "", time.monotonic()
            while child.poll() is None:
                time.sleep(0.2)
                now = _text(Path(temporary) / "at")
                if now != last:
                    last, since = now, time.monotonic()
                if time.monotonic() - since > WALL:
                    hung = True
                    child.kill()
        lines = (Path(temporary) / "said").read_text(errors="replace").splitlines()
        told = [json.loads(line) for line in lines if line.startswith('{"')]
        found = [one for one in told if "what" in one]
        for one in found:
            one["data"] = base64.b64decode(one["data"])
        ended = next((one["next"] for one in told if "next" in one), None)
        if ended is None and not last:
            raise SystemExit(f"{name} does not start:\n" + "\n".join(lines[-30:]))
        if ended is None:
            spun = hung or child.returncode == -signal.SIGPROF
            what = (
                "hang"
                if spun
                else f"crash {signal.Signals(-child.returncode).name if child.returncode < 0 else child.returncode}"
            )
            text = "\n".join(line for line in lines if not line.startswith('{"'))[-6000:]
            found.append(
                {"at": int(last), "what": what, "said": text, "data": (Path(temporary) / "input").read_bytes()}
            )
            ended = int(last) + 1
        return ended, found


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def keep(name: str, options: argparse.Namespace, found: dict[str, Any], known: set[str]) -> bool:
    """Write a finding down, if its like is not known yet."""
    if f"{name} {found['what']}" in known and not str(found["what"]).startswith(("crash", "hang", "memory")):
        return False
    known.add(f"{name} {found['what']}")
    folder = Path(options.found)
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{name}-{options.seed}-{found['at']}"
    (folder / f"{stem}.input").write_bytes(found["data"])
    (folder / f"{stem}.txt").write_text(f"{found['what']}\n{found['said']}\n")
    said = str(found["said"]).strip().splitlines()
    print(f"  {name} {found['at']}: {found['what']}: {(said or [''])[-1][:200]}", flush=True)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--target", action="append", default=[])
    parser.add_argument("--found", default="fuzz-findings", metavar="FOLDER")
    parser.add_argument("--replay", metavar="FILE", help="read this one input (with one --target)")
    parser.add_argument("--start", type=int, default=0, help="number of the first input")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--scratch", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        replay = Path(options.replay) if options.replay else None
        return work(options.child, options.seed, options.start, options.seconds, Path(options.scratch), replay)
    sys.path.insert(0, str(ROOT))
    from fuzz_targets import TARGETS

    names = options.target or list(TARGETS)
    share = options.seconds / len(names)
    rows = [(name, *_fuzz(name, options, share)) for name in names]
    print("\n| target | inputs | seconds | findings |\n|---|--:|--:|--:|")
    for name, inputs, seconds, findings in rows:
        print(f"| {name} | {inputs:,} | {seconds:.0f} | {findings} |")
    every, took, wrong = (sum(row[at] for row in rows) for at in (1, 2, 3))
    print(f"| all | {every:,} | {took:.0f} | {wrong} |")
    return 1 if wrong else 0


def _fuzz(name: str, options: argparse.Namespace, seconds: float) -> tuple[int, float, int]:
    """Fuzz one target; return how many inputs it was given, how long that took, and how many findings there are."""
    known: set[str] = set()
    began, at, findings = time.monotonic(), options.start, 0
    while (left := seconds - (time.monotonic() - began)) > 0:
        at, found = let(name, options, at, min(left, TURN))
        findings += sum(keep(name, options, one, known) for one in found)
        if options.replay:
            break
    return at - options.start, time.monotonic() - began, findings


if __name__ == "__main__":
    sys.exit(main())
