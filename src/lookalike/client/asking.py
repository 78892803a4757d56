"""What is asked of a server: searches, comparisons, duplicates, pictures."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from lookalike.client.answers import Duplicates, SearchAnswer
from lookalike.client.wire import Facts, PictureLike, Progress, Wire, with_asked
from lookalike.defaults import DESCRIPTOR, DESCRIPTORS, KEEP_RULES, LABELS, LEVEL, K
from lookalike.errors import UsageError
from lookalike.types import Rows

if TYPE_CHECKING:
    from lookalike.filters import Filters

__all__ = ["Asking", "filters_of"]

_MOST_IDS = 500  # of one call


class Asking(Wire):
    """The calls that ask."""

    def search(
        self,
        queries: PictureLike | Sequence[PictureLike],
        k: int = K,
        *,
        descriptor: str = DESCRIPTOR,
        threshold: float | None = None,
        verify: bool = False,
        only: Filters | None = None,
        together: bool = False,
        region: tuple[float, float, float, float] | None = None,
    ) -> SearchAnswer:
        """Find the k most similar pictures of each query: see `lookalike.Library.search`.

        Parameters
        ----------
        queries
            One or several of: a file of this machine, a URL that the server fetches, the bytes of a file, the id of a
            picture in the library. Up to 16.
        k, descriptor, threshold, verify, together, region
            As there.
        only
            As there; labels are the names of folders.

        Raises
        ------
        UnreadableError
            If a file cannot be read here.
        LookalikeError
            As `lookalike.Library.search`, and as `ServerError`.
        """
        listed: list[Any] = list(queries) if isinstance(queries, list | tuple) else [queries]
        body = {
            "queries": [self._ref(query) for query in listed], "k": k, "descriptor": descriptor,
            "threshold": threshold, "verify": verify, "together": together,
            "region": None if region is None else list(region), "only": filters_of(only),
        }  # fmt: skip
        found = self._json("POST", "/search", body)
        return SearchAnswer(**{**found, "queries": tuple(found["queries"])})

    def compare(self, a: PictureLike, b: PictureLike, *, descriptors: Sequence[str] = DESCRIPTORS) -> Facts:
        """Hold two pictures against each other: what `lookalike.Library.compare` returns, as a dict."""
        return self._json("POST", "/compare", {**self._pair(a, b), "descriptors": list(descriptors)})

    def explain(self, a: PictureLike, b: PictureLike, *, descriptors: Sequence[str] = DESCRIPTORS) -> bytes:
        """Return a PNG that draws one picture laid upon the other, and which regions make them alike."""
        return self._ask("POST", "/compare/explain", {**self._pair(a, b), "descriptors": list(descriptors)}).body

    def duplicates(
        self,
        paths: Iterable[str | os.PathLike[str]] = (),
        *,
        level: str = LEVEL,
        probability: float | None = None,
        keep: Sequence[str] = KEEP_RULES,
        progress: Progress | None = None,
    ) -> Duplicates:
        """Find groups of duplicates and wait: see `lookalike.Library.duplicates`.

        Parameters
        ----------
        paths, level, probability, keep
            As there; paths of the server's machine.
        progress
            Called with the job's facts whenever they change.

        Returns
        -------
        Duplicates
            Its groups, the surest first, are read from the server as one goes through it.
        """
        body = {"paths": [os.fspath(path) for path in paths], "level": level, "probability": probability,
                "keep": list(keep)}  # fmt: skip
        return self.found_duplicates(self._done("/duplicates", body, progress)["id"])

    def found_duplicates(self, job: int, *, verdict: str | None = None, probability: float | None = None) -> Duplicates:
        """Return what a job found before, or those groups whose weakest pair has a verdict and is as sure."""
        asked = {"verdict": verdict, "probability": probability}
        facts = self.job(job)["result"] or {}
        page = self._json("GET", with_asked(f"/duplicates/{job}", **asked, limit=1))
        return Duplicates(
            job, page["level"], page["total"], page["pictures"], page["bytes"], facts["compared"], facts["seconds"],
            tuple(facts["left_out"].items()), lambda: self._pages(f"/duplicates/{job}", "groups", **asked),
        )  # fmt: skip

    # ------------------------------------------------------------------------------------------------ the library

    def status(self) -> Facts:
        """Return what the library holds: see `lookalike.Library.status`."""
        return self._json("GET", "/status")

    def problems(self) -> Rows:
        """Return (uri, error, reason) of files that are not indexed: see `lookalike.Library.problems`."""
        columns = ("uri", "error", "reason")
        found = self._pages("/problems", "problems")
        return Rows(columns, [tuple(one[name] for name in columns) for one in found])

    def folders(self) -> list[Facts]:
        """Return the folders that pictures are in, with how many and their bytes."""
        found: list[Facts] = self._json("GET", "/folders")["folders"]
        return found

    def picture(self, number: int) -> Facts:
        """Return what is known of a picture in the library."""
        return self._json("GET", f"/pictures/{number}")

    def pictures(self, numbers: Iterable[int]) -> list[Facts]:
        """Return what is known of some pictures, in this order; those that are not there are left out."""
        wanted = [str(int(number)) for number in numbers]
        found: list[Facts] = []
        for start in range(0, len(wanted), _MOST_IDS):
            ids = ",".join(wanted[start : start + _MOST_IDS])
            found += self._json("GET", with_asked("/pictures", ids=ids))["pictures"]
        return found

    def sample(self, count: int = 24, seed: int = 0) -> list[Facts]:
        """Return some pictures by lot, the same ones for the same seed; 200 at most."""
        found: list[Facts] = self._json("GET", with_asked("/pictures/sample", count=count, seed=seed))["pictures"]
        return found

    def thumbnail(self, number: int, side: int = 256) -> bytes:
        """Return a picture of the library upright as WebP, its longer side `side` at most: 128, 256, ... 2048."""
        return self._ask("GET", with_asked(f"/pictures/{number}/thumbnail", side=side)).body

    def file(self, number: int) -> bytes:
        """Return the file of a picture in the library."""
        return self._ask("GET", f"/pictures/{number}/file").body


def filters_of(only: Filters | None) -> Facts | None:
    """Return filters as a request has them."""
    if not only:
        return None
    if only.label and only.labels != LABELS:
        raise UsageError(f"a server tells labels by folder alone, not by {only.labels!r}")
    names = ("under", "after", "before", "min_side", "max_side", "min_bytes", "max_bytes", "formats", "label")
    return {name: getattr(only, name) for name in names}
