"""ONNX models run by ONNX Runtime: which device, how many threads."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import LookalikeError, UsageError

__all__ = ["Model", "onnx_runtime"]

_PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "cpu": "CPUExecutionProvider",
}


def onnx_runtime() -> Any:
    """Return the module onnxruntime, which sends nothing to its maker.

    From 1.29 on it does, on Linux and macOS, too, from the moment it is imported: once this variable is set, neither an
    uploader nor an identifier of the machine is made. Windows has the call only.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    return onnxruntime


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
    remedy
        What to do if the file is missing or damaged, as an error says it.

    Raises
    ------
    UsageError
        If onnxruntime does not offer `device`.
    LookalikeError
        If the file is missing or is not the one that was checked.
    """

    def __init__(self, path: Path, sha256: str, device: str = "auto", remedy: str = "install Lookalike again") -> None:
        self.path, self.sha256, self.device, self.remedy = path, sha256, device, remedy
        self._session: Any = None
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "sha256": self.sha256, "device": self.device, "remedy": self.remedy}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def batch(self, side: int) -> int:
        """Return how many pictures of `side` x `side` a call should take: few fit a core's cache, a GPU wants many."""
        self._load()
        if self.provider != "CPUExecutionProvider":
            return 64
        return 1 if side >= 224 else 4

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what it gives."""
        return tuple(each.name for each in self._load().get_outputs())

    def run(self, output: str, images: NDArray[Any], *, input: str = "images") -> NDArray[np.float32]:  # noqa: A002
        """Return one output for a batch, such as (n, height, width, 3) uint8.

        Raises
        ------
        LookalikeError
            If the model has no such input or output, or takes pictures of another size or type.
        """
        session = self._load()
        try:
            result: Sequence[NDArray[np.float32]] = session.run([output], {input: images})
        except Exception as error:  # onnxruntime has a dozen kinds of its own
            raise LookalikeError(f"the model {self.path.name} cannot take these pictures: {error}") from error
        return result[0]

    def load(self) -> None:
        """Load the file now; errors are those of `run`."""
        self._load()

    def _load(self) -> Any:
        if self._session is None:
            with self._lock:
                if self._session is None:
                    self._session = self._open()
        return self._session

    def _open(self) -> Any:
        onnxruntime = onnx_runtime()
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
            raise LookalikeError(f"the weights {self.path.name} cannot be read: {self.remedy}") from error
        if hashlib.sha256(model).hexdigest() != self.sha256:
            raise LookalikeError(f"the weights {self.path.name} are damaged: {self.remedy}")
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
