"""The scikit-learn transformer: scikit-learn's own checks, pictures of every kind, pipelines, grids, libraries."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from PIL import Image
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

import lookalike
from lookalike.defaults import DESCRIPTOR, DEVICE, MAX_PIXELS
from lookalike.errors import ImageError, UnknownDescriptorError, UsageError
from lookalike.sklearn import ImageDescriptor
from tests.conftest import picture, write_picture


class OfNumbers(ImageDescriptor):
    """Draws each row of the tables of numbers that scikit-learn's checks bring, and describes the drawings.

    Whether a table is one (no NaN, nothing sparse, as many columns as before) is for scikit-learn to say here; all that
    is done with pictures, parameters and results is the class's own.
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array, tags.input_tags.two_d_array, tags.input_tags.string = False, True, False
        return tags

    def fit(self, X, y=None):
        return super().fit(_drawn(validate_data(self, X)), y)

    def transform(self, X):
        return super().transform(_drawn(validate_data(self, X, reset=not hasattr(self, "n_features_in_"))))


def _drawn(table):
    return [np.resize(np.clip(row * 30 + 128, 0, 255).astype(np.uint8), (16, 16, 3)) for row in table]


@parametrize_with_checks([OfNumbers("pdq")])
def test_scikit_learn_finds_nothing_wrong_with_it(estimator, check):
    given = dict(vars(estimator))
    check(estimator)
    assert vars(estimator) == given == OfNumbers("pdq").get_params()  # what was checked were clones


@pytest.mark.filterwarnings("ignore:Can't test estimator:sklearn.exceptions.SkipTestWarning")
def test_scikit_learn_knows_by_its_tags_that_tables_of_numbers_are_not_for_it():
    ran = check_estimator(ImageDescriptor("pdq"), on_skip=None)
    assert [check["check_name"] for check in ran] == ["check_estimator_cloneable"]
    tags = ImageDescriptor().__sklearn_tags__()
    assert (tags.input_tags.two_d_array, tags.input_tags.string, tags.requires_fit) == (False, True, False)
    with pytest.raises(UsageError, match=r"not \(3, 2\) of float64"):
        ImageDescriptor("pdq").fit(np.eye(3)[:, :2])


@pytest.fixture
def files(tmp_path) -> list[Path]:
    return [write_picture(tmp_path / "p" / f"{number}.png", number) for number in range(6)]


def test_the_package_s_module_does_not_hide_scikit_learn():
    code = (
        "import lookalike.sklearn, sklearn, sys\n"
        "assert sklearn.__version__ and sklearn is not lookalike.sklearn\n"
        "assert 'lookalike.sklearn' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    code = "import lookalike.library, lookalike.results, sys; assert 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_pictures_of_every_kind_give_the_vectors_of_the_descriptor(files, fake):
    pixels = [picture(number) for number in range(6)]
    expected = fake.embed(pixels).astype(np.float16).astype(np.float32)
    kinds = {
        "paths": files,
        "texts": [str(path) for path in files],
        "bytes": [path.read_bytes() for path in files],
        "arrays": pixels,
        "one array": np.stack(pixels),
        "Pillow": [Image.fromarray(one) for one in pixels],
        "mixed": [files[0], str(files[1]), pixels[2], files[3].read_bytes(), Image.fromarray(pixels[4]), files[5]],
        "array of texts": np.array([str(path) for path in files]),
        "array of objects": np.array(files, dtype=object),
        "a column": np.array([[str(path)] for path in files]),
        "pandas": pd.Series([str(path) for path in files]),
        "pandas frame": pd.DataFrame({"uri": [str(path) for path in files]}),
        "polars": pl.Series([str(path) for path in files]),
        "tuple": tuple(files),
    }
    for name, kind in kinds.items():
        vectors = ImageDescriptor("fake").fit(kind).transform(kind)
        assert vectors.dtype == np.float32, name
        np.testing.assert_array_equal(vectors, expected, err_msg=name)


def test_it_gives_what_a_library_gives(photographs, tmp_path):
    names = [path for path in photographs if path.suffix == ".jpg"][:3]
    with lookalike.open(tmp_path / "x.lookalike") as library:
        gallery = library.gallery(names)
    vectors = ImageDescriptor().transform(list(gallery.uris))
    np.testing.assert_array_equal(vectors, gallery.vectors)
    np.testing.assert_array_equal(ImageDescriptor(library=tmp_path / "x.lookalike").transform(names),
                                  ImageDescriptor(library=None).transform(names))  # fmt: skip


def test_textures_keep_their_units_whatever_a_library_standardises(files, tmp_path):
    vectors = ImageDescriptor("haralick").fit_transform(files)
    np.testing.assert_array_equal(vectors, lookalike.get_descriptor("haralick").embed([picture(n) for n in range(6)]))
    np.testing.assert_array_equal(
        ImageDescriptor("haralick", library=tmp_path / "x.lookalike").transform(files), vectors
    )


def test_bits_become_zeros_and_ones(files):
    vectors = ImageDescriptor("pdq").fit_transform(files)
    assert vectors.shape == (6, 256)
    assert set(np.unique(vectors)) == {0.0, 1.0}
    packed = lookalike.get_descriptor("pdq").embed([picture(2)])
    np.testing.assert_array_equal(vectors[2], np.unpackbits(packed[0]))


def test_no_pictures_make_no_rows_but_cannot_be_fitted_to(fake):
    assert ImageDescriptor("fake").transform([]).shape == (0, 48)
    with pytest.raises(UsageError, match="X is empty"):
        ImageDescriptor("fake").fit([])


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("a.jpg", "in brackets"),
        (Path("a.jpg"), "in brackets"),
        (b"bytes", "in brackets"),
        (Image.new("RGB", (4, 4)), "in brackets"),
        (np.zeros((9, 9, 3), np.uint8), "list of"),
        (np.zeros((2, 9, 9, 3)), "float64"),
        (np.array([["a", "b"]]), "list of"),
        (5, "not int"),
    ],
)
def test_what_is_no_list_of_pictures_gets_a_sentence(wrong, told, fake):
    for call in (ImageDescriptor("fake").fit, ImageDescriptor("fake").transform):
        with pytest.raises(UsageError, match=told):
            call(wrong)


