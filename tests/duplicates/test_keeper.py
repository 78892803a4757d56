"""Which picture is kept, and the reason in words."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.defaults import KEEP_RULES
from lookalike.duplicates.keeper import Candidate, PairFacts, check_keep, prefer, shows_more
from lookalike.errors import UsageError

BASE = Candidate("/p/base.jpg", 400, 300, 30_000, 10, "JPEG", quality=80)


def kept(*candidates: Candidate, keep=KEEP_RULES, facts=None) -> tuple[int, str]:
    """Return which is kept, and why."""
    preference = prefer(candidates, keep, facts)
    at = preference.places.index(0)
    return at, preference.reason(at, [other for other in range(len(candidates)) if other != at])


@pytest.mark.parametrize(
    ("better", "words"),
    [
        (replace(BASE, width=401, size=9), "most pixels: 401 x 300"),
        (replace(BASE, width=1240, size=9), "3.1 times the pixels"),
        (replace(BASE, width=8000, size=9), "20 times the pixels"),
        (replace(BASE, format="PNG", quality=None), "lossless (PNG)"),
        (replace(BASE, quality=92), "less compressed: JPEG quality 92, not 80"),
        (replace(BASE, format="WebP", quality=None, size=45_000), "less compressed: about JPEG quality 97, not 80"),
        (replace(BASE, camera=True), "names its camera"),
        (replace(BASE, taken="2020-01-01 10:00:00", mtime_ns=99), "says when it was taken"),
        (replace(BASE, beside=("raw",), mtime_ns=99), "has its RAW beside it"),
        (replace(BASE, beside=("film", "xmp")), "has its film and its XMP sidecar beside it"),
        (replace(BASE, mtime_ns=9), "oldest file"),
        (replace(BASE, uri="/p/bas.jpg"), "shortest name"),
        (replace(BASE, uri="/q/base.jpg"), ""),
        (replace(BASE, uri="/p/aase.jpg"), "first by name"),
    ],
)
def test_the_first_difference_decides_and_is_the_reason(better, words):
    wins = 0 if words == "" else 1
    assert kept(BASE, better) == (wins, words or "first by name")
    assert kept(better, BASE) == (1 - wins, words or "first by name")


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        (PairFacts(shows_more=1), "uncropped"),
        (PairFacts(clean=1), "nothing added"),
        (PairFacts(colour=1), "in colour"),
        (PairFacts(upright=1), "not mirrored or turned"),
    ],
)
def test_what_a_pair_tells_comes_before_its_sizes(fact, words):
    small = replace(BASE, uri="/p/zz copy.jpg", width=40, quality=5)
    assert kept(small, BASE, facts={(0, 1): fact}) == (0, words)
    opposite = PairFacts(*(-sign for sign in (fact.shows_more, fact.clean, fact.colour, fact.upright)))
    assert kept(BASE, small, facts={(0, 1): opposite}) == (1, words)
    assert kept(small, BASE, facts={(0, 1): PairFacts()})[0] == 1


def test_of_a_picture_and_its_mirrored_copy_the_one_with_a_camera_is_the_original():
    camera = replace(BASE, camera=True, width=399)
    assert kept(BASE, camera, facts={(0, 1): PairFacts()})[0] == 0
    assert kept(BASE, camera, facts={(0, 1): PairFacts(turned=True)}) == (
        1,
        "not mirrored or turned; names its camera",
    )
    told = PairFacts(turned=True, upright=1)  # by its text, which counts for more
    assert kept(BASE, camera, facts={(0, 1): told})[0] == 0


def test_what_else_speaks_for_the_keeper_is_said_after_what_decided():
    crop = replace(BASE, uri="/p/crop.jpg", width=129)
    assert kept(BASE, crop, facts={(0, 1): PairFacts(shows_more=1)}) == (0, "uncropped; 3.1 times the pixels")
    larger = replace(crop, width=500)
    assert kept(BASE, larger, facts={(0, 1): PairFacts(shows_more=1)}) == (0, "uncropped")


def test_several_others_share_one_reason():
    assert kept(BASE, replace(BASE, width=200), replace(BASE, width=100)) == (0, "at least 2 times the pixels")
    assert kept(BASE, replace(BASE, width=200), replace(BASE, uri="/p/base copy.jpg")) == (
        0,
        "2 times the pixels; not called a copy",
    )


def test_a_picture_comes_after_all_that_show_more_though_a_pair_is_unknown():
    """0 shows more than 1, and 1 than each of 2 to 4: by wins alone 1 would come first."""
    chain = [BASE, *(replace(BASE, uri=f"/p/{n}.jpg", width=500 + n) for n in range(1, 5))]
    facts = {(0, 1): PairFacts(shows_more=1), **{(n, 1): PairFacts(shows_more=-1) for n in (2, 3, 4)}}
    assert prefer(chain, facts=facts).places == (0, 1, 4, 3, 2)


def test_a_ring_of_pairs_leaves_it_to_the_next_rule():
    ring = [BASE, replace(BASE, uri="/p/b.jpg", width=500), replace(BASE, uri="/p/c.jpg", width=450)]
    facts = {(0, 1): PairFacts(shows_more=1), (1, 2): PairFacts(shows_more=1), (2, 0): PairFacts(shows_more=1)}
    assert prefer(ring, facts=facts).places == (2, 0, 1)
    out = [*ring, replace(BASE, uri="/p/d.jpg", width=9000)]
    assert prefer(out, facts={**facts, (2, 3): PairFacts(shows_more=1)}).places == (2, 0, 1, 3)


def test_heic_and_avif_need_fewer_bits_than_jpeg_for_the_same_quality():
    jpeg = replace(BASE, quality=None, size=30_000)
    heic = replace(BASE, uri="/p/b.heic", format="HEIC", quality=None, size=20_000)
    assert kept(jpeg, heic)[0] == 1
    assert kept(jpeg, replace(heic, format="WebP"))[0] == 0


def test_a_lossless_file_needs_no_figure_for_its_quality():
    png = replace(BASE, uri="/p/b.png", format="PNG", quality=None)
    assert kept(BASE, png, keep=["quality"]) == (1, "not compressed at a loss; lossless (PNG)")


def test_a_lossless_webp_is_known_by_its_header_not_its_format():
    webp = replace(BASE, uri="/p/b.webp", format="WebP", quality=None, size=10)
    assert kept(BASE, webp)[0] == 0
    assert kept(BASE, replace(webp, lossless=True)) == (1, "lossless (WebP)")


def test_age_is_that_of_the_photograph_before_that_of_the_file():
    early = replace(BASE, uri="/p/x.jpg", taken="2010-05-01 10:00:00", mtime_ns=2_000_000_000 * 10**9)
    late = replace(BASE, uri="/p/y.jpg", taken="2015-05-01 10:00:00", mtime_ns=5)
    assert kept(early, late) == (0, "oldest: taken 2010-05-01")
    assert kept(early, late, keep=["newest"]) == (1, "newest")
    assert kept(replace(late, mtime_ns=4), late) == (0, "oldest file")
    assert kept(early, replace(BASE, mtime_ns=1_000_000_000 * 10**9), keep=["oldest"])[0] == 1
    assert kept(replace(early, taken="no date"), late, keep=["oldest"])[0] == 1


def test_a_raw_counts_before_a_film_and_a_film_before_all_sidecars():
    bare = replace(BASE, uri="/p/a.jpg", mtime_ns=1)
    sidecars = replace(BASE, uri="/p/b.jpg", beside=("aae", "json", "xmp"))
    film = replace(BASE, uri="/p/c.jpg", beside=("film",))
    raw = replace(BASE, uri="/p/d.jpg", beside=("raw", "xmp"))
    assert prefer([bare, sidecars, film, raw]).places == (3, 2, 1, 0)
    assert kept(sidecars, raw) == (1, "has its RAW beside it")
    assert kept(bare, sidecars)[1] == "has its XMP sidecar, its edits and its JSON beside it"


def test_a_better_picture_is_kept_without_its_raw_unless_that_is_asked_for_first():
    small = replace(BASE, uri="/p/b.jpg", width=200, height=150, beside=("raw",))
    assert kept(BASE, small) == (0, "4 times the pixels")
    assert kept(BASE, small, keep=["complete"]) == (1, "has its RAW beside it")


@pytest.mark.parametrize("rule", ["oldest", "newest"])
def test_an_unknown_time_is_neither_the_oldest_nor_the_newest(rule):
    assert kept(replace(BASE, mtime_ns=0), replace(BASE, uri="/p/longer.jpg"), keep=[rule])[0] == 1


@pytest.mark.parametrize(
    "name",
    [
        "base copy", "Copy of base", "base (1)", "base(2)", "base-edited", "base_edited", "base~2", "base Kopie",
        "base - Kopie", "base copie", "IMG-20200101-WA0001", "thumb_base", "base_thumb", "base_small",
        "Screenshot_2020", "Screen Shot 2020", "base-300x200", "FB_IMG_1500", "base.min", "base_resized",
    ],
)  # fmt: skip
def test_names_of_copies_are_known(name):
    original, copy = replace(BASE, uri="/p/a much longer name for it.jpg"), replace(BASE, uri=f"/p/{name}.jpg")
    assert kept(copy, original) == (1, "not called a copy")


@pytest.mark.parametrize("name", ["IMG_20200101_101010", "copyright", "smallville", "webster", "P1000(1)x", "a_bed"])
def test_innocent_names_are_not_taken_for_copies(name):
    assert kept(replace(BASE, uri=f"/p/{name}.jpg"), replace(BASE, uri=f"/p/{name}-longer-still.jpg"))[0] == 0
    assert kept(replace(BASE, uri=f"/p/{name}.jpg"), replace(BASE, uri="/p/copy.jpg"))[0] == 0


def test_a_folder_of_thumbnails_speaks_against_what_is_in_it():
    assert kept(replace(BASE, uri="/p/.thumbnails/a.jpg"), replace(BASE, uri="/p/pictures/aa.jpg"))[0] == 1
    assert kept(replace(BASE, uri="/p/.thumbnail/a.jpg"), replace(BASE, uri="/p/pictures/aa.jpg"))[0] == 0


def test_rules_that_are_named_come_first_and_the_others_follow():
    assert check_keep(KEEP_RULES) == KEEP_RULES
    assert check_keep([]) == KEEP_RULES
    assert check_keep(["name", "oldest", "name"])[:3] == ("name", "oldest", "uncropped")
    assert sorted(check_keep(["name"])) == sorted(KEEP_RULES)
    assert "oldest" not in check_keep(["newest"])
    assert check_keep(check_keep(["newest", "folder:a"])) == check_keep(["newest", "folder:a"])
    large, old = replace(BASE, uri="/p/large.jpg", width=500), replace(BASE, uri="/p/old.jpg", mtime_ns=3)
    assert kept(large, old)[0] == 0
    assert kept(large, old, keep=["oldest"]) == (1, "oldest file")


def test_a_folder_can_be_preferred_over_all(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    best = replace(BASE, uri=os.fspath(tmp_path / "best" / "a.jpg"), width=3)
    near = replace(BASE, uri=os.fspath(tmp_path / "best of" / "a.jpg"))
    assert kept(best, near)[0] == 1
    assert kept(best, near, keep=["folder:best"]) == (0, f"in {tmp_path / 'best'}")
    assert kept(best, near, keep=["pixels", "folder:best"])[0] == 1
    monkeypatch.setenv("HOME", os.fspath(tmp_path))
    monkeypatch.setenv("USERPROFILE", os.fspath(tmp_path))
    assert check_keep(["folder:~/best"])[0] == f"folder:{tmp_path / 'best'}"
    assert kept(best, near, keep=[f"folder:{Path(near.uri).parent}", "folder:best"])[0] == 1


@pytest.mark.parametrize("keep", [["biggest"], ["folder:"], ["pixels", ""], ["oldest", "newest"]])
def test_a_wrong_rule_is_an_error_that_lists_the_rules(keep):
    with pytest.raises(UsageError, match="oldest" if "newest" in keep else r"uncropped, .*, name, newest, folder:PATH"):
        check_keep(keep)


def test_a_reference_is_kept_whatever_the_rules():
    poor = replace(BASE, uri="/p/zz copy.jpg", width=1, reference=True)
    assert kept(BASE, poor, facts={(0, 1): PairFacts(shows_more=1)}) == (1, "in a reference folder")


def test_which_shows_more_is_told_by_the_shares():
    assert shows_more(0.5, 1.0) == 1
    assert shows_more(1.0, 0.5) == -1
    assert shows_more(0.98, 1.0) == 0
    assert shows_more(0.6, 0.6) == 0


CANDIDATES = st.lists(
    st.builds(
        Candidate,
        uri=st.sampled_from([f"/p/{name}.jpg" for name in ("a", "b", "c (1)", "d copy", "e", "f", "ggg", "h")]),
        width=st.sampled_from([100, 200]),
        height=st.just(100),
        size=st.sampled_from([1000, 4000]),
        mtime_ns=st.sampled_from([0, 5, 10**18]),
        format=st.sampled_from(["JPEG", "PNG", "WebP"]),
        quality=st.sampled_from([None, 70, 90]),
        camera=st.booleans(),
        taken=st.sampled_from([None, "2020-01-01 00:00:00", "2021-01-01 00:00:00"]),
    ),
    unique_by=lambda candidate: candidate.uri,
    min_size=1,
)
SIGN = st.integers(-1, 1)


@settings(deadline=None)
@given(CANDIDATES, st.data())
def test_the_order_is_total_and_depends_on_no_order(candidates, data):
    pairs = [(a, b) for a in range(len(candidates)) for b in range(a)]
    told = {pair: data.draw(st.builds(PairFacts, SIGN, SIGN, SIGN, SIGN, st.booleans())) for pair in pairs}
    keep = data.draw(st.lists(st.sampled_from(KEEP_RULES), unique=True, max_size=3))
    preference = prefer(candidates, keep, told)
    assert sorted(preference.places) == list(range(len(candidates)))
    order = data.draw(st.permutations(range(len(candidates))))
    shuffled = [candidates[at] for at in order]
    where = {at: position for position, at in enumerate(order)}
    turned = {}
    for (a, b), fact in told.items():
        if data.draw(st.booleans()):
            fact = PairFacts(-fact.shows_more, -fact.clean, -fact.colour, -fact.upright, fact.turned)
            a, b = b, a
        turned[where[a], where[b]] = fact
    again = prefer(shuffled, keep, turned)
    assert [again.places[where[at]] for at in range(len(candidates))] == list(preference.places)
    first = preference.places.index(0)
    others = [at for at in range(len(candidates)) if at != first]
    assert preference.reason(first, others)
    assert again.reason(where[first], sorted(where[at] for at in others)) == preference.reason(first, others)


def test_ten_thousand_are_put_in_order_at_once():
    draw = np.random.default_rng(1)
    many = [replace(BASE, uri=f"/p/{n}.jpg", width=int(draw.integers(1, 99))) for n in range(10_000)]
    places = prefer(many, facts={(n, n + 1): PairFacts(shows_more=1) for n in range(9_999)}).places
    assert places == tuple(range(10_000))
