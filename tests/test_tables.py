from __future__ import annotations

import pytest

from lookalike.errors import UsageError
from lookalike.splitting import read_split
from lookalike.tables import read_table


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_whichever_sign_parts_the_columns_a_table_is_read(tmp_path, sign):
    path = tmp_path / "x.csv"
    path.write_text(f"\ufeffFile{sign}Part\n\na.jpg{sign}train\nb.jpg{sign}val\n", encoding="utf-8")
    found = [(line, values) for line, values, _ in read_table(path, ("uri", "file"), ("part",))]
    assert found == [(3, ["a.jpg", "train"]), (4, ["b.jpg", "val"])]
    assert read_split(path).parts == ("train", "val")


def test_short_lines_are_filled_and_long_ones_cut(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("uri,label\na\nb,c,d\n")
    assert [row for *_, row in read_table(path, ("uri",))] == [{"uri": "a", "label": ""}, {"uri": "b", "label": "c"}]


def test_what_is_lacking_or_cannot_be_read_is_said_with_its_remedy(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("name,label\n")
    with pytest.raises(UsageError, match="needs a header with uri and label; it has name, label"):
        list(read_table(path, ("uri", "file"), ("label",)))
    with pytest.raises(UsageError, match=r"cannot be read: No such file.*; use another"):
        list(read_table(tmp_path / "gone.csv", ("uri",), hint="; use another"))
