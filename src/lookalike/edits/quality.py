"""Edits that cost quality: recompressed, blurred, noisy, coarse, printed and photographed."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image

from lookalike.edits.canvas import (
    Edit,
    Random,
    between,
    blurred,
    bounded,
    either,
    fractions,
    jpeg,
    noise,
    scaled,
    table,
    warped,
)
from lookalike.edits.geometry import quad
from lookalike.transforms import resize
from lookalike.types import RGBImage

__all__ = ["QUALITY"]


def recompress(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Save as JPEG."""
    del random
    return jpeg(image, (60, 25, 5)[level])


def webp(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Save as WebP."""
    del random
    whole = image
    if max(image.shape[:2]) > 16_383:  # the largest that the format holds
        whole = scaled(image, 16_383 / max(image.shape[:2]))
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(whole)).save(file, "WebP", quality=(60, 20, 2)[level], method=1)
    with Image.open(file) as saved:
        return np.array(saved.convert("RGB"), np.uint8)


def blur(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Blur by a Gaussian."""
    sigma = (0.8, 1.6, 3.2)[level] * between(random, 0.9, 1.1) * fractions(image)
    return blurred(image, max(sigma, (0.5, 0.8, 1.1)[level]))


def motion_blur(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Smear along a line."""
    whole = bounded(image, 3_000_000)
    length = max((4, 9, 16)[level] * fractions(whole), 2 + level)
    side = int(length) // 2 * 2 + 3
    angle = between(random, 0, np.pi)
    reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    middle = side // 2
    kernel = np.zeros((side, side), np.float32)
    for part in np.linspace(-1, 1, 4 * side):
        x, y = middle + part * reach
        kernel[int(np.rint(y)), int(np.rint(x))] += 1
    smeared = np.asarray(cv2.filter2D(whole, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT_101), np.uint8)
    return resize(smeared, image.shape[0], image.shape[1])


def sharpen(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Sharpen by an unsharp mask."""
    amount = (0.8, 1.8, 3.5)[level] * between(random, 0.95, 1.05)
    soft = blurred(image, max(1.0, 1.2 * fractions(image)))
    return np.asarray(cv2.addWeighted(np.ascontiguousarray(image), 1 + amount, soft, -amount, 0), np.uint8)


def gaussian_noise(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Add noise."""
    return noise(image, (8, 18, 36)[level] * between(random, 0.9, 1.1), random)


def salt_and_pepper(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Make single pixels white or black."""
    height, width = image.shape[:2]
    part = (0.01, 0.04, 0.12)[level]
    drawn = random.random((height, width), np.float32)
    noisy = image.copy()
    noisy[drawn < part / 2] = 0
    noisy[drawn > 1 - part / 2] = 255
    return noisy


def pixelate(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Show it in coarse blocks."""
    height, width = image.shape[:2]
    longest = max(height, width)
    blocks = min((128, 76, 46)[level] * between(random, 0.95, 1.05), longest * (0.6, 0.45, 0.3)[level])
    coarse = scaled(image, max(blocks, 1) / longest)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


def printed(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Print it on white paper and photograph that on a table: from the side, unevenly lit, soft, noisy, a JPEG."""
    whole = bounded(image)
    height, width = whole.shape[:2]
    edge = round(min(height, width) * 0.04) + 1
    sheet = cv2.copyMakeBorder(whole, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    room = round(max(height, width) * (0.02, 0.06, 0.12)[level])
    tall, wide = height + 2 * edge + 2 * room, width + 2 * edge + 2 * room
    desk = random.integers(40, 170, 3)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32) * (sheet.shape[1] - 1, sheet.shape[0] - 1)
    seen = quad(sheet.shape[0], sheet.shape[1], (0.03, 0.08, 0.14)[level], random) + room
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), seen.astype(np.float32))
    shot = warped(np.asarray(sheet, np.uint8), np.asarray(matrix, np.float64), tall, wide, tuple(desk.tolist()))
    pale = (0.95, 0.88, 0.8)[level]
    shot = table(
        blurred(shot, (0.5, 0.8, 1.2)[level] * max(fractions(shot), 0.5)), 255 - pale * np.arange(255, -1.0, -1)
    )
    direction, warmth = between(random, 0, 2 * np.pi), either(random) * (0.03, 0.06, 0.1)[level]
    y, x = np.linspace(-0.7, 0.7, tall, dtype=np.float32)[:, None], np.linspace(-0.7, 0.7, wide, dtype=np.float32)[None]
    fall = x * np.float32(np.cos(direction)) + y * np.float32(np.sin(direction))
    light = np.float32(0.9) + np.float32((0.12, 0.25, 0.38)[level]) * fall
    grain = random.standard_normal((tall, wide), np.float32) * np.float32(
        (2, 5, 9)[level]
    )  # of luma, as cameras leave it
    lit = np.empty((tall, wide, 3), np.float32)
    for channel, gain in enumerate((1 + warmth, 1, 1 - warmth)):
        np.multiply(shot[..., channel], light * np.float32(gain), out=lit[..., channel])
        lit[..., channel] += grain
    return jpeg(np.asarray(np.clip(lit, 0, 255), np.uint8), (85, 65, 45)[level])


QUALITY: dict[str, Edit] = {
    "jpeg": recompress,
    "webp": webp,
    "blur": blur,
    "motion-blur": motion_blur,
    "sharpen": sharpen,
    "noise": gaussian_noise,
    "salt-and-pepper": salt_and_pepper,
    "pixelate": pixelate,
    "printed": printed,
}
