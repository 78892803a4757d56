"""A convolutional autoencoder: pictures to a code, and the code to pictures again."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

from lookalike.errors import UsageError
from lookalike.training.loop import import_torch

__all__ = ["STAGES", "autoencoder", "code_shape"]

WIDTHS = (32, 64, 96, 128)
"""Channels of the stages of the encoder, at a quarter of the side, an eighth, a 16th and a 32nd."""

NARROW = (64, 48, 24, 12)
"""Channels of the decoder after each doubling, up to half the side."""

STAGES = len(WIDTHS)

SMALLER = 8
"""How many times fewer numbers than the picture a code has at least."""


def code_shape(code: str, side: int) -> tuple[int, ...]:
    """Return the shape that a code is asked to have.

    Parameters
    ----------
    code
        "256": so many numbers, each of which may depend on the whole picture. "7x7x64": a grid of 7 x 7 cells with 64
        numbers each, of which each tells of its part of the picture; the grid is an 8th, 16th or 32nd of `side`.
    side
        Of the pictures in pixels.

    Returns
    -------
    tuple
        (numbers,) or (channels, grid, grid).

    Raises
    ------
    UsageError
        If it is neither, or more than an eighth of the picture's numbers.
    """
    if side < 32 or side % 32:
        raise UsageError(f"the side of the pictures is a multiple of 32 pixels, not {side}")
    grids = tuple(side // factor for factor in (8, 16, 32))
    match = re.fullmatch(r"(\d{1,6})(?:x(\d{1,6})x(\d{1,6}))?", code)
    numbers = [int(group) for group in match.groups() if group] if match else []
    grid = len(numbers) == 3 and numbers[0] == numbers[1] in grids
    if not all(numbers) or not (grid or len(numbers) == 1):
        shown = " or ".join(f"{cells}x{cells}xN" for cells in grids)
        raise UsageError(f"{code!r} is no shape of a code: write N, {shown}, where N is a number")
    shape = (numbers[2], numbers[0], numbers[1]) if grid else (numbers[0],)
    if (length := math.prod(shape)) > (most := side * side * 3 // SMALLER):
        raise UsageError(f"a code of {length:,} numbers is more than an eighth of the picture: at most {most:,}")
    return shape


def autoencoder(code: str, side: int) -> Any:
    """Return a network that takes (n, 3, side, side) in 0 to 1 and gives (codes, pictures).

    Parameters
    ----------
    code, side
        See `code_shape`.

    Returns
    -------
    Any
        A torch module with ``stages`` (each halves the side, the first quarters it), ``activations`` (the outputs of
        all stages), ``encode``, ``decode`` and ``dim``, the length of a code.

    Notes
    -----
    Strided convolutions down; up by repeating pixels and convolving, which leaves no checkerboard, and by one sub-pixel
    step at the end whose weights begin equal for the same reason. Beside them a grid's cells are linear in the pixels
    that they cover, and these in them: that part alone soon draws what a block transform would, and the convolutions
    learn what it misses (without it, the error was five times as large after as many epochs).

    Batch normalisation everywhere, and without weights on the code: each of its channels then has mean 0 and variance
    1, and none drowns the others in a distance.
    """
    torch = import_torch()
    shape = code_shape(code, side)
    depth = STAGES if len(shape) == 1 else {side // 8: 2, side // 16: 3, side // 32: 4}[shape[1]]
    cells = side // 2 ** (depth + 1)

    class Autoencoder(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.dim = math.prod(shape)
            self.stages = _stages(torch.nn, depth)
            self.last, self.norm = _last(torch.nn, shape, depth, cells)
            self.decoder = _decoder(torch, shape, depth, cells)
            linear: tuple[Any, Any] = _linear(torch.nn, shape, side // cells) if len(shape) == 3 else (None, None)
            self.seen, self.drawn = linear

        def activations(self, pictures: Any) -> tuple[Any, ...]:
            found = []
            for stage in self.stages:
                pictures = stage(pictures)
                found.append(pictures)
            return tuple(found)

        def encode(self, pictures: Any) -> Any:
            codes = self.last(self.activations(pictures)[-1])
            if self.seen is not None:
                codes = codes + self.seen(pictures - 0.5)
            return self.norm(codes).flatten(1)

        def decode(self, codes: Any) -> Any:
            pictures = self.decoder(codes) + 0.5
            return pictures if self.drawn is None else pictures + self.drawn(codes)

        def forward(self, pictures: Any) -> Any:
            codes = self.encode(pictures)
            return codes, self.decode(codes)

    return Autoencoder().to(memory_format=torch.channels_last)


def _convolved(nn: Any, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> list[Any]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.1)]


def _stages(nn: Any, depth: int) -> Any:
    made = [nn.Sequential(*_convolved(nn, 3, WIDTHS[0], 7, 4))]
    made += [nn.Sequential(*_convolved(nn, a, b, 3, 2)) for a, b in itertools.pairwise(WIDTHS[:depth])]
    return nn.ModuleList(made)


def _last(nn: Any, shape: tuple[int, ...], depth: int, cells: int) -> tuple[Any, Any]:
    """Return what makes the code of the last stage, and what normalises it."""
    width = WIDTHS[depth - 1]
    if len(shape) == 3:
        return nn.Conv2d(width, shape[0], 1), nn.BatchNorm2d(shape[0], affine=False)
    linear = nn.Linear(NARROW[0] * cells * cells, shape[0])
    return (
        nn.Sequential(*_convolved(nn, width, NARROW[0], 1), nn.Flatten(), linear),
        nn.BatchNorm1d(shape[0], affine=False),
    )


def _linear(nn: Any, shape: tuple[int, ...], factor: int) -> tuple[Any, Any]:
    """Return a cell of the code as a linear function of its pixels, and the pixels, at first 0, as one of the cell."""
    seen = nn.Conv2d(3, shape[0], factor, factor, bias=False)
    drawn = nn.Conv2d(shape[0], 3 * factor * factor, 1)
    nn.init.orthogonal_(seen.weight)
    nn.init.zeros_(drawn.weight)
    nn.init.zeros_(drawn.bias)
    return seen, nn.Sequential(nn.Unflatten(1, shape), drawn, nn.PixelShuffle(factor))


def _decoder(torch: Any, shape: tuple[int, ...], depth: int, cells: int) -> Any:
    nn = torch.nn
    if len(shape) == 3:
        layers = [nn.Unflatten(1, shape), *_convolved(nn, shape[0], WIDTHS[depth - 1])]
    else:
        layers = [
            nn.Linear(shape[0], NARROW[0] * cells * cells), nn.Unflatten(1, (NARROW[0], cells, cells)),
            *_convolved(nn, NARROW[0], WIDTHS[depth - 1]),
        ]  # fmt: skip
    for before, after in itertools.pairwise((WIDTHS[depth - 1], *NARROW[-depth:])):
        layers += [nn.Upsample(scale_factor=2, mode="nearest"), *_convolved(nn, before, after)]
    pixels = nn.Conv2d(NARROW[-1], 12, 3, padding=1)
    with torch.no_grad():  # the four pixels that one place becomes begin equal, and all of them small
        pixels.weight.copy_(pixels.weight[::4].repeat_interleave(4, 0) / 10)
    nn.init.zeros_(pixels.bias)
    return nn.Sequential(*layers, pixels, nn.PixelShuffle(2))
