"""Rows and results as Arrow, pandas and polars: one set of types, the Parquet file's."""

from __future__ import annotations

import dataclasses
import importlib
import io
import math
import pkgutil
import subprocess
import sys

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lookalike
from lookalike.errors import MissingDependencyError
from lookalike.frames import column, html_table
from lookalike.render import write_rows
from lookalike.results import DuplicateReport, Gallery, IndexReport, SearchResult
from lookalike.types import Rows, Tabular

ROWS = Rows(
    ("uri", "rank", "bytes", "distance", "keeper", "hardlink", "verdict", "roots", "descriptors", "mixed"),
    [
        ("/p/Zoë.jpg", 1, 7, np.float32(0.1), True, None, None, ["a", "b"], {"lite0": 5}, 1),
        ("/p/b\udce9.jpg", 2, None, None, False, True, "edited", None, None, "x"),
    ],
)
ARROW = {
    "uri": pa.string(),
    "rank": pa.int64(),
    "bytes": pa.int64(),
    "distance": pa.float64(),
    "keeper": pa.bool_(),
    "hardlink": pa.bool_(),
    "verdict": pa.string(),
    "roots": pa.list_(pa.string()),
    "descriptors": pa.string(),
    "mixed": pa.string(),
}
BY_HAND = [
    {"uri": "/p/Zoë.jpg", "rank": 1, "bytes": 7, "distance": 0.1, "keeper": True, "hardlink": None, "verdict": None,
     "roots": ["a", "b"], "descriptors": '{"lite0": 5}', "mixed": "1"},
    {"uri": "/p/b\\xe9.jpg", "rank": 2, "bytes": None, "distance": None, "keeper": False, "hardlink": True,
     "verdict": "edited", "roots": None, "descriptors": None, "mixed": "x"},
]  # fmt: skip


def test_arrow_has_the_types_and_values_written_by_hand():
    table = ROWS.to_arrow()
    assert dict(zip(table.schema.names, table.schema.types, strict=True)) == ARROW
    assert table.to_pylist() == BY_HAND


def test_a_parquet_file_holds_what_arrow_holds():
    stream = io.BytesIO()
    write_rows(ROWS, "parquet", stream)
    assert pq.read_table(io.BytesIO(stream.getvalue())).equals(ROWS.to_arrow())


def test_polars_is_made_without_arrow_and_equals_it(monkeypatch):
    from_arrow = pl.DataFrame(ROWS.to_arrow())
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    made = ROWS.to_polars()
    assert made.schema == from_arrow.schema
    assert made.to_dicts() == BY_HAND


def test_pandas_is_made_where_there_is_no_arrow():
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from lookalike.types import Rows\n"
        "frame = Rows(('uri', 'bytes', 'keeper'), [('a', None, True), (None, 2, None)]).to_pandas()\n"
        "assert frame.isna().to_numpy().tolist() == [[False, True, False], [True, False, True]], frame\n"
        "assert frame['bytes'].sum() == 2\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_pandas_has_whole_numbers_and_says_what_is_missing():
    frame = ROWS.to_pandas()
    assert list(frame.columns) == list(ROWS.columns)
    assert {name: str(frame[name].dtype) for name in ("rank", "bytes", "distance", "keeper", "hardlink")} == {
        "rank": "int64",
        "bytes": "Int64",
        "distance": "float64",
        "keeper": "bool",
        "hardlink": "boolean",
    }
    assert frame["uri"].tolist() == ["/p/Zoë.jpg", "/p/b\\xe9.jpg"]
    assert frame.isna().to_numpy().tolist() == [[value is None for value in row.values()] for row in BY_HAND]
    assert frame["bytes"].sum() == 7
    assert frame["roots"][0] == ["a", "b"]


def test_no_rows_still_have_types_and_two_columns_may_share_a_name():
    for made in (Rows(("distance", "rank", "uri"), []), DuplicateReport((), "edited", 0, 0.0)):
        assert made.to_arrow().schema == made.to_polars().to_arrow().cast(made.to_arrow().schema).schema
        assert made.to_pandas().shape == (0, len(made.rows().columns))
    assert str(Rows(("distance",), []).to_pandas()["distance"].dtype) == "float64"
    assert Rows(("distance", "keeper"), []).to_polars().dtypes == [pl.Float64, pl.Boolean]
    assert Rows(("a", "a"), [(1, 2)]).to_pandas().to_numpy().tolist() == [[1, 2]]


