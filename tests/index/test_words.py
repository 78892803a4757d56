from __future__ import annotations

import hashlib
import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from lookalike.descriptors.local import local_features, mirrored, negative, working_picture
from lookalike.errors import LibraryFormatError
from lookalike.index import WordIndex, _quantiser, _votes
from lookalike.index._entries import Entries
from lookalike.index._quantiser import WORDS, Quantiser, shipped
from lookalike.types import LocalFeatures

SHARED = Path(__file__).resolve().parents[2] / "../shared/data/caltech101"


def made(n, seed, spread=320):
    """n keypoints anywhere, with rows as alike one another as those of pictures are unlike."""
    chance = np.random.default_rng(seed)
    points = np.column_stack(
        [chance.uniform(0, spread, n), chance.uniform(0, 240, n), chance.uniform(3, 30, n), chance.uniform(0, 360, n)]
    )
    rows = chance.gamma(0.5, 1, (n, 128))
    rows = 512 * np.sqrt(rows / rows.sum(1, keepdims=True))
    return LocalFeatures(points.astype(np.float32), np.minimum(np.rint(rows), 255).astype(np.uint8), 320, 240)


def nothing():
    return LocalFeatures(np.empty((0, 4), np.float32), np.empty((0, 128), np.uint8), 5, 5)


def noisy(features, seed, by=6, part=slice(None), turn=0.0, scale=1.0, shift=(0.0, 0.0)):
    """A part of the keypoints after a similarity, their rows disturbed."""
    chance = np.random.default_rng(seed)
    rows = np.clip(features.rows[part] + chance.normal(0, by, features.rows[part].shape), 0, 255).astype(np.uint8)
    points = features.points[part].copy()
    angle = np.deg2rad(turn)
    x, y = points[:, 0].copy(), points[:, 1].copy()
    points[:, 0] = scale * (np.cos(angle) * x - np.sin(angle) * y) + shift[0]
    points[:, 1] = scale * (np.sin(angle) * x + np.cos(angle) * y) + shift[1]
    points[:, 2] *= scale
    points[:, 3] = (points[:, 3] + turn) % 360
    return LocalFeatures(points, rows, features.width, features.height)


def filled(n=30, kept=40, **options):
    index = WordIndex(**options)
    pictures = [made(kept, seed) for seed in range(n)]
    index.add(np.arange(n) * 7 + 3, pictures)
    return index, pictures


def by_votes(query, pictures):
    """Brute force: each keypoint of the query votes for the picture with the nearest row."""
    rows = np.concatenate([one.rows for one in pictures]).astype(np.int64)
    of = np.repeat(np.arange(len(pictures)), [len(one.rows) for one in pictures])
    distances = ((query.rows.astype(np.int64)[:, None] - rows[None]) ** 2).sum(2)
    return np.bincount(of[distances.argmin(1)], minlength=len(pictures))


def same(a, b):
    assert np.array_equal(a.keys, b.keys)
    assert np.array_equal(a.distances, b.distances)
    assert np.array_equal(a.variants, b.variants)


# Words and signatures


def test_words_are_the_nearest_of_all_pairs_of_centres():
    rows = made(20, 1).rows
    codebook = shipped()
    first = ((rows[:, None, :64].astype(int) - codebook.centres[0].astype(int)) ** 2).sum(2)
    second = ((rows[:, None, 64:].astype(int) - codebook.centres[1].astype(int)) ** 2).sum(2)
    pairs = (first[:, :, None] + second[:, None, :]).reshape(len(rows), -1)
    wanted = np.lexsort((np.broadcast_to(np.arange(WORDS), pairs.shape), pairs))
    for count in (1, 4, 50):
        assert np.array_equal(codebook.words(rows, count), wanted[:, :count])


