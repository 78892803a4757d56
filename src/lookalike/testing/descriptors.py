"""What every descriptor keeps to."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np

from lookalike.types import Descriptor, RGBImage

__all__ = ["check_descriptor"]


def check_descriptor(make: Callable[[], Descriptor]) -> None:
    """Check that a descriptor keeps the contract of `Descriptor`.

    A sensible spec, shape and type of the vectors, only finite numbers, unit length for "cosine", no pictures, sizes
    from 1 x 1 up, pictures without any content, a batch like its pictures one by one, the same vectors again and from
    another instance, a copy through pickle, and pictures left untouched, read-only and not contiguous ones too.

    Parameters
    ----------
    make
        Returns a descriptor, ready to embed.

    Raises
    ------
    AssertionError
        At the first breach.
    """
    descriptor = make()
    spec = descriptor.spec
    assert isinstance(descriptor, Descriptor), "a descriptor has a spec and embed"
    assert spec.name, "a descriptor has a name"
    assert spec.name == spec.name.strip().lower(), "a name is typed on the command line: lower case, no blanks"
    assert spec.metric in ("cosine", "l2", "hamming"), "the metric is one that an index knows"
    assert spec.dim >= 1, "a vector has numbers"
    assert spec.metric == "l2" or not spec.standardised, "only vectors for l2 can be standardised"
    assert spec.metric != "hamming" or spec.dim % 8 == 0, "bits are packed, 8 to a byte"
    assert spec.preprocess, "the spec says what is done to a picture"
    assert spec.source, "the spec names its source"
    assert spec.licence, "the spec names a licence"
    assert spec.min_side >= 1, "min_side is in pixels"
    assert make().spec == spec, "the spec is the same for every instance"

    images = _pictures()
    before = [image.copy() for image in images]
    vectors = descriptor.embed(images)
    assert vectors.shape == (len(images), spec.width), f"vectors are (n, {spec.width}), not {vectors.shape}"
    assert vectors.dtype == spec.dtype, f"vectors are {spec.dtype}, not {vectors.dtype}"
    assert np.isfinite(vectors).all(), "every number is finite"
    if spec.metric == "cosine":
        assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5, "vectors for cosine have unit length"
    nothing = descriptor.embed([])
    assert nothing.shape == (0, spec.width), "no pictures give no vectors, of the right width"
    assert nothing.dtype == spec.dtype, "no pictures give no vectors, of the right type"
    assert len(np.unique(vectors, axis=0)) > 1, "different pictures get different vectors"

    for image, copy in zip(images, before, strict=True):
        assert np.array_equal(image, copy), "pictures are left untouched"
        image.flags.writeable = False
    assert np.array_equal(descriptor.embed(images), vectors), "the same pictures, read-only, give the same vectors"
    one_by_one = np.concatenate([descriptor.embed([image]) for image in images])
    assert np.array_equal(one_by_one, vectors), "a batch gives what its pictures give one by one"
    assert np.array_equal(descriptor.embed(images[::-1]), vectors[::-1]), "a picture's place in a batch is no matter"
    views = [np.asfortranarray(image) for image in images]
    assert np.array_equal(descriptor.embed(views), vectors), "how a picture lies in memory is no matter"
    many = descriptor.embed([images[index % len(images)] for index in range(40)])
    assert np.array_equal(many, vectors[np.arange(40) % len(images)]), "a large batch gives the same"

    assert np.array_equal(make().embed(images), vectors), "another instance gives the same vectors"
    again = pickle.loads(pickle.dumps(descriptor))  # noqa: S301 - our own bytes
    assert again.spec == spec, "a copy through pickle has the same spec"
    assert np.array_equal(again.embed(images), vectors), "a copy through pickle gives the same vectors"


def _pictures() -> list[RGBImage]:
    """Return pictures of sizes from 1 x 1 up, odd and even, and two without any content."""
    random = np.random.default_rng(5)
    sizes = [(1, 1), (1, 9), (301, 2), (17, 31), (64, 64), (255, 257), (480, 333)]
    images = [random.integers(0, 256, (height, width, 3), dtype=np.uint8) for height, width in sizes]
    return [*images, np.zeros((33, 20, 3), np.uint8), np.full((20, 33, 3), 255, np.uint8)]
