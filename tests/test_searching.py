"""From a query to its neighbours: what may be asked about, what is found, in what order."""

from __future__ import annotations

import os
import shutil
import sqlite3
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.decode import decode
from lookalike.errors import FingerprintError, UsageError
from lookalike.searching import as_array, expand
from tests.conftest import Fake, export, picture, write_picture

posix_only = pytest.mark.skipif(os.name == "nt", reason="needs links and names of POSIX")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of 40 pictures; 03.png has a copy, and 04.png one beside it under a later name."""
    folder = tmp_path / "photos"
    for n in range(40):
        write_picture(folder / f"{n:02d}.png", n)
    shutil.copyfile(folder / "03.png", folder / "02 copy of 03.png")
    shutil.copyfile(folder / "04.png", folder / "zz copy of 04.png")
    return folder


@pytest.fixture
def library(tmp_path: Path, folder: Path, fake: Fake):
    with lookalike.open(tmp_path / "a.lookalike") as library:
        library.add(folder, descriptors=["fake"])
        yield library


def find(library, queries, k=5, **options):
    return library.search(queries, k, descriptor=options.pop("descriptor", "fake"), **options)


def names(result, row=0):
    return [Path(uri).name for uri in result.uris[row] if uri is not None]


def test_a_picture_does_not_find_itself_and_finds_its_copies_first(library, folder):
    pairs = [("03.png", "02 copy of 03.png"), ("04.png", "zz copy of 04.png")]
    for query, copy in pairs + [(b, a) for a, b in pairs]:
        result = find(library, folder / query)
        assert names(result)[0] == copy
        assert result.distances[0, 0] < 1e-6
        assert query not in names(result)
        assert len(set(names(result))) == 5
        assert result.distances[0, 1] > 1e-4


def test_a_picture_without_a_copy_finds_others_only(library, folder):
    result = find(library, folder / "11.png", 100)
    assert len(names(result)) == 41
    assert "11.png" not in names(result)
    assert (result.distances[0, :41] > 1e-4).all()


def test_bytes_and_arrays_of_an_indexed_picture_find_it(library, folder):
    data = (folder / "11.png").read_bytes()
    for query in (data, picture(11), Image.open(BytesIO(data))):
        assert names(find(library, query))[0] == "11.png"


def test_a_file_that_has_changed_since_is_asked_about_as_it_is_now_and_does_not_find_its_old_self(library, folder):
    shutil.copyfile(folder / "20.png", folder / "11.png")
    result = find(library, folder / "11.png", 41)
    assert names(result)[0] == "20.png"
    assert result.distances[0, 0] < 1e-6
    assert "11.png" not in names(result)


@posix_only
def test_a_link_to_an_indexed_file_is_another_name_and_finds_it(library, folder, tmp_path):
    (tmp_path / "link.png").symlink_to(folder / "11.png")
    assert names(find(library, tmp_path / "link.png"))[0] == "11.png"


def test_indexed_files_and_known_bytes_are_not_described_again(library, folder, fake, tmp_path):
    before = fake.seen
    find(library, folder / "11.png")
    find(library, (folder / "11.png").read_bytes())
    find(library, shutil.copyfile(folder / "12.png", tmp_path / "elsewhere.png"))
    assert fake.seen == before
    find(library, picture(500))
    assert fake.seen == before + 1


def test_more_neighbours_than_pictures_are_padded(library):
    result = find(library, picture(500), 60)
    assert result.keys.shape == result.distances.shape == (1, 60)
    assert (result.keys[0, :42] > 0).all()
    assert (result.keys[0, 42:] == -1).all()
    assert np.isposinf(result.distances[0, 42:]).all()
    assert result.uris[0][42:] == (None,) * 18
    assert (np.diff(result.distances[0, :42]) >= 0).all()
    assert len(result.rows().values) == 42
    assert (result.keys.dtype, result.distances.dtype) == (np.int64, np.float32)


def test_an_empty_library_answers_in_full_shape(tmp_path, fake):
    (tmp_path / "nothing").mkdir()
    with lookalike.open(tmp_path / "b.lookalike") as empty:
        empty.add(tmp_path / "nothing", descriptors=["fake"])
        result = find(empty, [picture(1), picture(2)], 3)
    assert result.keys.tolist() == [[-1] * 3] * 2
    assert np.isposinf(result.distances).all()
    assert result.uris == ((None,) * 3,) * 2
    assert result.rows().values == []


def test_no_query_is_no_row(library, tmp_path):
    (tmp_path / "nothing").mkdir()
    assert find(library, []).keys.shape == (0, 5)
    assert find(library, tmp_path / "nothing").keys.shape == (0, 5)


@pytest.mark.parametrize("k", [0, -3])
def test_k_below_one_is_wrong_use(library, k):
    with pytest.raises(UsageError, match="k must be at least 1"):
        find(library, picture(1), k)


@pytest.mark.parametrize("threshold", [-0.1, float("nan")])
def test_a_threshold_below_zero_is_wrong_use(library, threshold):
    with pytest.raises(UsageError, match="threshold"):
        find(library, picture(1), threshold=threshold)


def test_a_threshold_is_the_largest_distance_accepted(library):
    everything = find(library, picture(500), 20)
    limit = float(everything.distances[0, 6])
    result = find(library, picture(500), 20, threshold=limit)
    assert result.keys[0, :7].tolist() == everything.keys[0, :7].tolist()
    assert (result.keys[0, 7:] == -1).all()
    assert np.isposinf(result.distances[0, 7:]).all()
    assert names(find(library, picture(500), 20, threshold=0)) == []
    assert len(names(find(library, picture(3), 20, threshold=1e-6))) == 2


def test_several_queries_keep_their_places_whatever_becomes_of_them(library, folder, tmp_path):
    (tmp_path / "notes.txt").write_text("only words")
    cut = (folder / "05.png").read_bytes()[:300]
    asked = [folder / "11.png", tmp_path / "notes.txt", picture(12), cut, tmp_path / "none.png", folder / "13.png", b""]
    result = find(library, asked, 3)
    assert result.keys.shape == (7, 3)
    assert [bool(row[0]) for row in result.uris] == [True, False, True, False, False, True, False]
    assert result.queries[0] == str(folder / "11.png")
    assert result.queries[2:4] == ("picture 3", "bytes 4")
    assert [name for name, _ in result.failed] == [result.queries[n] for n in (1, 3, 4, 6)]
    reasons = dict(result.failed)
    assert "not an image" in reasons[str(tmp_path / "notes.txt")]
    assert "truncated" in reasons["bytes 4"]
    assert "no such file" in reasons[str(tmp_path / "none.png")]
    assert names(result, 2)[0] == "12.png"
    assert (result.keys[[1, 3, 4, 6]] == -1).all()


def test_a_pillow_image_whose_file_is_cut_fails_alone(library, folder):
    cut = Image.open(BytesIO((folder / "05.png").read_bytes()[:300]))
    result = find(library, [cut, picture(6)], 1)
    assert [name for name, _ in result.failed] == ["picture 1"]
    assert names(result, 1) == ["06.png"]


def test_a_folder_is_all_the_files_in_it_in_order(library, tmp_path):
    for name in ("b.png", "a.png", "sub/c.png", ".hidden.png"):
        write_picture(tmp_path / "asked" / name, 600 + len(name))
    (tmp_path / "asked" / "b.txt").write_text("only words")
    result = find(library, tmp_path / "asked", 2)
    assert [Path(name).name for name in result.queries] == ["a.png", "b.png", "b.txt", "c.png"]
    assert [Path(name).name for name, _ in result.failed] == ["b.txt"]


@pytest.mark.parametrize(
    "shape", [(4, 4, 4), (4, 4, 1), (0, 4, 3), (3,), (2, 4, 4, 3)], ids=lambda shape: "x".join(map(str, shape))
)
def test_an_array_of_another_shape_is_wrong_use(library, shape):
    with pytest.raises(UsageError, match=r"\(height, width, 3\) of uint8"):
        find(library, np.zeros(shape, np.uint8))


@pytest.mark.parametrize("query", [np.zeros((4, 4, 3), np.float32), 7, None, {"a": 1}])
def test_what_is_no_picture_is_wrong_use(library, query):
    with pytest.raises(UsageError):
        find(library, query)


def test_a_grey_array_is_the_grey_picture(library):
    grey = picture(700)[:, :, 1]
    stacked = np.dstack([grey, grey, grey])
    assert np.array_equal(as_array(grey), stacked)
    assert find(library, grey).keys.tolist() == find(library, stacked).keys.tolist()
    assert find(library, Image.fromarray(grey)).distances.tolist() == find(library, stacked).distances.tolist()


def test_a_pillow_image_is_turned_and_laid_on_white_like_its_file(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture(1)).save(tmp_path / "turned.png", exif=exif)
    alpha = Image.fromarray(picture(2)).convert("RGBA")
    alpha.putalpha(Image.fromarray(picture(3)[:, :, 0]))
    alpha.save(tmp_path / "clear.png")
    alpha.quantize(16).save(tmp_path / "palette.png")
    for name in ("turned", "clear", "palette"):
        path = tmp_path / f"{name}.png"
        with Image.open(path) as image:
            array = as_array(image)
        expected = decode(path.read_bytes()).pixels
        assert array.shape == expected.shape
        assert np.abs(array.astype(int) - expected).max() <= 1
    assert as_array(Image.open(tmp_path / "turned.png")).shape == (32, 24, 3)


def test_what_is_asked_may_be_a_generator(library):
    result = find(library, (picture(n) for n in range(3)), 1)
    assert [names(result, row) for row in range(3)] == [["00.png"], ["01.png"], ["02.png"]]
    assert [query.name for query in expand(iter([b"a", b"b"]))] == ["bytes 1", "bytes 2"]
    assert [query.name for query in expand(b"a")] == ["-"]


def test_a_batch_answers_like_each_query_alone(library, folder, tmp_path):
    asked = [*sorted(folder.iterdir()), *(picture(800 + n) for n in range(40)), tmp_path / "none"]
    batch = find(library, asked, 7)
    for row, query in enumerate(asked):
        alone = find(library, query, 7)
        assert alone.keys[0].tolist() == batch.keys[row].tolist()
        assert alone.distances[0].tolist() == batch.distances[row].tolist()
        assert alone.uris[0] == batch.uris[row]


def test_answers_are_those_of_all_distances_computed_and_sorted(library):
    uris, rows = library.vectors("fake")
    assert len(uris) == len(set(uris)) == 42
    assert (rows.shape, rows.dtype) == ((42, 48), np.dtype(np.float32))
    asked = [picture(900 + n) for n in range(20)]
    result = find(library, asked, 42)
    wide = rows.astype(np.float64)
    for row, query in enumerate(Fake().embed(asked).astype(np.float16).astype(np.float64)):
        truth = 1 - wide @ query / np.linalg.norm(wide, axis=1) / np.linalg.norm(query)
        by_uri = dict(zip(uris, truth, strict=True))
        assert set(result.uris[row]) == set(uris)
        assert np.allclose(result.distances[row], [by_uri[str(uri)] for uri in result.uris[row]], atol=1e-6)
        assert np.allclose(result.distances[row], np.sort(truth), atol=1e-6)


def test_equally_far_pictures_come_in_the_order_in_which_they_were_indexed(tmp_path, fake):
    photos = tmp_path / "photos"
    pixels = picture(1)
    for n in range(12):  # other bytes, same pixels, and copies of each
        photos.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(photos / f"{n:02d}.png", compress_level=n % 6 + 1)
    with lookalike.open(tmp_path / "b.lookalike") as library:
        library.add(photos, descriptors=["fake"])
        result = find(library, pixels, 12)
        assert result.keys[0].tolist() == sorted(result.keys[0].tolist())
        assert names(result) == [f"{n:02d}.png" for n in range(12)]
        assert names(find(library, photos / "03.png", 3)) == ["00.png", "01.png", "02.png"]


def test_missing_pictures_are_not_found_and_others_take_their_place(library, folder):
    near = names(find(library, picture(500), 30))
    for name in near[:25]:
        (folder / name).unlink()
    library.add(folder, descriptors=["fake"])
    left = names(find(library, picture(500), 12))
    assert left[:5] == near[25:]
    assert len(left) == 12
    assert not set(left) & set(near[:25])


def test_a_content_with_many_names_gives_them_all_and_leaves_room_for_others(tmp_path, fake):
    photos = tmp_path / "photos"
    for n in range(5):
        write_picture(photos / f"{n}.png", n)
    for n in range(30):
        shutil.copyfile(photos / "0.png", photos / f"copy {n:02d}.png")
    with lookalike.open(tmp_path / "b.lookalike") as library:
        library.add(photos, descriptors=["fake"])
        assert len([name for name in names(find(library, picture(0), 10)) if "copy" in name or name == "0.png"]) == 10
        result = find(library, photos / "copy 07.png", 34)
        assert len(names(result)) == 34
        assert "copy 07.png" not in names(result)
        assert set(names(result)[30:]) == {"1.png", "2.png", "3.png", "4.png"}
        for n in range(30):
            (photos / f"copy {n:02d}.png").unlink()
        library.add(photos, descriptors=["fake"])
        assert sorted(names(find(library, picture(0), 10))) == [f"{n}.png" for n in range(5)]


@posix_only
def test_odd_names_come_back_as_they_are_on_disk(tmp_path, fake):
    odd = [b"caf\xe9.png", b"a'b\"c.png", b"100%_*?[a].png", b"new\nline.png", "üu\u0308.png".encode()]
    photos = tmp_path / "photos"
    photos.mkdir()
    for n, name in enumerate(odd):
        write_picture(Path(str(photos), name.decode("utf-8", "surrogateescape")), n)
    with lookalike.open(tmp_path / "b.lookalike") as library:
        library.add(photos, descriptors=["fake"])
        for n, name in enumerate(odd):
            uri = find(library, picture(n), 1).uris[0][0]
            assert uri is not None
            assert uri.encode("utf-8", "surrogateescape") == bytes(photos) + b"/" + name
            assert find(library, uri, 4).keys.min() > 0
        assert len(export(library.path)) == len(library.vectors("fake")[0]) == 5


def test_without_vectors_of_a_descriptor_the_error_says_how_to_make_them(library, register, tmp_path):
    register(Fake("other"))
    with pytest.raises(
        FingerprintError, match=r"no other vectors \(it has fake\).*lookalike index PATH --descriptor"
    ) as e:
        find(library, picture(1), descriptor="other")
    assert str(library.path) in str(e.value)
    assert "\n" not in str(e.value)
    with lookalike.open(tmp_path / "new.lookalike") as new, pytest.raises(FingerprintError, match="none at all"):
        new.vectors("other")


def test_vectors_of_another_version_are_refused_until_made_again(library, folder, register):
    register(Fake(preprocess="another way"))
    with pytest.raises(FingerprintError, match=r"other weights or another preprocessing.*--descriptor fake"):
        find(library, picture(1))
    library.add(folder, descriptors=["fake"])
    assert names(find(library, picture(1), 1)) == ["01.png"]


def test_a_tampered_fingerprint_is_refused(library):
    path = library.path / "library.db"
    library.close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE descriptors SET spec = replace(spec, '48', '49'), fingerprint = 'abc'")
    db.close()
    with lookalike.open(library.path) as opened, pytest.raises(FingerprintError, match="made with other weights"):
        find(opened, picture(1))


@pytest.fixture(scope="module")
def photo_library(tmp_path_factory, photographs):
    """Return a library of the first photographs, small, described by lite0 and pdq; and a photograph outside it."""
    top = tmp_path_factory.mktemp("photographs")
    (top / "in").mkdir()
    for path in photographs[:7]:
        with Image.open(path) as image:
            image.convert("RGB").resize((400, 300)).save(top / "in" / f"{path.stem}.png")
    with Image.open(photographs[0]) as image:
        image.convert("RGB").resize((380, 300)).save(top / "asked.png")
        image.convert("RGB").resize((900, 700)).save(top / "asked.jpg", quality=90)
    with lookalike.open(top / "a.lookalike") as library:
        library.add(top / "in")
        yield library, top, photographs[0].stem


@pytest.mark.parametrize("descriptor", ["lite0", "pdq"])
def test_a_photograph_finds_its_like_equally_by_file_bytes_array_and_pillow_image(photo_library, descriptor):
    library, top, stem = photo_library
    for name in ("asked.png", "asked.jpg"):
        data = (top / name).read_bytes()
        side = lookalike.get_descriptor(descriptor).spec.min_side
        queries = [top / name, str(top / name), data, decode(data, min_side=side).pixels]
        if name.endswith("png"):
            queries += [Image.open(top / name), np.asarray(Image.open(top / name))]
        results = [library.search(query, 7, descriptor=descriptor) for query in queries]
        assert names(results[0])[0] == f"{stem}.png"
        for result in results[1:]:
            assert result.keys.tolist() == results[0].keys.tolist()
            assert result.distances.tolist() == results[0].distances.tolist()
        batch = library.search(queries, 7, descriptor=descriptor)
        assert {tuple(row) for row in batch.distances.tolist()} == {tuple(results[0].distances[0].tolist())}


@pytest.mark.parametrize("descriptor", ["lite0", "pdq"])
def test_each_indexed_photograph_finds_all_others_and_not_itself(photo_library, descriptor):
    library, top, _ = photo_library
    result = library.search(top / "in", 7, descriptor=descriptor)
    assert len(result.queries) == 7
    for row, query in enumerate(result.queries):
        assert set(result.uris[row]) == set(result.queries) - {query} | {None}
        assert result.keys[row, 6] == -1