def test_others_take_a_result_as_it_is():
    result = SearchResult(
        ("/q.jpg",), np.array([[3, -1]]), np.array([[0.25, np.inf]], np.float32), (("/a.jpg", None),), "lite0"
    )
    for made in (result, result.rows()):
        assert pa.table(made).to_pylist() == result.to_arrow().to_pylist()
        assert pl.DataFrame(made).equals(result.to_polars())
        assert pa.RecordBatchReader.from_stream(made).read_all().num_rows == 1
    assert result.to_pandas().loc[0, "distance"] == 0.25
    assert IndexReport(found=3).to_pandas().loc[0, "found"] == 3


def test_a_gallery_is_its_names_and_labels():
    gallery = Gallery.from_arrays(np.eye(2), ["cat", None], ["/a.jpg", "/b.jpg"])
    assert gallery.to_polars().to_dicts() == [{"uri": "/a.jpg", "label": "cat"}, {"uri": "/b.jpg", "label": None}]
    assert Gallery.from_arrays(np.eye(2)).to_pandas()["label"].isna().all()


def test_whatever_has_rows_is_a_data_frame_if_asked():
    found = set()
    for module in pkgutil.walk_packages(lookalike.__path__, "lookalike."):
        if module.name.endswith("__main__"):
            continue
        for name, kind in vars(importlib.import_module(module.name)).items():
            if dataclasses.is_dataclass(kind) and isinstance(kind, type) and hasattr(kind, "rows"):
                assert issubclass(kind, Tabular), f"{module.name}.{name}"
                found.add(name)
    assert {"SearchResult", "Comparison", "Status", "Gallery", "CrossValidation", "Clustering", "Rows"} <= found


@pytest.mark.parametrize(
    ("package", "call"), [("pyarrow", "to_arrow"), ("pandas", "to_pandas"), ("polars", "to_polars")]
)
def test_a_package_that_is_not_installed_is_named(monkeypatch, package, call):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependencyError, match=f"needs? {package}"):
        getattr(ROWS, call)()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, None], "boolean"),
        ([1, True], "text"),
        ([1, 2.5], "float"),
        ([np.int32(1)], "integer"),
        ([["a"], None], "texts"),
        ([[1]], "text"),
        ([{"a": 1}], "text"),
        ([None], "text"),
    ],
)
def test_the_type_of_a_column_is_that_of_its_values(values, kind):
    assert column("anything", values)[0] == kind


def test_the_name_decides_where_no_value_does():
    assert [column(name, [None])[0] for name in ("distance", "group", "keeper", "uri")] == [
        "float",
        "integer",
        "boolean",
        "text",
    ]


def test_a_table_shows_some_rows_and_how_many_more_there_are():
    shown = html_table(("n", "uri", "none"), [(n, f"<b>{n}</b>", None) for n in range(1003)], limit=3)
    assert shown.count("<tr>") == 4
    assert "1,000 more of 1,003 rows" in shown
    assert "&lt;b&gt;2&lt;/b&gt;" in shown
    assert "<b>" not in shown
    assert "none" not in shown
    assert "more" not in html_table(("n",), [(1,)] * 3, limit=3)
    assert "no rows" in html_table(("n",), [])


def test_numbers_and_long_names_are_shown_short_with_the_whole_name_beside():
    path = "/a/very/long/folder/that/goes/on/and/on/and/on/beach.jpg"
    shown = html_table(
        ("distance", "bytes", "keeper", "uri", "x"),
        [(0.123456789, 1234567, True, path, math.inf), (float("nan"), 1, False, "/b", 2.5e7)],
    )
    for text in ("0.1235", "1,234,567", "yes", "no", "nan", "inf", "25,000,000", f'title="{path}"', "/beach.jpg<"):
        assert text in shown, text


def test_one_object_is_shown_as_names_and_values():
    shown = IndexReport(found=1234, interrupted=True)._repr_html_()
    assert shown.count("<tr>") == len(IndexReport().rows().columns)
    assert "1,234" in shown
    assert "yes" in shown
