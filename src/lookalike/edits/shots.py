"""What is not a copy and must be told apart: another shot of a scene, pages with one letterhead, plain pictures."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lookalike.edits.canvas import Random, between, either, finish, noise, not_negative, table
from lookalike.edits.pages import documents
from lookalike.errors import UsageError
from lookalike.transforms import resize
from lookalike.types import RGBImage

__all__ = ["another_shot", "documents", "plain"]

_LEVELS = ("weak", "middle", "strong")
_CUT = 112  # pixels of the longer side at which the subject is cut out
_WORK = 320  # pixels of the longer side at which the field of motion and what was hidden are worked out


def another_shot(image: RGBImage, seed: int, strength: str) -> RGBImage:
    """Return what a next frame, or the next picture of a burst, may have shown: the same scene, but no copy.

    The camera has moved a little, near things more than far ones; something in the foreground is elsewhere, and what
    it hid is seen; the exposure differs a little and the noise wholly.

    Parameters
    ----------
    image
        (height, width, 3) uint8, a photograph; untouched.
    seed
        Decides all that is drawn by lot: 0 or more.
    strength
        "weak", "middle" or "strong": how much time went by. The foreground moves by 3 to 5, 5 to 8, 8 to 12 % of the
        width; things drift apart by about 1.5, 2.7, 4 pixels in a picture of 320.

    Returns
    -------
    RGBImage
        Of the same size, contiguous.

    Raises
    ------
    UsageError
        If the strength is unknown or the seed is negative.
    """
    if strength not in _LEVELS:
        raise UsageError(f"there is no strength {strength!r}: choose one of {', '.join(_LEVELS)}")
    not_negative("a seed", seed)
    level = _LEVELS.index(strength)
    random = np.random.default_rng([seed, 77])
    scene = _moved_subject(np.ascontiguousarray(image), level, random)
    scene = _moved_camera(scene, level, random)
    gain = 1 + either(random) * between(random, 0.01, (0.03, 0.05, 0.08)[level])
    tint = 1 + random.uniform(-0.01, 0.01, 3)
    scene = table(scene, np.arange(256)[:, None] * gain * tint)
    return finish(noise(scene, between(random, 1.5, 3.5), random), image)


def _field(height: int, width: int, knots: int, random: Random) -> NDArray[np.float32]:
    """Return a smooth random field, (height, width) float32, of mean 0 and deviation 1."""
    coarse = random.standard_normal((knots, knots), np.float32)
    field = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    field -= np.float32(field.mean())
    return np.asarray(field / np.float32(max(float(field.std()), 1e-6)), np.float32)


def _moved_camera(image: RGBImage, level: int, random: Random) -> RGBImage:
    height, width = image.shape[:2]
    scale = max(height, width) / _WORK
    tall, wide = max(2, round(height / scale)), max(2, round(width / scale))
    depth = 0.85 * _field(tall, wide, 4, random) + 0.15 * _field(tall, wide, 7, random)
    heading = between(random, 0, 2 * np.pi)
    drift = (1.5, 2.7, 4.0)[level]
    y = np.arange(tall, dtype=np.float32)[:, None]
    x = np.arange(wide, dtype=np.float32)[None]
    degrees = either(random) * between(random, 0.2, (0.5, 1.0, 1.6)[level])
    step = random.uniform(-1, 1, 2) * (0.01, 0.018, 0.03)[level] * _WORK
    # Nearer, so that hardly anything from beyond the border comes in.
    reach = float(np.abs(step).max()) + 2 * drift + np.deg2rad(abs(degrees)) * _WORK / 2
    zoom = 1 + 1.2 * reach / min(max(tall, reach * 8), max(wide, reach * 8))
    matrix = cv2.getRotationMatrix2D(((wide - 1) / 2, (tall - 1) / 2), degrees, 1 / zoom)
    matrix[0, 2] += float(step[0])
    matrix[1, 2] += float(step[1])
    linear = matrix.astype(np.float32)
    at_x = linear[0, 0] * x + linear[0, 1] * y + linear[0, 2] + depth * np.float32(drift * np.cos(heading))
    at_y = linear[1, 0] * x + linear[1, 1] * y + linear[1, 2] + depth * np.float32(drift * np.sin(heading))
    full_x = cv2.resize((at_x + 0.5) * np.float32(width / wide) - 0.5, (width, height), interpolation=cv2.INTER_LINEAR)
    full_y = cv2.resize((at_y + 0.5) * np.float32(height / tall) - 0.5, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.remap(image, full_x, full_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), np.uint8)


def _moved_subject(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Return a picture in which its subject, or what is taken for it, is elsewhere, a little turned and scaled."""
    height, width = image.shape[:2]
    scale = max(max(height, width) / _WORK, 1.0)
    tall, wide = max(1, round(height / scale)), max(1, round(width / scale))
    centre = np.array([between(random, 0.4, 0.6) * wide, between(random, 0.4, 0.6) * tall])
    axes = np.array([between(random, 0.13, 0.22) * wide, between(random, 0.18, 0.3) * tall])
    low, high = ((0.03, 0.05), (0.05, 0.08), (0.08, 0.12))[level]
    angle = between(random, -0.6, 0.6) + (np.pi if random.random() < 0.5 else 0)
    step = np.array([np.cos(angle), np.sin(angle)]) * between(random, low, high) * wide
    lean = between(random, -1, 1) * (1.5, 3, 5)[level]
    grow = 1 + between(random, -1, 1) * (0.015, 0.03, 0.05)[level]
    if min(tall, wide) < 8:
        return image
    small = resize(image, tall, wide)
    mask = _subject(small, centre, axes)
    size = (width, height)
    full = np.asarray(cv2.resize(cv2.GaussianBlur(mask, (0, 0), 1.0), size), np.float32)
    hole = np.asarray(cv2.dilate(mask, np.ones((5, 5), np.uint8)), np.float32)
    behind = np.asarray(cv2.resize(_behind(small, hole), size), np.float32)
    gone = np.asarray(cv2.resize(cv2.GaussianBlur(hole, (0, 0), 1.0), size), np.float32)[..., None]
    under = image + (behind - image) * gone
    matrix = cv2.getRotationMatrix2D(tuple((centre * scale).tolist()), lean, grow)
    matrix[0, 2] += float(step[0]) * scale
    matrix[1, 2] += float(step[1]) * scale
    subject = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    alpha = cv2.warpAffine(full, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    moved = under + (subject - under) * np.asarray(alpha, np.float32)[..., None]
    return np.asarray(np.clip(np.rint(moved), 0, 255), np.uint8)


def _subject(image: RGBImage, centre: NDArray[np.float64], axes: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return a mask, 0 or 1, of what stands out from its surroundings about an ellipse, or of the ellipse itself.

    C. Rother et al., GrabCut, SIGGRAPH 2004, on a reduced picture.
    """
    height, width = image.shape[:2]
    reduced = min(1.0, _CUT / max(height, width))
    rows, columns = max(8, round(height * reduced)), max(8, round(width * reduced))
    small = resize(image, rows, columns)
    y, x = np.ogrid[:rows, :columns]
    place, reach = centre * (columns / width, rows / height), axes * (columns / width, rows / height)
    far = np.sqrt(((x - place[0]) / reach[0]) ** 2 + ((y - place[1]) / reach[1]) ** 2)
    parts = np.full((rows, columns), cv2.GC_BGD, np.uint8)
    parts[far < 2.0], parts[far < 1.0], parts[far < 0.4] = cv2.GC_PR_BGD, cv2.GC_PR_FGD, cv2.GC_FGD
    round_one = (far < 1).astype(np.float32)
    if (far < 0.4).sum() >= 8 and (far > 2).sum() >= 8:
        cv2.setRNGSeed(7)  # of this thread: GrabCut starts from clusters drawn by lot
        cv2.grabCut(small, parts, None, np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_MASK)  # type: ignore[call-overload]
        found = ((parts == cv2.GC_FGD) | (parts == cv2.GC_PR_FGD)).astype(np.uint8)
        found = cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        if 0.03 < found.mean() < 0.4:
            round_one = found.astype(np.float32)
    grown = cv2.resize(round_one, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.asarray(cv2.GaussianBlur(grown, (0, 0), 1.5)) > 0.5, np.float32)


def _behind(image: RGBImage, hole: NDArray[np.float32]) -> RGBImage:
    """Return a picture whose hole is filled by the reflection of what is around it, which keeps its texture."""
    height, width = image.shape[:2]
    inside = (hole > 0.5).astype(np.uint8)
    if inside.all():
        return image
    _, labels = cv2.distanceTransformWithLabels(inside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    rows, columns = np.nonzero(inside == 0)
    at = np.zeros((int(labels.max()) + 1, 2), np.int64)
    at[labels[rows, columns]] = np.column_stack([rows, columns])
    y, x = np.nonzero(inside)
    edge = at[labels[y, x]]
    away = 2 * edge - np.column_stack([y, x])
    away = np.clip(away, 0, (height - 1, width - 1))
    blocked = inside[away[:, 0], away[:, 1]] > 0
    away[blocked] = edge[blocked]
    filled = image.copy()
    filled[y, x] = image[away[:, 0], away[:, 1]]
    soft = cv2.GaussianBlur(filled, (0, 0), 0.7)
    filled[y, x] = soft[y, x]
    return filled


def plain(seed: int, count: int) -> list[RGBImage]:
    """Return pictures with next to nothing in them: flat colours, gradients, nearly blank scans.

    Parameters
    ----------
    seed
        Decides all that is drawn by lot: 0 or more.
    count
        How many; the three sorts take turns. No two have the same pixels.

    Returns
    -------
    list
        Pictures of 200 to 400 pixels a side.

    Raises
    ------
    UsageError
        If seed or count is negative.
    """
    not_negative("a seed", seed)
    not_negative("a count", count)
    random = np.random.default_rng([seed, 78])
    made = []
    first = random.random()
    for number in range(count):
        height, width = (int(side) for side in random.integers(200, 401, 2))
        # Hues by the golden ratio, so that flat colours are told apart by eye.
        hue = (first + 0.618034 * (number // 3)) % 1
        if number % 3 == 0:
            colour = _colour(hue, between(random, 0.2, 0.9), between(random, 0.3, 1))
            picture = np.full((height, width, 3), colour, np.uint8)
        elif number % 3 == 1:
            picture = _gradient(height, width, hue, random)
        else:
            picture = _blank_scan(height, width, random)
        made.append(np.ascontiguousarray(picture))
    return made


def _colour(hue: float, saturation: float, value: float) -> NDArray[np.float32]:
    pixel = np.array([[[360 * hue, saturation, value]]], np.float32)
    return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB), np.float32).reshape(3) * np.float32(255)


def _gradient(height: int, width: int, hue: float, random: Random) -> RGBImage:
    angle = between(random, 0, 2 * np.pi)
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None]
    if random.random() < 0.35:
        centre = random.uniform(-0.5, 0.5, 2)
        run = np.hypot(x - centre[0], y - centre[1])
    else:
        run = x * np.cos(angle) + y * np.sin(angle)
    run = ((run - run.min()) / (run.max() - run.min()))[..., None]
    start = _colour(hue, between(random, 0.2, 1), between(random, 0.2, 1))
    end = _colour((hue + between(random, 0.1, 0.5)) % 1, between(random, 0.1, 1), between(random, 0.3, 1))
    return np.asarray(np.rint(start + (end - start) * run), np.uint8)


def _blank_scan(height: int, width: int, random: Random) -> RGBImage:
    paper = np.array([between(random, 235, 254)] * 3) - random.uniform(0, 6, 3) * (0, 0.3, 1)
    page = np.empty((height, width, 3), np.float32)
    page[:] = paper
    shade = np.asarray(_field(height, width, 3, random))[..., None] * np.float32(between(random, 0.3, 1.5))
    shadow = np.exp(-np.arange(width, dtype=np.float32) / np.float32(between(random, 3, 12)))[None, :, None]
    if random.random() < 0.5:
        shadow = shadow[:, ::-1]
    page += shade - shadow * np.float32(between(random, 0, 50))
    return noise(np.clip(page, 0, 255).astype(np.uint8), between(random, 0.7, 2.2), random)