def test_a_picture_of_the_wrong_shape_is_named_by_its_place(fake, tmp_path):
    with pytest.raises(UsageError, match=r"picture 1 of X.*float64"):
        ImageDescriptor("fake").transform([picture(1), np.zeros((3, 3))])
    with pytest.raises(UsageError, match="is a folder"):
        ImageDescriptor("fake").transform([tmp_path])


def test_grey_pictures_are_taken(fake):
    grey = np.stack([picture(number)[:, :, 0] for number in range(2)])
    stacked = np.repeat(grey[:, :, :, None], 3, axis=3)
    np.testing.assert_array_equal(ImageDescriptor("fake").transform(grey), ImageDescriptor("fake").transform(stacked))


@pytest.mark.parametrize("library", [None, "x.lookalike"])
def test_a_picture_that_cannot_be_used_raises_or_is_a_row_of_nan(files, fake, tmp_path, library):
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    mixed = [files[0], tmp_path / "broken.jpg", files[1], tmp_path / "gone.png", b"nor this"]
    place = None if library is None else tmp_path / library
    with pytest.raises(ImageError, match=r"broken\.jpg.*on_error='nan'"):
        ImageDescriptor("fake", library=place).transform(mixed)
    with pytest.warns(UserWarning, match=r"3 of 5 pictures cannot be used: .*broken\.jpg"):
        vectors = ImageDescriptor("fake", library=place, on_error="nan").transform(mixed)
    assert np.isnan(vectors).all(axis=1).tolist() == [False, True, False, True, True]
    np.testing.assert_array_equal(vectors[[0, 2]], ImageDescriptor("fake").transform(files[:2]))


def test_larger_pictures_than_allowed_cannot_be_used(files, fake):
    assert ImageDescriptor("fake", max_pixels=24 * 32).transform(files).shape == (6, 48)
    with pytest.raises(ImageError, match="limit"):
        ImageDescriptor("fake", max_pixels=24 * 32 - 1).transform(files)


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"descriptor": "none such"}, UnknownDescriptorError),
        ({"device": "abacus"}, UsageError),
        ({"on_error": "ignore"}, UsageError),
    ],
)
def test_a_wrong_parameter_is_told_at_fit_and_not_before(parameters, error, files):
    made = ImageDescriptor(**{"descriptor": "pdq", **parameters})
    for call in (made.fit, made.transform):
        with pytest.raises(error):
            call(files)


def test_an_open_library_is_refused_since_it_cannot_be_copied(tmp_path, files):
    with lookalike.open(tmp_path / "x.lookalike") as library, pytest.raises(UsageError, match=r"x\.lookalike"):
        ImageDescriptor("pdq", library=library).fit(files)  # type: ignore[arg-type]


