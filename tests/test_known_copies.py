"""What is known of copies without looking: equal bytes, equal pixels, verdicts kept, and what was decided."""

from __future__ import annotations

import shutil

import pytest
from PIL import Image

import lookalike
from lookalike.verifying import known_copies
from lookalike.verifying.kept import VerdictCache


@pytest.fixture
def held(tmp_path, photographs):
    """Return a library of a photograph, the same file again, a smaller copy, and another photograph; ids by name."""
    folder = tmp_path / "photos"
    folder.mkdir()
    by_name = {path.name: path for path in photographs}
    if not {"chelsea.png", "coffee.png"} <= by_name.keys():
        pytest.skip("some of the photographs that packages bring are missing")
    shutil.copyfile(by_name["chelsea.png"], folder / "chelsea.png")
    shutil.copyfile(by_name["chelsea.png"], folder / "again.png")
    shutil.copyfile(by_name["coffee.png"], folder / "coffee.png")
    with Image.open(by_name["chelsea.png"]) as image:
        image.convert("RGB").resize((300, 200)).save(folder / "small.jpg", quality=90)
    with lookalike.open(tmp_path / "a.lookalike") as library:
        library.add([folder])
        yield library, {image.uri.rsplit("/", 1)[-1]: image.id for image in library.store.images()}


def test_equal_bytes_are_known_and_a_smaller_copy_once_it_was_compared(held):
    library, ids = held
    order = [ids[name] for name in ("small.jpg", "coffee.png", "chelsea.png", "again.png")]
    assert known_copies(library.store, order, probability=0.5) == ((ids["chelsea.png"], ids["again.png"]),)
    library.duplicates(level="same-picture")
    together = (ids["small.jpg"], ids["chelsea.png"], ids["again.png"])
    assert known_copies(library.store, order, probability=0.5) == (together,)
    assert known_copies(library.store, [*order, 10**9], probability=0.5) == (together,)
    assert known_copies(library.store, [], probability=0.5) == ()


def test_what_is_less_sure_or_was_decided_to_be_no_copy_is_none(held):
    library, ids = held
    library.duplicates(level="same-picture")
    small, large = ids["small.jpg"], ids["chelsea.png"]
    contents = library.store.contents([one.content_id for one in library.store.images_by_id([small, large]).values()])
    cache = VerdictCache(library.store.folder)
    pair = tuple(content.hash for content in contents.values())
    (evidence,) = cache.get_many([pair]).values()
    cache.close()
    assert known_copies(library.store, [small, large], probability=evidence.probability) == ((small, large),)
    assert known_copies(library.store, [small, large], probability=min(evidence.probability + 1e-6, 2)) == ()
    names = {image.id: image.uri for image in library.store.images()}
    library.decisions.not_duplicates([names[small], names[large]])
    apart = library.decisions.apart()
    assert known_copies(library.store, [small, large], probability=0.5, apart=apart) == ()
    assert known_copies(library.store, [small, large], probability=0.5, apart=apart, equal=[small, large]) == ()
    coffee = ids["coffee.png"]
    assert known_copies(library.store, [small, coffee], probability=0.5, equal=[small]) == ()
    assert known_copies(library.store, [small, coffee], probability=0.5, equal=[small, coffee]) == ((small, coffee),)
