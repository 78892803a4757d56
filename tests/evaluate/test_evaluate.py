"""Galleries against labels, pairs and lists: oracle beside, memory bounded, names found, rows and curves."""

from __future__ import annotations

import csv
import inspect
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import average_precision_score

import lookalike
from lookalike import defaults
from lookalike.cli import main
from lookalike.cli.evaluate import evaluate as command
from lookalike.errors import UsageError
from lookalike.evaluate import Evaluation, Measured, Truth, evaluate, read_pairs, read_relevant, truth_of_labels
from lookalike.metrics import pairwise
from lookalike.render import evaluation_plot
from lookalike.results import Gallery
from tests.conftest import write_picture

SHARED = Path(__file__).resolve().parents[2] / "../shared/data"


def gallery(metric="cosine", n=60, seed=0):
    """Return n vectors about five centres, with equal ones among them, labelled a to e."""
    chance = np.random.default_rng(seed)
    labels = [str(label) for label in chance.choice(list("abcde"), n)]
    if metric == "hamming":
        bits = np.array([[ord(x) * 7 % 256, ord(x) * 31 % 256] for x in labels])
        bits ^= 1 << chance.integers(0, 8, bits.shape)
        return Gallery.from_arrays(bits.astype(np.uint8), labels, metric="hamming")
    centres = {label: chance.standard_normal(8) for label in "abcde"}
    vectors = np.array([centres[label] for label in labels]) + chance.standard_normal((n, 8))
    vectors[1], vectors[2] = vectors[0], vectors[0]
    return Gallery.from_arrays(vectors, labels, metric=metric)


def by_scikit_learn(made):
    """Return mAP, uAP and precision@1 by leave-one-out, the plain way, over the whole square of distances."""
    n = len(made)
    distances = pairwise(made.vectors, made.vectors, made.spec.metric)
    same = np.array([[a == b for b in made.labels] for a in made.labels])
    others = ~np.eye(n, dtype=bool)
    asked = [row for row in range(n) if (same[row] & others[row]).any()]
    scores = [average_precision_score(same[row, others[row]], -distances[row, others[row]]) for row in asked]
    every = np.array([others[row] for row in asked])
    uap = average_precision_score(same[asked][every], -distances[asked][every])
    first = []
    for row in asked:
        near = distances[row, others[row]]
        first.append(same[row, others[row]][near == near.min()].mean())
    return float(np.mean(scores)), float(uap), float(np.mean(first))


@pytest.mark.parametrize("metric", ["cosine", "l2", "hamming"])
@pytest.mark.parametrize("memory", [1, 20_000, 1 << 26])
def test_labelled_galleries_are_measured_as_by_scikit_learn_in_blocks_of_any_size(metric, memory):
    made = gallery(metric)
    result = evaluate(made, memory=memory)
    expected = by_scikit_learn(made)
    assert (result.value("mAP"), result.value("uAP"), result.value("precision", 1)) == pytest.approx(expected, abs=1e-6)


def test_a_table_worked_by_hand():
    """Four pictures on a line at 0, 1, 3, 4; the first and third are x, the second and fourth y, a fifth is alone."""
    made = Gallery.from_arrays(np.array([[0.0], [1], [3], [4], [100]]), ["x", "y", "x", "y", "z"], metric="l2")
    result = evaluate(made, ks=[1, 2, 3])
    # From 0: y x y z, from 1: x x y z, from 3: y y x z (1, 2 and 3 away), from 4: x y x z.
    values = {(one.measure, one.k): one.value for one in result.measured}
    assert values["precision", 1] == 0
    assert values["precision", 2] == pytest.approx((1 / 2 + 0 + 0 + 1 / 2) / 4)
    assert values["recall", 2] == pytest.approx(0.5)
    assert values["recall", 3] == 1
    assert values["mAP", None] == pytest.approx((1 / 2 + 1 / 3 + 1 / 3 + 1 / 2) / 4)
    assert values["mAP@R", None] == 0
    assert values["MRR", None] == values["mAP", None]
    # Of the pairs of a query and another, 4 at distance 1 and 2 at 2 are not relevant, 4 at 3 are, the farther are not.
    assert values["uAP", None] == pytest.approx(4 / 10)
    assert {one.queries for one in result.measured} == {4}
    assert result.pictures == 5
    assert result.left_out == (("alone with their label: not asked for", 1),)


