"""Messages between two processes: pickled, by pipe, with arrays by memory that both share."""

from __future__ import annotations

import contextlib
import mmap
import os
import pickle
import struct
from typing import IO, Any

__all__ = ["BROKEN", "SHARED_BYTES", "Line", "shared_memory"]

SHARED_BYTES = 32 << 20
"""Memory that a worker shares with this process; what does not fit in goes by the pipe. Only what is used is taken."""

BROKEN = (OSError, EOFError, ValueError, pickle.UnpicklingError)
"""What sending and receiving raise when the other process is gone, or went in the midst of a message."""

_COUNT = struct.Struct("<Q")  # at the beginning of the shared memory: the job that is being done
_HEAD = struct.Struct("<QQ")  # bytes of a pickle, number of buffers beside it
_PLACE = struct.Struct("<qQ")  # where a buffer lies in the shared memory, or how it follows; its bytes
_FOLLOWS, _FOLLOWS_WRITABLE = -1, -2
_SMALL = 1024  # bytes up to which an array is not worth the place aside
_PIPE_BYTES = 1 << 20
_JOINED = 1 << 20  # bytes up to which a message is written at once


class Line:
    """Messages to and from another process."""

    def __init__(self, to: IO[bytes], source: IO[bytes], shared: mmap.mmap | None) -> None:
        self._to, self._from, self._shared = to, source, shared
        self._free = _COUNT.size
        for pipe in (to, source):
            with contextlib.suppress(ImportError, AttributeError, OSError):
                import fcntl

                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)  # fewer turns for what is larger than 64 KiB

    def send(self, what: Any, *, share: bool = False) -> None:
        """Send what can be pickled; with `share`, arrays by the shared memory as far as they find room there."""
        raw: list[memoryview] = []

        def aside(buffer: pickle.PickleBuffer) -> bool:
            """Put an array aside, or have a small one pickled with the rest."""
            if (view := buffer.raw()).nbytes > _SMALL:
                raw.append(view)
                return False
            return True

        body = pickle.dumps(what, pickle.HIGHEST_PROTOCOL, buffer_callback=aside)
        places = [self._place(one) if share else None for one in raw]
        head = [_HEAD.pack(len(body), len(raw))]
        for one, place in zip(raw, places, strict=True):
            follows = _FOLLOWS if one.readonly else _FOLLOWS_WRITABLE
            head.append(_PLACE.pack(follows if place is None else place, one.nbytes))
        parts: list[bytes | memoryview] = [
            *head,
            body,
            *(one for one, place in zip(raw, places, strict=True) if place is None),
        ]
        if sum(len(part) for part in parts) <= _JOINED:
            parts = [b"".join(parts)]
        for part in parts:
            self._to.write(part)
        self._to.flush()

    def receive(self, *, lent: bool = False) -> Any:
        """Return what was sent next; with `lent`, arrays that lie in the shared memory stay there.

        Raises
        ------
        EOFError
            If the other end has been closed.
        """
        length, count = _HEAD.unpack(self._read(_HEAD.size))
        places = list(_PLACE.iter_unpack(self._read(count * _PLACE.size)))
        body = self._read(length)
        return pickle.loads(body, buffers=[self._buffer(at, size, lent) for at, size in places])  # noqa: S301 - ours

    def rewind(self) -> None:
        """Take the shared memory from its beginning again: all that was sent has been received."""
        self._free = _COUNT.size

    @property
    def at(self) -> int | None:
        """Which of its jobs the worker is at; None if it cannot tell."""
        return None if self._shared is None else int(_COUNT.unpack_from(self._shared)[0])

    @at.setter
    def at(self, number: int) -> None:
        if self._shared is not None:
            _COUNT.pack_into(self._shared, 0, number)

    def close(self) -> None:
        """Close both ends."""
        for end in (self._to, self._from):
            with contextlib.suppress(OSError, ValueError):
                end.close()
        if self._shared is not None:
            with contextlib.suppress(BufferError):
                self._shared.close()

    def _place(self, raw: memoryview) -> int | None:
        start = -(-self._free // 64) * 64
        end = start + raw.nbytes
        if self._shared is None or end > len(self._shared):
            return None
        self._shared[start:end] = raw
        self._free = end
        return start

    def _buffer(self, place: int, size: int, lent: bool) -> bytes | bytearray | memoryview:
        if place == _FOLLOWS:
            return self._read(size)
        if place == _FOLLOWS_WRITABLE:
            room = bytearray(size)
            if self._from.readinto(room) < size:  # type: ignore[attr-defined]
                raise EOFError
            return room
        assert self._shared is not None
        part = memoryview(self._shared)[place : place + size]
        return part if lent else bytearray(part)

    def _read(self, size: int) -> bytes:
        read = self._from.read(size)
        if len(read) < size:
            raise EOFError
        return read


def shared_memory() -> tuple[mmap.mmap | None, tuple[int, ...]]:
    """Return memory without a name and the descriptor by which another process finds it, if the system has such."""
    if not hasattr(os, "memfd_create"):
        return None, ()
    try:
        handle = os.memfd_create("lookalike")
    except OSError:
        return None, ()
    try:
        os.ftruncate(handle, SHARED_BYTES)
        return mmap.mmap(handle, SHARED_BYTES), (handle,)
    except (OSError, ValueError):
        os.close(handle)
        return None, ()
