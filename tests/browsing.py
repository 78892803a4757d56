"""What waits for a page: a page's events come when they come, so nothing is asked of it at once after an act."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

try:
    from playwright.sync_api import expect
except ImportError:  # then the fixture `browser` skips or fails
    expect: Any = None  # type: ignore[no-redef]
else:
    expect.set_options(timeout=30_000)

__all__ = ["CHROMIUMS", "check_accessible", "chromium", "eventually", "expect"]

# The shell draws pages as the whole program does, and takes a third of its time.
CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")

T = TypeVar("T")


def chromium() -> str | None:
    """Return where a program is that Playwright can drive, None if there is none."""
    return next(filter(None, map(shutil.which, CHROMIUMS)), None)


def eventually(page: Any, ask: Callable[[], T], holds: Callable[[T], object] = bool, seconds: float = 30) -> T:
    """Return what `ask` tells as soon as it holds; the page goes on meanwhile. For what `expect` has no words for."""
    until = time.monotonic() + seconds
    while not holds(told := ask()):
        assert time.monotonic() < until, told
        page.wait_for_timeout(20)
    return told


def check_accessible(page: Any) -> None:
    """Assert that axe finds nothing of weight. Its rules are a script: the page needs `bypass_csp`."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(page).response["violations"]
    assert [
        (one["id"], one["impact"], [node["html"] for node in one["nodes"]][:3])
        for one in found
        if one["impact"] in ("serious", "critical", "moderate")
    ] == []