def test_it_needs_no_fit_and_is_cloned_and_pickled(files, fake, tmp_path):
    one = ImageDescriptor("fake", device="cpu", max_pixels=9999, library=tmp_path / "x.lookalike", on_error="nan")
    check_is_fitted(one)
    for copy in (clone(one), pickle.loads(pickle.dumps(one))):
        assert copy.get_params() == one.get_params()
        np.testing.assert_array_equal(copy.transform(files), one.transform(files))
    assert ImageDescriptor().get_params() == {
        "descriptor": DESCRIPTOR,
        "device": DEVICE,
        "max_pixels": MAX_PIXELS,
        "library": None,
        "on_error": "raise",
    }


def test_columns_have_names_in_pandas_and_polars(files, fake):
    one = ImageDescriptor("fake").fit(files)
    assert one.get_feature_names_out().tolist() == [f"fake_{number}" for number in range(48)]
    assert one.n_features_out_ == 48
    column = pd.Series([str(path) for path in files], index=list("abcdef"))
    frame = one.set_output(transform="pandas").transform(column)
    assert frame.columns.tolist() == one.get_feature_names_out().tolist()
    assert frame.index.tolist() == list("abcdef")
    assert isinstance(one.set_output(transform="polars").transform(files), pl.DataFrame)


def test_a_library_describes_each_file_once_for_all_folds(tmp_path, fake):
    files = [write_picture(tmp_path / f"{number}.png", number) for number in range(12)]
    labels = [number % 2 for number in range(12)]

    def described(library):
        before = fake.seen
        model = make_pipeline(ImageDescriptor("fake", library=library), StandardScaler(), LogisticRegression())
        cross_val_score(model, files, labels, cv=3)
        return fake.seen - before

    assert described(None) == 36
    assert described(tmp_path / "x.lookalike") == 12
    assert described(tmp_path / "x.lookalike") == 0


def test_a_changed_file_is_described_again(tmp_path, fake):
    path = write_picture(tmp_path / "a.png", 1)
    one = ImageDescriptor("fake", library=tmp_path / "x.lookalike")
    before = one.transform([path])
    write_picture(path, 2, height=30)
    after = one.transform([path])
    assert not np.array_equal(before, after)
    np.testing.assert_array_equal(after, ImageDescriptor("fake").transform([path]))


def test_while_another_writes_vectors_are_made_without_being_kept(tmp_path, fake, files):
    place = tmp_path / "x.lookalike"
    with lookalike.open(place) as library, library.store.writing():
        seen = fake.seen
        vectors = ImageDescriptor("fake", library=place).transform(files)
        assert fake.seen - seen == 6
    np.testing.assert_array_equal(vectors, ImageDescriptor("fake").transform(files))


def test_a_grid_search_tries_descriptors(tmp_path):
    files, labels = [], []
    for number in range(12):
        # Two kinds, told apart by their colour alone: lightness, all that pdq sees, is a matter of chance.
        pixels = np.full((64, 64, 3), 110, np.uint8)
        pixels[..., 0 if number % 2 else 2] += np.random.default_rng(number).integers(60, 90, (64, 64), np.uint8)
        path = tmp_path / f"{number}.png"
        Image.fromarray(pixels).save(path)
        files.append(str(path))
        labels.append("red" if number % 2 else "blue")
    model = make_pipeline(ImageDescriptor(library=tmp_path / "x.lookalike"), LogisticRegression())
    grid = GridSearchCV(model, {"imagedescriptor__descriptor": ["pdq", "lite0"]}, cv=2).fit(files, labels)
    assert grid.best_params_ == {"imagedescriptor__descriptor": "lite0"}
    assert grid.best_score_ == 1.0
    assert grid.predict(files[:2]).tolist() == ["blue", "red"]


def test_it_stands_in_a_column_transformer(files, fake):
    table = pd.DataFrame({"file": [str(path) for path in files], "year": range(6)})
    both = make_column_transformer((ImageDescriptor("fake"), "file"), ("passthrough", ["year"]))
    assert both.fit_transform(table).shape == (6, 49)
    assert both.get_feature_names_out()[[0, -1]].tolist() == ["imagedescriptor__fake_0", "passthrough__year"]


def test_it_shows_itself_in_a_notebook():
    with sklearn.config_context(display="diagram"):
        assert "pdq" in ImageDescriptor("pdq")._repr_html_()


def test_a_turned_photograph_is_described_upright(fake):
    upright = picture(3, 40, 60)
    exif = Image.Exif()
    exif[0x0112] = 3
    stream = io.BytesIO()
    Image.fromarray(upright[::-1, ::-1]).save(stream, "PNG", exif=exif)
    np.testing.assert_array_equal(
        ImageDescriptor("fake").transform([stream.getvalue()]), ImageDescriptor("fake").transform([upright])
    )