def test_rows_are_in_the_order_that_scripts_rely_on():
    rows = evaluate(gallery(), ks=[5, 1, 5]).rows()
    assert rows.columns == ("descriptor", "queries", "measure", "k", "value")
    assert [(row[2], row[3]) for row in rows.values] == [
        ("precision", 1), ("precision", 5), ("recall", 1), ("recall", 5),
        ("mAP", None), ("mAP@R", None), ("MRR", None), ("uAP", None),
    ]  # fmt: skip


def test_pictures_without_a_label_and_labels_left_out_play_no_part():
    made = gallery()
    plain = evaluate(made.take([row for row, label in enumerate(made.labels) if label not in ("a", "b")]))
    labels = tuple(None if label == "a" else label for label in made.labels)
    holed = evaluate(Gallery(made.uris, made.vectors, made.spec, labels), without=["b"])
    assert holed.rows() == plain.rows()
    assert holed.left_out == (
        ("without a label", made.labels.count("a")), ("with a label left out", made.labels.count("b"))
    )  # fmt: skip
    with pytest.raises(UsageError, match="no picture has the label 'q'"):
        evaluate(made, without=["q"])


def test_progress_ends_with_all_and_wrong_use_gets_a_sentence():
    seen = []
    evaluate(gallery(), memory=20_000, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (120, 120)
    assert len(seen) > 2
    with pytest.raises(UsageError, match="every k is 1 or more, not 0, 5"):
        evaluate(gallery(), ks=(0, 5))
    with pytest.raises(UsageError, match="every k is 1 or more, not none"):
        evaluate(gallery(), ks=())
    with pytest.raises(UsageError, match="no label has two pictures"):
        evaluate(Gallery.from_arrays(np.eye(3), list("abc")))
    with pytest.raises(UsageError, match="only where labels tell"):
        evaluate(gallery(), truth_of_labels(gallery().labels), without=["a"])
    with pytest.raises(UsageError, match="recall@7 was not measured"):
        evaluate(gallery()).value("recall", 7)


# ------------------------------------------------------------------------------------------ pairs and lists

URIS = ("/p/one/a.jpg", "/p/one/b.jpg", "/p/two/a.jpg", "/p/two/c.jpg", "https://example.org/d.jpg")


def write(path, text):
    path.write_text(text)
    return path


def test_pairs_are_relevant_in_both_directions_and_no_further(tmp_path):
    path = write(
        tmp_path / "pairs.csv", "a,b,cosine\nb.jpg,c.jpg,0.9\nc.jpg,https://example.org/d.jpg,1\nb.jpg,gone.jpg,1\n"
    )
    truth = read_pairs(path, URIS)
    assert truth.queries.tolist() == [1, 3, 4]
    assert [truth.relevant(at).tolist() for at in range(3)] == [[3], [1, 4], [3]]
    assert truth.left_out == (("pairs with a picture that is not in the gallery", 1),)


@pytest.mark.parametrize("name", ["one/a.jpg", "./one/a.jpg", "/p/one/a.jpg"])
def test_a_picture_is_found_by_its_whole_path_by_a_root_and_by_the_end_of_its_path(tmp_path, name):
    path = write(tmp_path / "pairs.csv", f"a,b\n{name},b.jpg\n")
    for roots in ([], ["/p"]):
        assert read_pairs(path, URIS, roots).queries.tolist() == [0, 1]


def test_a_name_that_fits_two_pictures_is_refused_unless_a_folder_decides(tmp_path):
    path = write(tmp_path / "pairs.csv", "a,b\na.jpg,b.jpg\n")
    with pytest.raises(UsageError, match=r"a\.jpg may be /p/one/a\.jpg or /p/two/a\.jpg: write more of its path"):
        read_pairs(path, URIS)
    assert read_pairs(path, URIS, ["/p/two"]).queries.tolist() == [1, 2]
    beside = [str(tmp_path / "a.jpg"), str(tmp_path / "b.jpg"), *URIS]
    assert read_pairs(path, beside).queries.tolist() == [0, 1]


def test_pairs_known_to_differ_are_held_against_those_that_are_the_same(tmp_path):
    made = gallery(n=12)
    lines = [f"{a},{b},{int(made.labels[a] == made.labels[b])}" for a in range(6) for b in range(6, 12)]
    path = write(tmp_path / "pairs.csv", "a,b,same\n" + "\n".join(lines))
    truth = read_pairs(path, made.uris)
    expected = average_precision_score(
        [line.endswith("1") for line in lines], -pairwise(made.vectors[:6], made.vectors[6:], "cosine").ravel()
    )
    assert evaluate(made, truth).value("uAP") == pytest.approx(expected)
    with pytest.raises(UsageError, match="line 2: same is 1 or 0, not 'maybe'"):
        read_pairs(write(path, "a,b,same\n1,2,maybe\n"), made.uris)


def test_queries_with_what_is_relevant_to_each_go_one_way(tmp_path):
    path = write(tmp_path / "q.csv", "query,relevant\nb.jpg,one/a.jpg\nb.jpg,c.jpg\nb.jpg,b.jpg\nc.jpg,gone.jpg\n")
    truth = read_relevant(path, URIS)
    assert truth.queries.tolist() == [1]
    assert truth.relevant(0).tolist() == [0, 3]
    assert truth.left_out == (("lines with a picture that is not in the gallery", 1),)
    made = Gallery.from_arrays(np.array([[1.0], [0], [2.0], [5.0], [4.0]]), (), URIS, metric="l2")
    result = evaluate(made, truth, ks=[1])  # from b: a (relevant), the other a, d, c (relevant)
    assert result.value("mAP") == pytest.approx((1 + 2 / 4) / 2)
    assert result.value("uAP") == result.value("mAP")
    assert result.value("recall", 1) == 0.5


@pytest.mark.parametrize(
    ("text", "said"),
    [("left,right\n", "needs a header with a and b; it has left, right"), ("a,b\nx,y\n", r"\(1 are not\): index")],
)
def test_a_file_that_tells_nothing_is_refused(tmp_path, text, said):
    with pytest.raises(UsageError, match=said):
        read_pairs(write(tmp_path / "p.csv", text), URIS)
    with pytest.raises(UsageError, match=r"needs a header with query and relevant|no query and its relevant picture"):
        read_relevant(write(tmp_path / "p.csv", text.replace("a,b", "query,relevant")), URIS)
    with pytest.raises(UsageError, match=r"gone\.csv cannot be read"):
        read_pairs(tmp_path / "gone.csv", URIS)


# ------------------------------------------------------------------------------------------ the command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for n in range(12):
        write_picture(tmp_path / "photos" / "abc"[n % 3] / f"{n}.png", n % 3 + 10 * (n // 6), 64, 64)
    return tmp_path / "photos"


def run(capfdbinary, *arguments):
    code = main([str(argument) for argument in arguments])
    out, err = capfdbinary.readouterr()
    return code, out.decode(), err.decode()


def test_the_command_says_what_python_returns(fake, folder, tmp_path, capfdbinary):
    where = ("--library", tmp_path / "e.lookalike")
    asked = ("evaluate", folder, "--labels", "folder", "--descriptor", "fake", *where)
    code, out, err = run(capfdbinary, *asked, "-k", 2, "-k", 4, "--format", "csv")
    assert code == 0
    assert "12 queries among 12 pictures." in err
    with lookalike.open(tmp_path / "e.lookalike") as library:
        result = evaluate(library.gallery(folder, descriptor="fake", labels="folder"), ks=(2, 4))
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(row["measure"], row["k"]) for row in rows] == [(m, str(k or "")) for _, _, m, k, _ in result.rows().values]
    assert [float(row["value"]) for row in rows] == pytest.approx([row[4] for row in result.rows().values])
    code, out, err = run(capfdbinary, *asked, "--without", "a", "--format", "jsonl", "--output", tmp_path / "e.jsonl")
    assert "8 queries among 8 pictures." in err
    assert "4 with a label left out." in err
    (tmp_path / "pairs.csv").write_text("a,b\n0.png,3.png\n")
    code, out, _ = run(
        capfdbinary, "evaluate", "--pairs", tmp_path / "pairs.csv", "-d", "fake", *where, "--format", "csv"
    )
    assert out.splitlines()[1].startswith("fake,2,precision,1,")
    (tmp_path / "q.csv").write_text("query,relevant\n0.png,3.png\n")
    code, out, _ = run(
        capfdbinary, "evaluate", "--relevant", tmp_path / "q.csv", "-d", "fake", *where, "--format", "csv"
    )
    assert out.splitlines()[1].startswith("fake,1,precision,1,")


def test_wrong_use_of_the_command_is_told(folder, capfdbinary, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    where = ("--library", tmp_path / "e.lookalike")
    for options in ((), ("--labels", "folder", "--pairs", "x.csv")):
        code, _, err = run(capfdbinary, "evaluate", folder, *options, *where)
        assert code == 2
        assert "one of --labels folder, --pairs FILE, --relevant FILE" in err
    code, _, err = run(capfdbinary, "evaluate", "copies", folder, "--labels", "folder", *where)
    assert code == 2
    assert "takes no labels" in err
    code, _, err = run(capfdbinary, "evaluate", "copies", *where)
    assert (code, "name the folder" in err) == (2, True)
    code, _, err = run(capfdbinary, "evaluate", "copies", folder, *where)
    assert (code, "too few to measure with" in err) == (2, True)


def test_python_and_the_command_have_the_same_defaults():
    theirs = inspect.signature(command).parameters
    assert tuple(theirs["k"].default) == inspect.signature(evaluate).parameters["ks"].default == defaults.RANKS
    assert tuple(theirs["descriptor"].default) == defaults.DESCRIPTORS


def test_the_curves_are_a_picture_and_differ_with_the_numbers(tmp_path):
    def drawn(names, value):
        measured = [
            Measured(name, 9, measure, k, value / (at + 1))
            for at, name in enumerate(names)
            for measure, k in [
                ("precision", 1),
                ("precision", 10),
                ("recall", 1),
                ("recall", 10),
                ("mAP", None),
                ("uAP", None),
            ]
        ]
        stream = io.BytesIO()
        evaluation_plot(Evaluation(tuple(measured), 12), stream)
        with Image.open(io.BytesIO(stream.getvalue())) as image:
            assert image.format == "PNG"
            return np.asarray(image.convert("RGB"))

    one = drawn(["lite0"], 0.5)
    assert one.shape[1] == 1500
    assert (one != drawn(["lite0"], 0.6)).any()
    assert drawn(["a", "$b$", "c_d", "onnx:/x/y.onnx", "e", "f"], 0.5).shape[0] > one.shape[0]


def test_the_truth_of_labels_takes_no_square_of_the_gallery():
    truth = truth_of_labels(["a", "b"] * 50_000)
    assert isinstance(truth, Truth)
    assert sum(len(rows) for rows in truth.sets) == 100_000
    assert len(truth.relevant(0)) == 49_999


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")
def test_the_pairs_of_wild_faces_are_found_as_the_file_names_them(tmp_path):
    pairs = SHARED / "wildfaces_pairs.csv"
    names = {name for line in pairs.read_text().splitlines()[1:] for name in line.split(",")[:2]}
    with lookalike.open(tmp_path / "wild.lookalike") as library:
        made = library.gallery([SHARED / "wildfaces" / name for name in sorted(names)], descriptor="pdq")
    result = evaluate(made, read_pairs(pairs, made.uris))
    assert result.measured[0].queries == len(names)
    assert result.value("recall", 10) > 0.75
