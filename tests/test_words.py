from __future__ import annotations

import numpy as np
import pytest

from lookalike.words import (
    cell_width,
    human_bytes,
    human_count,
    human_distance,
    human_seconds,
    plain,
    short_float,
    shorten_end,
    shorten_path,
    split_path,
    visible,
)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (8_123_456, "8.1 MB"),
        (99_949, "99.9 kB"),
        (99_960, "100 kB"),
        (999_499, "999 kB"),
        (999_960, "1.0 MB"),
        (120_000_000_000, "120 GB"),
        (10**18, "1000 PB"),
    ],
)
def test_sizes_have_a_decimal_unit_and_never_a_thousand_of_one(count: int, text: str) -> None:
    assert human_bytes(count) == text


def test_counts_have_commas_and_the_right_plural() -> None:
    assert human_count(1, "picture") == "1 picture"
    assert human_count(12_345, "picture") == "12,345 pictures"
    assert human_count(0, "copy", "copies") == "0 copies"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (0.44, "0.4 s"),
        (9.96, "10 s"),
        (59.7, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7_800, "2 h 10 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_durations_are_told_in_two_units_at_most(seconds: float, text: str) -> None:
    assert human_seconds(seconds) == text


def test_distances_have_four_digits_and_pdq_has_bits() -> None:
    assert human_distance(0.123456) == "0.1235"
    assert human_distance(123.456) == "123.5"
    assert human_distance(0.0) == "0"
    assert human_distance(0.00001) == "<0.0001"
    assert human_distance(12.0, "pdq") == "12 bits"
    assert human_distance(1.0, "pdq") == "1 bit"
    assert human_distance(None) == ""


def test_a_float32_has_the_digits_of_a_float32() -> None:
    stored = float(np.float32(0.1234567))
    assert repr(stored) != "0.1234567"
    assert repr(short_float(stored)) == "0.1234567"


def test_every_float32_comes_back_from_its_text() -> None:
    numbers = np.random.default_rng(0).integers(0, 2**32, 2000, np.uint32).view(np.float32)
    numbers = numbers[np.isfinite(numbers)]
    texts = [repr(short_float(float(number))) for number in numbers]
    assert np.array_equal(np.array([np.float32(text) for text in texts]), numbers)
    digits = [text.lstrip("-").split("e")[0].replace(".", "").strip("0") for text in texts]
    assert max(map(len, digits)) <= 9


@pytest.mark.parametrize("value", [0.1, 1e300, -1e300, 1 / 3, float("inf")])
def test_a_float_that_is_no_float32_stays_as_it_is(value: float) -> None:
    assert short_float(value) == value


def test_values_of_numpy_become_values_of_python() -> None:
    value = plain({"a": np.float32(0.1), 1: (np.int64(2), np.bool_(True)), "b": b"\x01", "c": np.arange(2)})
    assert value == {"a": 0.1, "1": [2, True], "b": "01", "c": [0, 1]}
    assert type(value["1"][0]) is int
    assert value["1"][1] is True


def test_what_cannot_be_seen_is_escaped() -> None:
    assert visible("a\nb\tc\x1b[31m") == "a\\nb\\tc\\x1b[31m"
    assert visible("caf\udce9.jpg") == "caf\\xe9.jpg"
    assert visible("caf\udce9.jpg", surrogates=False) == "caf\udce9.jpg"
    assert visible("gpj.\u202eexe") == "gpj.\\u202eexe"
    assert visible("\ud800") == "\\ud800"
    assert visible("Zoë, 猫, 👩‍👧") == "Zoë, 猫, 👩‍👧"


def test_wide_and_combining_characters_are_measured() -> None:
    assert cell_width("abc") == 3
    assert cell_width("猫") == 2
    assert cell_width("e\u0301") == 1


def test_paths_of_both_kinds_are_split_before_the_name() -> None:
    assert split_path("/a/b.jpg") == ("/a/", "b.jpg")
    assert split_path("C:\\a\\b.jpg") == ("C:\\a\\", "b.jpg")
    assert split_path("/a/odd\\name.jpg") == ("/a/", "odd\\name.jpg")
    assert split_path("b.jpg") == ("", "b.jpg")


def test_a_path_is_cut_in_its_folders_while_the_name_fits() -> None:
    path = "/home/someone/pictures/holidays/beach.jpg"
    assert shorten_path(path, 24) == "/home/someone…/beach.jpg"
    assert shorten_path(path, 100) == path
    assert all(cell_width(shorten_path(path, limit)) <= limit for limit in range(4, 50))


def test_a_name_that_is_too_long_keeps_its_end() -> None:
    short = shorten_path("/a/IMG_20240101_120000_final_version.jpeg", 20)
    assert short.endswith("version.jpeg")
    assert short.startswith("IMG")
    assert cell_width(short) <= 20


def test_a_sentence_is_cut_at_its_end() -> None:
    assert shorten_end("the file ends too early", 12) == "the file en…"
    assert shorten_end("short", 12) == "short"
