"""What the room offers: each name is loaded when it is asked for, and none is hidden by a module."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

from lookalike import render


def test_every_name_is_there_and_none_is_that_of_a_module():
    modules = {module.name for module in pkgutil.iter_modules(render.__path__)}
    assert not modules & set(render.__all__)
    for name in render.__all__:
        assert getattr(render, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        render.nothing  # noqa: B018


def test_rows_load_no_pictures():
    asked = "import sys; from lookalike.render import write_rows; print('lookalike.render.report' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout == "False\n"
