"""The confusion matrix as a picture."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from lookalike.classify import CrossValidation
from lookalike.render import classification_page, confusion_plot


def made(names: list[str], seed: int = 0, each: int = 10) -> CrossValidation:
    random = np.random.default_rng(seed)
    labels = [name for name in names for _ in range(each)]
    told = [name if random.random() < 0.8 else names[random.integers(len(names))] for name in labels]
    classes = tuple(sorted(names))
    parts = np.full((len(labels), len(names)), 1 / len(names))
    uris = tuple(f"/nowhere/{number}.jpg" for number in range(len(labels)))
    folds = np.arange(len(labels)) % 2
    return CrossValidation(uris, tuple(labels), tuple(told), parts, folds, classes, "knn", ("lite0",))


@pytest.fixture
def texts(monkeypatch):
    """Collect the texts of each figure that is drawn."""
    found: list[list[Any]] = []
    draw = Figure.savefig

    def collect(figure, *arguments, **options):
        found.append([text for axes in figure.axes[:1] for text in (*axes.texts, *axes.get_xticklabels())])
        draw(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", collect)
    return found


def drawn(result: CrossValidation) -> Image.Image:
    stream = io.BytesIO()
    confusion_plot(result, stream)
    image = Image.open(stream)
    image.load()
    return image


@pytest.mark.parametrize("count", [2, 5, 14, 40, 102])
def test_matrices_of_any_size_are_drawn_in_a_sensible_one(count):
    image = drawn(made([f"class {number}" for number in range(count)]))
    assert image.format == "PNG"
    assert 700 <= max(image.size) <= 3200
    assert 0.5 < image.width / image.height < 2


def test_cells_have_counts_and_percentages_where_there_is_room(texts):
    result = made(["cat", "dog"])
    drawn(result)
    told = {text.get_text() for text in texts[0]}
    right = int(result.confusion[0, 0])
    assert f"{right}\n{right / 10:.0%}" in told
    assert {"cat", "dog"} <= told
    drawn(made([f"c{number}" for number in range(16)]))
    assert "10" in {text.get_text() for text in texts[1]}
    assert not any("%" in text.get_text() for text in texts[1])
    drawn(made([f"c{number}" for number in range(41)], each=3))
    assert all(text.get_text().startswith("c") for text in texts[2])


def test_right_ones_are_blue_and_mistakes_orange():
    pixels = np.asarray(drawn(made([f"c{number}" for number in range(20)])).convert("RGB")).astype(int)
    blue = (pixels[..., 2] - pixels[..., 0] > 25).sum()
    orange = (pixels[..., 0] - pixels[..., 2] > 25).sum()
    assert blue > 1000
    assert orange > 1000


@pytest.mark.parametrize("name", ["$x_{1$", "猫", "a" * 200, "caf\udce9", "two\nlines", "\u202eturned", ""])
def test_any_name_of_a_class_can_be_drawn(name):
    assert max(drawn(made([name, "other"])).size) < 3000


def test_the_same_result_is_the_same_picture_to_the_byte():
    streams = [io.BytesIO(), io.BytesIO()]
    for stream in streams:
        confusion_plot(made(["a", "b", "c"]), stream)
    assert streams[0].getvalue() == streams[1].getvalue()


def test_a_page_shows_no_more_mistakes_than_asked_and_escapes_names():
    result = made(["<b>", "other"], each=30)
    wrong = len(result.missed)
    assert wrong > 3
    assert classification_page(result).count("<figure") == wrong
    page = classification_page(result, 2)
    assert page.count("<figure") == 2
    assert f"{wrong - 2} more" in page
    assert "<b>," not in page
    assert "&lt;b&gt;" in page