def test_a_signature_says_on_which_side_of_the_medians_of_its_word_a_row_lies():
    rows = made(5, 2).rows
    codebook = shipped()
    words = codebook.words(rows, 3)
    found = codebook.signatures(rows, words)
    assert found.shape == (5, 3)
    for i, row in enumerate(rows.astype(int)):
        for j, word in enumerate(words[i]):
            bits = []
            for h, centre in enumerate((word // 256, word % 256)):
                projected = codebook.directions[h].astype(int) @ row[64 * h : 64 * h + 64]
                bits.append(projected > codebook.thresholds[h, centre])
            assert np.packbits(np.concatenate(bits)).view("<u8")[0] == found[i, j]


def test_directions_are_orthogonal_and_thresholds_near_the_middle_of_real_rows():
    for lines in shipped().directions.astype(float):
        assert np.allclose(lines @ lines.T / 127**2, np.eye(32), atol=0.02)


def test_rows_of_another_kind_are_refused():
    with pytest.raises(ValueError, match="uint8"):
        shipped().words(np.zeros((2, 128), np.float32))
    with pytest.raises(ValueError, match="128"):
        shipped().words(np.zeros((2, 64), np.uint8))
    with pytest.raises(ValueError, match="directions"):
        Quantiser(shipped().centres, shipped().directions[:, :8], shipped().thresholds)


def test_the_shipped_codebook_is_checked(monkeypatch, tmp_path):
    path = tmp_path / "rootsift.npz"
    monkeypatch.setattr(_quantiser, "_FILE", path)
    fresh = _quantiser.shipped.__wrapped__
    with pytest.raises(LibraryFormatError, match="install Lookalike anew"):
        fresh()
    path.write_bytes(b"not it")
    path.with_suffix(".npz.sha256").write_text(hashlib.sha256(b"it").hexdigest())
    with pytest.raises(LibraryFormatError, match="damaged"):
        fresh()


# Search


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_with_all_words_looked_up_what_brute_force_ranks_first_is_first(seed):
    index, pictures = filled(12, 15, assigned=WORDS, differing=64)
    query = noisy(pictures[seed + 3], 50 + seed, by=20, part=slice(5))
    votes = by_votes(query, pictures)
    assert votes.argmax() == seed + 3
    assert index.search([query], 3).keys[0] == index.keys[votes.argmax()]


def test_with_few_words_the_picture_is_still_found_after_turn_scale_and_shift():
    index, pictures = filled()
    query = noisy(pictures[4], 9, turn=37, scale=0.3, shift=(200, 40))
    found = index.search([query], 5)
    assert found.keys[0] == 4 * 7 + 3
    assert found.distances[0] < 0.2 < found.distances[1]


def test_matches_that_agree_count_for_more_than_as_many_that_do_not():
    base = made(40, 1)
    scattered = made(40, 2)
    scattered = LocalFeatures(scattered.points, base.rows, 320, 240)
    index = WordIndex()
    index.add(np.array([1, 2]), [scattered, noisy(base, 3, by=0, turn=90, scale=0.5, shift=(150, 20))])
    found = index.search([base], 2)
    assert list(found.keys) == [2, 1]
    assert found.distances[0] < 0.06
    assert found.distances[1] > 3 * found.distances[0]


def test_the_closest_variant_counts_and_is_named():
    index, pictures = filled()
    query = noisy(pictures[4], 9)
    other = made(40, 99)
    found = index.search([other, query], 1)
    assert (found.keys[0], found.variants[0]) == (31, 1)
    same(index.search([query, query], 4), index.search([query], 4))  # the first of equals


def test_more_words_and_more_bits_find_more():
    def close(**options):
        index, pictures = filled(**options)
        return index.search([noisy(pictures[4], 9, by=30)], 1).distances[0]

    assert close(assigned=16) < close(assigned=1)
    assert close(differing=24) < close(differing=4)


def test_ties_go_to_the_smaller_key_whatever_the_order_of_adding():
    picture = made(30, 5)
    for keys in ([9, 4, 6], [4, 6, 9]):
        index = WordIndex()
        index.add(np.array(keys), [picture] * 3)
        found = index.search([picture], 3)
        assert list(found.keys) == [4, 6, 9]
        assert len(set(found.distances)) == 1


def test_many_copies_of_one_picture_are_found_smallest_keys_first():
    picture = made(30, 5)
    index = WordIndex()
    index.add(np.arange(2000)[::-1], [picture] * 2000)
    found = index.search([picture, made(30, 6)], 20)
    assert list(found.keys) == list(range(20))
    assert (found.variants == 0).all()


def test_nothing_is_found_in_an_empty_index_or_by_a_flat_picture():
    empty = WordIndex()
    full, pictures = filled(3)
    for found in (empty.search([pictures[0]], 2), full.search([nothing()], 2)):
        assert list(found.keys) == [-1, -1]
        assert np.isposinf(found.distances).all()
        assert found.distances.dtype == np.float32
        assert list(found.variants) == [-1, -1]
    full.add(np.array([1]), [nothing()])
    assert len(full) == 4
    assert 1 not in full.search([pictures[0]], 9).keys


def test_k_beyond_the_pictures_is_padded():
    index, pictures = filled(3)
    few, many = index.search([pictures[1]], 1), index.search([pictures[1]], 500)
    assert few.keys[0] == many.keys[0] == 10
    assert len(many.keys) == len(many.distances) == 500
    assert (many.keys[3:] == -1).all()
    assert np.isposinf(many.distances[many.keys < 0]).all()


def test_asking_again_gives_the_same():
    index, pictures = filled()
    query = noisy(pictures[8], 1, by=20)
    same(index.search([query], 9), index.search([query], 9))


def test_what_one_query_reads_is_bounded_and_the_shortest_lists_come_first(monkeypatch):
    index, pictures = filled()
    index.add(np.array([1000, 1001]), [pictures[4]] * 2)
    two = pictures[4:6]
    points, rows = np.concatenate([one.points for one in two]), np.concatenate([one.rows for one in two])
    shared = LocalFeatures(points, rows, 320, 240)
    whole = index.search([shared], 4)
    assert list(whole.keys) == [38, 31, 1000, 1001]  # what fewer pictures have weighs more
    monkeypatch.setattr("lookalike.index.words._READ", (0, 60))
    rare = index.search([shared], 4)
    assert rare.keys[0] == 38
    assert whole.distances[0] <= rare.distances[0] < 0.1 < rare.distances[1]
    monkeypatch.setattr("lookalike.index.words._READ", (99, 60))
    same(index.search([shared], 4), whole)
    monkeypatch.setattr("lookalike.index.words._READ", (0, 0))
    assert (index.search([shared], 4).keys == -1).all()


def test_long_lists_are_read_in_pieces_with_the_same_result(monkeypatch):
    monkeypatch.setattr("lookalike.index.words.compiles", lambda: False)  # a compiled loop takes them whole
    index, pictures = filled()
    whole = index.search(pictures[:3], 5)
    monkeypatch.setattr("lookalike.index.words._CHUNK", 7)
    same(whole, index.search(pictures[:3], 5))


# Adding, removing, storing


def test_in_pieces_and_after_removals_the_answers_are_those_of_an_index_made_at_once(monkeypatch):
    pictures = [made(40, seed) for seed in range(30)]
    at_once = WordIndex()
    at_once.add(np.arange(20), pictures[:20])
    for tail in ((1 << 18, 8), (10, 8)):
        monkeypatch.setattr("lookalike.index.words._TAIL", tail)
        pieces = WordIndex()
        pieces.add(np.arange(10, 30), pictures[10:])
        pieces.search([pictures[0]], 1)
        pieces.add(np.arange(5, 10), pictures[5:10])
        pieces.search([pictures[0]], 1)
        pieces.add(np.arange(5), pictures[:5])
        pieces.remove(np.arange(20, 99))
        assert len(pieces) == 20
        assert sorted(pieces.keys) == list(range(20))
        for seed in range(4):
            query = [noisy(pictures[seed * 5], seed, by=20), made(40, 77)]
            same(pieces.search(query, 8), at_once.search(query, 8))


def test_a_removed_picture_is_not_found_and_its_key_can_be_used_again():
    index, pictures = filled()
    assert index.search([pictures[2]], 1).keys[0] == 17
    index.remove(np.array([17, 1234]))
    assert 17 not in index.search([pictures[2]], 30).keys
    index.add(np.array([17]), [pictures[2]])
    assert index.search([pictures[2]], 1).keys[0] == 17
    index.remove(index.keys)
    assert len(index) == 0
    assert (index.search([pictures[2]], 3).keys == -1).all()


@pytest.mark.parametrize("keys", [[1], [-1, 5], [5, 5], [3, 5], [0.5, 1.5]])
def test_keys_that_do_not_fit_are_refused_and_nothing_is_added(keys):
    index, _ = filled(2)
    with pytest.raises(ValueError, match="keys must be"):
        index.add(np.array(keys), [made(5, 1), made(5, 2)])
    assert len(index) == 2


def test_arguments_out_of_range_are_refused():
    for options in ({"assigned": 0}, {"assigned": WORDS + 1}, {"differing": -1}, {"differing": 65}):
        with pytest.raises(ValueError, match="must be"):
            WordIndex(**options)
    index, pictures = filled(2)
    with pytest.raises(ValueError, match="k must be"):
        index.search([pictures[0]], 0)
    with pytest.raises(ValueError, match="variants"):
        index.search([], 3)


def test_stored_and_read_again_it_answers_the_same_and_can_be_added_to(tmp_path):
    index, pictures = filled()
    index.remove(np.array([10]))
    query = [noisy(pictures[2], 1, by=20)]
    before = index.search(query, 9)
    arrays = index.to_arrays()
    entries = sum(len(one.rows) for one in pictures) - 40
    assert sum(a.nbytes for name, a in arrays.items() if name not in ("offsets", "keys", "codebook")) == 16 * entries
    np.savez(tmp_path / "words.npz", **arrays)
    with np.load(tmp_path / "words.npz") as found:
        again = WordIndex.from_arrays(dict(found))
    same(before, again.search(query, 9))
    assert np.array_equal(again.keys, index.keys)
    for one in (index, again):
        one.add(np.array([1]), [pictures[1]])
        one.remove(np.array([3]))
    same(index.search([pictures[1]], 5), again.search([pictures[1]], 5))


def test_an_empty_index_is_stored_and_read_again():
    again = WordIndex.from_arrays(WordIndex().to_arrays())
    assert len(again) == 0
    assert again.search([made(3, 1)], 1).keys[0] == -1


def test_arrays_that_are_not_an_index_are_refused():
    index, _ = filled(3)
    arrays = index.to_arrays()
    codebook = Quantiser(255 - shipped().centres, shipped().directions, shipped().thresholds)
    with pytest.raises(ValueError, match="another codebook"):
        WordIndex.from_arrays(arrays, codebook)
    with pytest.raises(ValueError, match="slots missing"):
        WordIndex.from_arrays({name: array for name, array in arrays.items() if name != "slots"})
    damaged = {
        "keys": arrays["keys"][:1],
        "offsets": arrays["offsets"][::-1].copy(),
        "slots": arrays["slots"].astype(np.int64),
        "signatures": arrays["signatures"][1:],
        "shapes": arrays["shapes"][:, :3],
    }
    for name, array in damaged.items():
        with pytest.raises(ValueError, match="do not fit"):
            WordIndex.from_arrays({**arrays, name: array})


# Agreement


def test_places_scales_and_angles_are_kept_to_a_byte_each():
    features = made(50, 3)
    shapes = _votes.decoded(_votes.encoded(features))
    assert np.allclose(shapes[:, :2], features.points[:, :2] / 320, atol=0.5 / 255 + 1e-6)
    assert np.allclose(shapes[:, 2] - 10, np.log2(features.points[:, 2] / 320), atol=0.5 / 16 + 1e-5)
    off = (shapes[:, 3] - features.points[:, 3] / 360 + 0.5) % 1 - 0.5
    assert np.abs(off).max() <= 0.5 / 256 + 1e-6


def test_support_is_that_of_a_loop_over_pairs():
    chance = np.random.default_rng(4)
    ours, theirs = chance.random((60, 4)).astype(np.float32), chance.random((60, 4)).astype(np.float32)
    ours[:, 2] = theirs[:, 2] = 3
    theirs[:30] = ours[:30] + np.array([0.1, -0.05, 0, 0], np.float32)  # half of them: one shift
    groups, weights = np.repeat([0, 1, 2], 20), chance.random(60)
    wanted = np.zeros(3)
    for i in range(60):
        total = 0.0
        turn, scale = 2 * np.pi * (theirs[i, 3] - ours[i, 3]), 2.0 ** (theirs[i, 2] - ours[i, 2])
        matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        for j in np.flatnonzero(groups == groups[i]):
            moved = ours[j, :2] - ours[i, :2]
            off = theirs[i, :2] + matrix @ moved - theirs[j, :2]
            near = off @ off <= (6 / 320) ** 2 * max(scale**2, 1) + 0.15**2 * scale**2 * (moved @ moved)
            aligned = np.cos(turn - 2 * np.pi * (theirs[j, 3] - ours[j, 3])) >= 0.8
            total += weights[j] * (near and aligned)
        wanted[groups[i]] = max(wanted[groups[i]], total)
    assert np.allclose(_votes.supported(groups, 3, weights, ours, theirs), wanted, rtol=1e-5)
    assert wanted[0] == pytest.approx(weights[:20].sum())


def test_votes_with_the_same_turn_and_scale_are_counted_together():
    ours = np.zeros((6, 4), np.float32)
    theirs = np.zeros((6, 4), np.float32)
    theirs[:, 3] = [0.24, 0.26, 0.25, 0.7, 0.98, 0.02]
    theirs[:, 2] = [1.0, 1.2, 1.1, 1.1, -2, -2]
    weights = np.array([1, 2, 4, 8, 3, 3.0])
    groups = np.array([0, 0, 0, 0, 1, 1])
    assert list(_votes.turned_alike(groups, 2, weights, ours, theirs)) == [8, 6]


# Real pictures


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")
def test_real_pictures_are_found_cropped_turned_mirrored_negative_and_pasted_small():
    from PIL import Image

    paths = sorted(SHARED.glob("[bc]*/image_000[1-3].jpg"))[:60]
    pictures = [np.array(Image.open(path).convert("RGB")) for path in paths]
    index = WordIndex()
    index.add(np.arange(len(paths)), [local_features(working_picture(picture)) for picture in pictures])
    host = np.array(Image.open(min(SHARED.glob("dalmatian/*.jpg"))).convert("RGB"))
    hits = 0
    for number in (3, 17, 31):
        picture = pictures[number]
        height, width = picture.shape[:2]
        pasted = host.copy()
        small = Image.fromarray(picture).resize((width * 2 // 5, height * 2 // 5), Image.Resampling.LANCZOS)
        pasted[10 : 10 + small.height, 20 : 20 + small.width] = np.array(small)[
            : len(pasted) - 10, : pasted.shape[1] - 20
        ]
        edits = [
            picture[height // 4 : height * 3 // 4, width // 4 : width * 3 // 4],
            np.array(Image.fromarray(picture).rotate(37, Image.Resampling.BICUBIC, expand=True)),
            picture[:, ::-1].copy(),
            255 - picture,
            pasted,
        ]
        for edited in edits:
            found = local_features(working_picture(edited), 800)
            hits += index.search([found, mirrored(found), negative(found)], 3).keys[0] == number
    assert hits == 15


def test_many_may_ask_at_once_right_after_pictures_were_added(monkeypatch):
    index, pictures = filled(12)
    alone = [index.search([picture], 3).keys.tolist() for picture in pictures]
    words, calls = Entries.words, itertools.count(1)

    def slowly(entries):
        found = words(entries)
        time.sleep(0.01 * next(calls))  # the first has done its work when the others wake up
        return found

    monkeypatch.setattr(Entries, "words", slowly)
    fresh, _ = filled(12)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda picture: fresh.search([picture], 3).keys.tolist(), pictures))
    assert together == alone
    assert len(fresh._main) + len(fresh._recent) == 12 * 40
