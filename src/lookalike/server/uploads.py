"""Pictures that were sent to be searched for: in memory, for a while."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from lookalike.errors import UsageError

__all__ = ["Upload", "Uploads"]

MOST_BYTES = 200_000_000
SECONDS = 3600.0


@dataclass(frozen=True)
class Upload:
    """One picture: how the sender calls it, and its bytes."""

    id: str
    name: str
    data: bytes
    at: float


class Uploads:
    """The last uploads, up to a sum of bytes and an age. Named by their content, so that the same one is kept once."""

    def __init__(self, most_bytes: int = MOST_BYTES, seconds: float = SECONDS) -> None:
        self._most, self._seconds = most_bytes, seconds
        self._held: OrderedDict[str, Upload] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, name: str, data: bytes) -> Upload:
        """Keep a picture and return it with its id."""
        key = hashlib.sha256(data).hexdigest()[:32]
        upload = Upload(key, name, data, time.monotonic())
        with self._lock:
            self._held.pop(key, None)
            self._held[key] = upload
            self._forget()
        return upload

    def get(self, key: str) -> Upload:
        """Return an upload.

        Raises
        ------
        UsageError
            If it is not, or no longer, there.
        """
        with self._lock:
            self._forget()
            upload = self._held.get(key)
            if upload is None:
                raise UsageError("this upload is no longer kept: send the picture again")
            self._held.move_to_end(key)
            return upload

    def _forget(self) -> None:
        old = time.monotonic() - self._seconds
        for key in [key for key, upload in self._held.items() if upload.at < old]:
            del self._held[key]
        while len(self._held) > 1 and sum(len(upload.data) for upload in self._held.values()) > self._most:
            self._held.popitem(last=False)
