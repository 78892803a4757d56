"""Parts and folds: nobody's copy on the other side, shares met, the same split whatever the order."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import UsageError
from lookalike.results import Gallery
from lookalike.splitting import Part, Split, connected, parse_parts, read_split, split

PARTS = ("train=.7,val=.15,test=.15", "75:25", "train=50%,test=50%", "a=.1,b=.2,c=.3,d=.4")
LABELS = st.sampled_from(["cat", "dog", "fox", None])


def pictures(n: int) -> list[str]:
    return [f"/p/{number:05}.jpg" for number in range(n)]


@st.composite
def collections(draw: st.DrawFn):
    """Return the labels and the groups of 8 to 120 pictures, some in no group."""
    n = draw(st.integers(8, 120))
    labels = draw(st.lists(LABELS, min_size=n, max_size=n))
    groups = draw(st.lists(st.one_of(st.none(), st.integers(0, n)), min_size=n, max_size=n))
    return labels, groups


def torn(made: Split) -> int:
    sides: dict[int, set[str]] = {}
    for group, part in zip(made.groups, made.parts, strict=True):
        sides.setdefault(group, set()).add(part)
    return sum(len(found) > 1 for found in sides.values())


@settings(max_examples=40, deadline=None)
@given(collections(), st.sampled_from(PARTS), st.integers(0, 5))
def test_every_picture_is_there_once_and_no_group_on_two_sides(given_, parts, seed):
    labels, groups = given_
    uris = pictures(len(labels))
    made = split(uris, labels, groups, parts=parts, seed=seed)
    assert made.uris == tuple(uris)
    assert made.labels == tuple(labels)
    assert set(made.parts) <= {part.name for part in parse_parts(parts)}
    assert torn(made) == 0
    for a in range(len(uris)):
        for b in range(a):
            assert (made.groups[a] == made.groups[b]) == (groups[a] is not None and groups[a] == groups[b])


@settings(max_examples=40, deadline=None)
@given(collections(), st.sampled_from(PARTS), st.integers(0, 5))
def test_without_labels_no_part_is_off_by_more_than_the_largest_group(given_, parts, seed):
    _, groups = given_
    made = split(pictures(len(groups)), (), groups, parts=parts, seed=seed)
    largest = max(Counter(made.groups).values())
    for _, count, asked, _, off, _ in made.summary().values:
        assert abs(count - asked) <= largest
        assert off == pytest.approx(count - asked)


@settings(max_examples=40, deadline=None)
@given(st.lists(LABELS, min_size=8, max_size=120), st.sampled_from(PARTS), st.integers(0, 5))
def test_single_pictures_are_off_by_less_than_one_in_every_label_and_by_about_one_over_all(labels, parts, seed):
    made = split(pictures(len(labels)), labels, parts=parts, seed=seed)
    asked = parse_parts(parts)
    for label, n in Counter(labels).items():
        for part in asked:
            has = sum(a == label and b == part.name for a, b in zip(made.labels, made.parts, strict=True))
            assert abs(has - n * part.share) < 1
    for _, count, wanted, *_ in made.summary().values:
        assert abs(count - wanted) < 2


@settings(max_examples=40, deadline=None)
@given(collections(), st.integers(0, 3), st.randoms(use_true_random=False))
def test_the_order_of_the_pictures_plays_no_part(given_, seed, shuffler):
    labels, groups = given_
    uris = pictures(len(labels))
    order = list(range(len(uris)))
    shuffler.shuffle(order)
    shuffled = split([uris[i] for i in order], [labels[i] for i in order], [groups[i] for i in order], seed=seed)
    assert shuffled == split(uris, labels, groups, seed=seed)


def test_another_seed_is_another_split_of_the_same_sizes():
    uris, labels = pictures(200), ["cat", "dog"] * 100
    first, same, other = (split(uris, labels, seed=seed) for seed in (1, 1, 2))
    assert first == same
    assert first.parts != other.parts
    assert Counter(first.parts) == Counter(other.parts) == {"train": 140, "val": 30, "test": 30}
    with pytest.raises(UsageError, match="a seed is 0 or more, not -1"):
        split(uris, seed=-1)


def test_groups_are_spread_over_the_parts_as_single_pictures_are():
    groups = [number // 2 if number < 400 else None for number in range(1000)]
    made = split(pictures(1000), (), groups, parts="train=.8,test=.2")
    pairs = Counter(part for part, group in zip(made.parts, groups, strict=True) if group is not None)
    assert pairs["test"] == pytest.approx(80, abs=10)
    assert Counter(made.parts) == {"train": 800, "test": 200}


def test_a_group_that_is_larger_than_a_part_goes_where_it_does_least_harm():
    made = split(pictures(100), (), [0] * 40 + [None] * 60, parts="train=.9,test=.1")
    assert made.parts[0] == "train"
    assert Counter(made.parts) == {"train": 90, "test": 10}


def test_thirty_pictures_of_every_label_and_the_rest():
    labels = ["ant"] * 31 + ["bee"] * 80 + ["cat"] * 20
    made = split(pictures(131), labels, parts="train=30 each,test=rest")
    assert Counter(zip(made.labels, made.parts, strict=True)) == {
        ("ant", "train"): 30, ("ant", "test"): 1, ("bee", "train"): 30, ("bee", "test"): 50, ("cat", "train"): 20,
    }  # fmt: skip
    fewer = split(pictures(131), labels, parts="train=5 each,val=.5")
    assert Counter(fewer.parts) == {"train": 15, "val": 58, "rest": 58}
    assert fewer.names == ("train", "val", "rest")


@settings(max_examples=40, deadline=None)
@given(collections(), st.integers(1, 6))
def test_a_number_for_each_label_is_never_exceeded(given_, each):
    labels, groups = given_
    made = split(pictures(len(labels)), labels, groups, parts=f"train={each} each,test=rest")
    taken = Counter(label for label, part in zip(made.labels, made.parts, strict=True) if part == "train")
    assert all(count <= each for count in taken.values())
    assert torn(made) == 0


def test_copies_under_two_labels_stay_together_and_both_labels_are_met():
    labels = ["face", "crop"] * 50
    made = split(pictures(100), labels, [n // 2 for n in range(100)], parts="train=30 each,test=rest")
    assert Counter(zip(made.labels, made.parts, strict=True))["face", "train"] == 30
    assert Counter(made.parts) == {"train": 60, "test": 40}
    assert torn(made) == 0


@settings(max_examples=40, deadline=None)
@given(collections(), st.integers(2, 6))
def test_folds_are_equal_and_each_is_tested_on_once(given_, folds):
    labels, groups = given_
    if len(set(groups) - {None}) + groups.count(None) < folds:
        return
    made = split(pictures(len(labels)), labels, groups, folds=folds)
    assert made.rows().columns == ("uri", "label", "fold", "group")
    seen: list[str] = []
    for train, test in made.folds():
        assert not set(train.uris) & set(test.uris)
        assert not set(train.groups) & set(test.groups)
        assert len(train) + len(test) == len(made)
        seen += test.uris
    assert sorted(seen) == list(made.uris)


def test_folds_and_shares_are_as_even_as_those_of_scikit_learn():
    """The oracle: on 600 pictures with groups of 1 to 6, no further from even than StratifiedGroupKFold."""
    from sklearn.model_selection import StratifiedGroupKFold

    chance = np.random.default_rng(3)
    groups = np.repeat(np.arange(300), chance.integers(1, 7, 300))[:600]
    labels = np.array(["cat", "dog", "fox"])[(groups * 7) % 3]
    made = split(pictures(600), labels.tolist(), groups.tolist(), folds=5)
    ours = [Counter(test.labels) for _, test in made.folds()]
    splitter = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    theirs = [Counter(labels[test].tolist()) for _, test in splitter.split(labels, labels, groups)]

    def uneven(counts):
        whole = Counter(labels.tolist())
        return max(abs(count[label] - whole[label] / 5) for count in counts for label in whole)

    assert uneven(ours) <= uneven(theirs)
    assert uneven(ours) < 1.01


@settings(max_examples=40, deadline=None)
@given(collections(), st.integers(0, 3), st.integers(1, 100))
def test_an_earlier_split_is_kept_and_new_pictures_join_their_copies(given_, seed, share):
    labels, groups = given_
    uris = pictures(len(labels))
    whole = split(uris, labels, groups, seed=seed)
    known = [row for row in range(len(uris)) if (row * 37 + seed) % 100 < share]
    earlier = whole.take(known)
    made = split(uris, labels, groups, seed=seed + 1, keep=earlier)
    assert torn(made) == 0
    assert made.sides() | earlier.sides() == made.sides()


def test_what_an_earlier_split_lacks_is_filled():
    first = split(pictures(100), parts="50:50")
    made = split(pictures(200), parts="80:20", keep=first)
    assert Counter(made.parts) == {"train": 150, "test": 50}
    assert made.summary().values[0][2] == 160
    again = split(pictures(500), parts="80:20", keep=first)
    assert Counter(again.parts) == {"train": 400, "test": 100}


def test_an_earlier_split_that_tears_copies_or_has_other_parts_is_refused():
    first = split(pictures(10), parts="50:50")
    with pytest.raises(UsageError, match=r"belong together: the earlier split tears them"):
        split(pictures(10), (), [1] * 9 + [2], parts="50:50", keep=first)
    with pytest.raises(UsageError, match="the earlier split has a part 'test': ask for the same"):
        split(pictures(10), parts="train=.5,val=.5", keep=first)
    with pytest.raises(UsageError, match="ask for 3 folds or for the parts '50:50', not for both"):
        split(pictures(10), folds=3, parts="50:50")


def test_a_gallery_brings_its_labels():
    gallery = Gallery.from_arrays(np.eye(8), ["a", "b"] * 4, pictures(8))
    assert split(gallery, parts="50:50") == split(pictures(8), ["a", "b"] * 4, parts="50:50")
    assert split(gallery, ["a"] * 8, parts="50:50").labels == ("a",) * 8


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("75:25", (Part("train", 0.75), Part("test", 0.25))),
        ("70:15:15", (Part("train", 0.7), Part("val", 0.15), Part("test", 0.15))),
        (" train = .85 , val = 15% ", (Part("train", 0.85), Part("val", 0.15))),
        ("train=30 each", (Part("train", each=30), Part("rest", 1.0))),
        ("train=30 each,test=rest", (Part("train", each=30), Part("test", 1.0))),
        ("mine=1", (Part("mine", 1.0),)),
        ("a=.25,rest=rest", (Part("a", 0.25), Part("rest", 0.75))),
    ],
)
def test_parts_are_read(text, parts):
    assert parse_parts(text) == parts


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no part"), ("train", "is no part"), ("train=lots", "is no part"), ("=.5", "is no part"),
        ("train=.7,train=.3", "twice"), ("train=.7,val=.5", "add up to 1.2"), ("a=rest,b=rest", "several parts"),
        ("a=1,b=rest", "add up to 1"), ("train=0,test=1", "asks for nothing"), ("train=0 each", "asks for nothing"),
        ("train=30", "train=30 each"), ("1:2:3:4", "no ratio"), ("75:0", "no ratio"), ("rest=.5", "is taken"),
    ],
)  # fmt: skip
def test_parts_that_are_none_are_told_what_to_write(text, said):
    with pytest.raises(UsageError, match=said):
        parse_parts(text)


def test_wrong_use_gets_a_sentence():
    with pytest.raises(UsageError, match=r"/p/00001\.jpg is given twice"):
        split([*pictures(9), "/p/00001.jpg"])
    with pytest.raises(UsageError, match="3 pictures, 2 labels and 0 groups do not fit"):
        split(pictures(3), ["a", "b"])
    with pytest.raises(UsageError, match="9 pictures in 1 groups of copies cannot fill 3 parts"):
        split(pictures(9), (), [1] * 9)
    with pytest.raises(UsageError, match="at least 2 folds, not 1"):
        split(pictures(9), folds=1)
    with pytest.raises(UsageError, match="no part 'dev' in this split; it has train, val, test"):
        split(pictures(9)).part("dev")


def test_chains_of_pairs_are_one_group():
    assert connected("abcdefg", [("a", "c"), ("g", "e"), ("e", "c"), ("b", "z")]) == [0, 1, 0, 2, 0, 3, 0]
    assert connected(["x", "y", "x"], []) == [0, 1, 0]
    pairs = [(n, n + 1) for n in range(50_000)]
    random.Random(1).shuffle(pairs)
    assert set(connected(range(50_001), pairs)) == {0}


# ------------------------------------------------------------------------------------------ as a file

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1).filter(
    lambda name: name not in (".", "..")
)


@settings(max_examples=40, deadline=None)
@given(st.sets(NAMES, min_size=4, max_size=20), st.sampled_from(["50:50", "a=2 each"]), st.booleans())
def test_a_split_is_read_as_it_was_written(tmp_path_factory, names, parts, folds):
    folder = tmp_path_factory.mktemp("split")
    uris = [str(folder / "p" / name) for name in names]
    labels = [name[0] if name[0].isalpha() else None for name in names]
    groups = [None, *range(1, len(uris) - 1), None]
    made = split(uris, labels, groups, folds=2) if folds else split(uris, labels, groups, parts=parts)
    for name, base in (("whole.csv", None), ("relative.csv", folder)):
        made.save(folder / name, relative_to=base)
        read = read_split(folder / name)
        assert read.rows() == made.rows()
        assert read.column == ("fold" if folds else "part")
    assert str(folder) not in (folder / "relative.csv").read_text(encoding="utf-8", errors="surrogateescape")


def test_a_name_that_is_not_utf_8_and_a_url_keep_every_byte(tmp_path):
    uris = [str(tmp_path / "caf\udce9.jpg"), "https://example.org/a.jpg"]
    made = split(uris, parts="50:50")
    made.save(tmp_path / "s.csv", relative_to=tmp_path)
    assert b"\ncaf\xe9.jpg," in (tmp_path / "s.csv").read_bytes()
    assert set(read_split(tmp_path / "s.csv").uris) == set(uris)


def test_a_split_by_hand_needs_names_and_parts_only(tmp_path):
    (tmp_path / "s.csv").write_text("subset,file\ntrain,b.jpg\ntest,a.jpg\n")
    read = read_split(tmp_path / "s.csv")
    assert read.sides() == {str(tmp_path / "a.jpg"): "test", str(tmp_path / "b.jpg"): "train"}
    assert read.labels == (None, None)
    assert read.groups == (1, 2)
    assert read.part("test").uris == (str(tmp_path / "a.jpg"),)
    assert read.summary().values == [("test", 1, None, 0, None, None), ("train", 1, None, 0, None, None)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("uri,label\na,b\n", "needs a header with uri and part; it has uri, label"),
        ("", "it has none"),
        ("uri,part\na.jpg,\n", "has no part for"),
        ("uri,part\na.jpg,train\na.jpg,test\n", "twice"),
        ("uri,part,group\na.jpg,train,3\nb.jpg,test,3\n", "group 3 in train and in test: copies would leak"),
    ],
)
def test_a_file_that_is_no_split_is_refused(tmp_path, text, said):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(UsageError, match=said):
        read_split(tmp_path / "s.csv")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"gone\.csv cannot be read: No such file"):
        read_split(tmp_path / "gone.csv")
