"""ONNX models run by ONNX Runtime: which device, how many threads."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import LookalikeError, UsageError

__all__ = ["Model"]

_PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "cpu": "CPUExecutionProvider",
}


class Model:
    """One ONNX file, loaded at first use. Safe to run from several threads; can be pickled.

    Parameters
    ----------
    path
        The file. Weights outside it are refused, since their checksum is not known.
    sha256
        What the file must hash to.
    device
        See `lookalike.descriptors.get_descriptor`.

    Raises
    ------
    UsageError
        If onnxruntime does not offer `device`.
    LookalikeError
        If the file is missing or is not the one that was checked.
    """

    def __init__(self, path: Path, sha256: str, device: str = "auto") -> None:
        self.path, self.sha256, self.device = path, sha256, device
        self._session: Any = None
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "sha256": self.sha256, "device": self.device}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    @property
    def batch(self) -> int:
        """How many pictures a call should take: few stay in a core's cache, a GPU wants many."""
        self._load()
        return 4 if self.provider == "CPUExecutionProvider" else 64

    def run(self, output: str, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return one output for a batch, shape (n, height, width, 3) uint8."""
        result: Sequence[NDArray[np.float32]] = self._load().run([output], {"images": images})
        return result[0]

    def _load(self) -> Any:
        if self._session is None:
            with self._lock:
                if self._session is None:
                    self._session = self._open()
        return self._session

    def _open(self) -> Any:
        import onnxruntime

        offered = onnxruntime.get_available_providers()
        if self.device == "auto":
            providers = [name for name in _PROVIDERS.values() if name in offered]
        elif _PROVIDERS[self.device] in offered:
            providers = [_PROVIDERS[self.device], "CPUExecutionProvider"]
        else:
            have = ", ".join(device for device, name in _PROVIDERS.items() if name in offered)
            raise UsageError(f"onnxruntime has no {self.device} here: use --device auto, or one of {have}")
        try:
            model = self.path.read_bytes()
        except OSError as error:
            raise LookalikeError(f"the weights {self.path.name} cannot be read: install Lookalike again") from error
        if hashlib.sha256(model).hexdigest() != self.sha256:
            raise LookalikeError(f"the weights {self.path.name} are damaged: install Lookalike again")
        options = onnxruntime.SessionOptions()
        # One thread a call and several calls at once: the threads then also decode, and no core waits for another.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(model, options, providers=list(dict.fromkeys(providers)))
        except Exception as error:  # onnxruntime has a dozen kinds of its own
            raise LookalikeError(f"onnxruntime cannot load {self.path.name}: {error}") from error
        self.provider: str = session.get_providers()[0]
        return session
