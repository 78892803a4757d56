"""What `lookalike problems` returns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from lookalike.defaults import PROBLEM_KINDS
from lookalike.problems.judging import PictureProblems
from lookalike.types import Rows, Tabular
from lookalike.words import human_count

__all__ = ["COLUMNS", "Problems"]

COLUMNS = (
    "uri", "problems", "reason", "severity", "label", "suggested", "width", "height", "aspect", "blur", "highlight",
    "shadow", "information", "colour", "outlier", "label_probability", "suggested_probability",
)  # fmt: skip


@dataclass(frozen=True)
class Problems(Tabular):
    """Pictures with what was measured and what is wrong, worst first.

    Attributes
    ----------
    pictures
        All that were looked at, those without a problem last; equal ones in the order of names.
    thresholds
        By which was judged.
    notes
        Sentences on what could not be looked at.
    seconds
        That it took.
    """

    pictures: tuple[PictureProblems, ...]
    thresholds: Mapping[str, float]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def flagged(self) -> tuple[PictureProblems, ...]:
        """Those with a problem."""
        return tuple(one for one in self.pictures if one.found)

    @property
    def counts(self) -> dict[str, int]:
        """How many pictures have each kind of problem; only kinds that there are."""
        counted = Counter(kind for one in self.pictures for kind in one.kinds)
        return {kind: counted[kind] for kind in PROBLEM_KINDS if counted[kind]}

    def of(self, kind: str) -> tuple[PictureProblems, ...]:
        """Return the pictures with one kind of problem, those in which it is worst first."""
        having = [(next(s for k, s, _ in one.found if k == kind), one) for one in self.pictures if kind in one.kinds]
        return tuple(one for _, one in sorted(having, key=lambda pair: (-pair[0], pair[1].uri)))

    def only_flagged(self) -> Problems:
        """Return the report without the pictures that have no problem."""
        return replace(self, pictures=self.flagged)

    def rows(self) -> Rows:
        """One row per picture; `colour` is "colour", "grey" or "grey in colour"; measures with four decimals."""
        values = []
        for one in self.pictures:
            m = one.measures
            pixels = m.pixels
            told = (pixels.blur, pixels.highlight, pixels.shadow, pixels.information) if pixels else (None,) * 4
            values.append(
                (
                    one.uri, ", ".join(one.kinds), one.reason, _short(one.severity), m.label, m.suggested,
                    m.width or None, m.height or None, _short(m.aspect), *map(_short, told), _colour(one),
                    _short(m.outlier), _short(m.label_probability), _short(m.suggested_probability),
                )
            )  # fmt: skip
        return Rows(COLUMNS, values)

    def in_words(self) -> str:
        """How many pictures have what, in one sentence."""
        parts = [f"{count:,} {kind}" for kind, count in self.counts.items()]
        head = f"{human_count(len(self.flagged), 'picture')} with a problem among {len(self.pictures):,}"
        return f"{head}: {', '.join(parts)}." if parts else f"{head}."

    def _repr_html_(self, pictures: int = 12) -> str:
        from lookalike.notebook import Card, Section, page

        sections = []
        for kind, count in self.counts.items():
            cards = [Card(one.uri, (one.reason,)) for one in self.of(kind)[:pictures]]
            more = f"{human_count(count - len(cards), 'more picture')}" if count > len(cards) else ""
            sections.append(Section(f"{kind}: {count:,}", cards, more))
        return page(self.in_words(), sections, note=" ".join(self.notes))


def _short(value: float | None) -> float | None:
    """Return a measure with as many digits as mean something."""
    return None if value is None else round(value, 4)


def _colour(one: PictureProblems) -> str | None:
    if one.measures.pixels is None:
        return None
    if one.measures.grey_in_colour:
        return "grey in colour"
    return "grey" if one.measures.pixels.grey else "colour"
