"""Pictures that look the same and are not: transparency, low bits, later frames; from every face."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.decode import decode, hidden_difference
from lookalike.demo import shipped_photographs
from lookalike.transforms import resize
from tests.ugly import png


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    image = decode(shipped_photographs()[0].read_bytes()).pixels
    return resize(np.ascontiguousarray(image[:300, :400]), 150, 200)


def saved(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def see_through(photo: np.ndarray, alpha: int) -> bytes:
    mask = np.full((*photo.shape[:2], 1), 255, np.uint8)
    mask[:, 50:150] = alpha
    return saved(Image.fromarray(np.dstack([photo, mask])))


def deep(photo: np.ndarray, seed: int) -> bytes:
    low = np.random.default_rng(seed).integers(0, 2, photo.shape).astype(np.uint16)
    return png((photo.astype(np.uint16) * 257 + low).astype(np.uint16))


def moving(photo: np.ndarray, seed: int, form: str = "GIF") -> bytes:
    frames = [Image.fromarray(np.roll(photo, 20 * seed * at, axis=1)) for at in range(3)]
    if form == "GIF":
        palette = frames[0].quantize(128)
        frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    return saved(frames[0], form, save_all=True, append_images=frames[1:], duration=50)


def test_what_is_hidden_is_said(photo):
    clear = "the same colours, another transparency"
    assert hidden_difference(see_through(photo, 200), see_through(photo, 201)) == clear
    assert hidden_difference(see_through(photo, 0), saved(Image.fromarray(photo))) == clear
    assert hidden_difference(deep(photo, 1), deep(photo, 2)) == "the same in 8 bits, other samples"
    assert hidden_difference(moving(photo, 1), moving(photo, 2)) == "the same first frame, other ones after it"
    still = saved(Image.open(io.BytesIO(moving(photo, 1))))
    assert hidden_difference(moving(photo, 1), still) == "the same first frame, but one of them moves"


def test_where_nothing_is_hidden_nothing_is_said(photo):
    plain = saved(Image.fromarray(photo))
    assert hidden_difference(plain, plain) is None
    assert hidden_difference(plain, deep(photo, 1)) is None, "reduced to 8 bits"
    assert hidden_difference(plain, saved(Image.fromarray(photo).rotate(90, expand=True))) is None, "another size"
    brighter = saved(Image.fromarray(np.clip(photo.astype(int) + 9, 0, 255).astype(np.uint8)))
    assert hidden_difference(plain, brighter) is None, "plain to be seen"
    assert hidden_difference(moving(photo, 1), moving(photo, 1, "WEBP")) is None, "another format"


@pytest.mark.parametrize("kind", [see_through, deep, moving])
def test_no_face_calls_them_copies(photo, kind, tmp_path):
    suffix = "gif" if kind is moving else "png"
    a, b = tmp_path / "photos" / f"a.{suffix}", tmp_path / "photos" / f"b.{suffix}"
    a.parent.mkdir()
    a.write_bytes(kind(photo, 101))
    b.write_bytes(kind(photo, 97))
    compared = lookalike.compare(a, b)
    assert (compared.verdict, compared.probability) == ("related", 0.0)
    with lookalike.open(tmp_path / "a.lookalike") as library:
        library.add(a.parent)
        assert library.duplicates(level="same-scene").groups == ()
        for query in (a, a.read_bytes(), Path(a)):
            (found,) = library.search(query, 1 if query == a else 2, verify=True).evidence
            assert [one.verdict for one in found if one.reason != "the same bytes"] == ["related"]
            assert "the same" in found[-1].reason
