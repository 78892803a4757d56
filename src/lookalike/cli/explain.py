"""`lookalike compare --explain`: what one picture is to another, and which regions make them alike, drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.cli.emit import say, write_to
from lookalike.errors import UsageError

if TYPE_CHECKING:
    from lookalike.results import Evidence

__all__ = ["explaining"]


def explaining(output: Path | None, descriptors: Sequence[str], device: str) -> Callable[..., None]:
    """Return what draws an explanation of two pictures to `output`; does nothing if that is None.

    Raises
    ------
    UsageError
        If `output` is no PNG file, or no descriptor among `descriptors` has spatial vectors.
    """
    if output is None:
        return lambda *_sides, **_options: None
    if output.suffix.lower() != ".png":
        raise UsageError(f"--explain draws a PNG: end the file's name in .png, not {output.suffix or 'nothing'}")
    from lookalike.explaining import explain, explainer
    from lookalike.render import why_sheet

    name = explainer(descriptors, device).spec.name

    def draw(a: Any, b: Any, evidence: Evidence | None, **options: Any) -> None:
        found = explain(a, b, descriptor=name, device=device, **options)
        write_to(output, lambda stream: why_sheet(found, evidence).save(stream, "PNG"))
        say(f"Written: {output}")

    return draw
