"""`lookalike evaluate`: how well descriptors find what belongs together."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike import defaults
from lookalike.cli import options
from lookalike.cli.common import gallery, open_library, progress, stages, written
from lookalike.cli.emit import emit, face, say, write_to
from lookalike.errors import UsageError

if TYPE_CHECKING:
    from lookalike.evaluate import Evaluation, Truth
    from lookalike.results import Gallery

__all__ = ["evaluate"]

_CURVE = (1, 2, 3, 5, 10, 20, 50, 100)
"""Where a plot cuts rankings, beside -k."""

_WORDS = ("copies",)
"""First arguments that are kept for other evaluations than of folders."""


def evaluate(
    paths: options.Pictures = None,
    labels: options.Labels = None,
    pairs: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Instead: CSV of pairs that belong together: a, b, maybe same (1 or 0).",
                     show_default=False),
    ] = None,
    relevant: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Instead: CSV of queries and what is relevant to each: query, relevant.",
                     show_default=False),
    ] = None,
    descriptor: options.Descriptors = list(defaults.DESCRIPTORS),  # noqa: B006
    k: Annotated[
        list[int],
        typer.Option("-k", "--k", min=1, metavar="N", help="Where to cut rankings; may be given several times."),
    ] = list(defaults.RANKS),  # noqa: B006
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL", help="Leave out pictures of this label; may be given several times.",
                     show_default=False),
    ] = None,
    each: Annotated[
        int, typer.Option("--each", metavar="N", min=1, help="Of copies: how many of each kind at each strength.")
    ] = defaults.COPIES_EACH,
    error_rate: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Of copies: also say from which probability on so few are wrong: .01.",
                     show_default=False),
    ] = None,
    store: Annotated[
        bool, typer.Option("--store", help="Of copies: keep that probability in the library, for `duplicates`.")
    ] = False,
    seed: options.Seed = defaults.SEED,
    library: options.Library = None,
    device: options.Device = defaults.DEVICE,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="FORMAT", show_default=False,
            help=f"{', '.join(defaults.FACES)}, png. [default: by the suffix of --output, else table]",
        ),
    ] = None,
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Measure how well descriptors find what belongs together: precision@k, recall@k, mAP, mAP@R, MRR, uAP.

    \b
    Examples:
      lookalike evaluate pets/ --labels folder
      lookalike evaluate pets/ --labels folder --descriptor lite0 -k 1 -k 30 --format csv
      lookalike evaluate pets/ --labels folder --output curves.png
      lookalike evaluate faces/ --pairs pairs.csv
      lookalike evaluate --relevant queries.csv --format json
      lookalike evaluate copies photos/
      lookalike evaluate copies photos/ --each 8 --error-rate .01 --output edits.png
      lookalike evaluate copies photos/ --each 8 --error-rate .01 --store

    `evaluate copies FOLDER` makes copies of the pictures there, edited in some fifty ways at three strengths, looks for
    their originals among all of them, and prints how many are found by verification and by lite0 and pdq alone.
    """
    from lookalike import evaluate as room

    chosen = face(output, format_, ("png",))
    if paths and paths[0] in _WORDS and not os.path.lexists(paths[0]):
        if labels or pairs or relevant:
            raise UsageError("copies are made by itself: `evaluate copies` takes no labels, pairs or relevant pictures")
        if store and error_rate is None:
            raise UsageError("--store keeps the probability that --error-rate asks for: give both")
        found = _copies(paths[1:], each, seed, error_rate, device, chosen, output, quiet=quiet)
        if store and found is not None:
            with open_library(library, create=True) as opened:
                opened.probability = max(found, defaults.PROBABILITY)
                say(f"Kept in {opened.path}: `lookalike duplicates` goes by it.", quiet=quiet)
        return
    if sum(told is not None for told in (labels, pairs, relevant)) != 1:
        raise UsageError("say what belongs together by one of --labels folder, --pairs FILE, --relevant FILE")
    ks = sorted({*k, *_CURVE}) if chosen == "png" else k
    result: Evaluation | None = None
    with open_library(library, create=bool(paths)) as opened:
        if paths:  # all descriptors at once: a picture is decoded once
            with progress("Indexing", quiet) as tell:
                opened.add(
                    paths,
                    descriptors=descriptor,
                    device=device,
                    progress=lambda report: tell(report.found, report.total, report.failed),
                )
        for name in dict.fromkeys(descriptor):
            made = gallery(opened, paths, descriptor=name, labels=labels, device=device, quiet=True)
            truth = _truth(made, pairs, relevant, opened.store.roots())
            with progress(f"Measuring {name}", quiet) as tell:
                one = room.evaluate(made, truth, ks=ks, without=without or (), progress=tell)
            result = one if result is None else result + one
    if result is None:
        raise UsageError("name at least one descriptor")
    if chosen == "png":
        from lookalike.render import evaluation_plot

        shown = result
        write_to(output, lambda stream: evaluation_plot(shown, stream))
    else:
        emit(result.rows(), chosen, output)
    say(f"{result.measured[0].queries} queries among {result.pictures} pictures.", quiet=quiet)
    for reason, count in result.left_out:
        say(f"{count} {reason}.", quiet=quiet)
    say(written(output), quiet=quiet or output is None)


def _copies(
    paths: list[str],
    each: int,
    seed: int,
    error_rate: float | None,
    device: str,
    chosen: str,
    output: Path | None,
    *,
    quiet: bool,
) -> float | None:
    """Measure how well edited copies of the user's pictures are found; return the probability for `error_rate`."""
    from lookalike.copytest import evaluate_copies

    if not paths:
        raise UsageError("name the folder of pictures: lookalike evaluate copies FOLDER")
    with stages(quiet) as tell:
        result = evaluate_copies(paths, each=each, seed=seed, device=device, progress=tell)
    if chosen == "png":
        from lookalike.render import copies_table_plot

        write_to(output, lambda stream: copies_table_plot(result.report("verified"), stream))
    else:
        emit(result.rows(), chosen, output)
    for report in result.reports:
        say(
            f"{report.method}: finds {report.at_99.recall:.1%} at 99 % precision, {report.at_100.recall:.1%} at 100 %, "
            f"uAP {report.uap:.3f}",
            quiet=quiet,
        )
    say(f"{result.reports[0].queries[0]} copies among {result.pictures} pictures.", quiet=quiet)
    found = None
    if error_rate is not None:
        found = result.report("verified").threshold_for(error_rate)
        say(f"At a probability of {found.threshold:.4f} and above, {found.wrong} of {found.accepted} are wrong; "
            f"{found.recall:.1%} of the copies are found.")  # fmt: skip
    say(written(output), quiet=quiet or output is None)
    return None if found is None else found.threshold


def _truth(made: Gallery, pairs: Path | None, relevant: Path | None, roots: list[str]) -> Truth | None:
    from lookalike.evaluate import read_pairs, read_relevant

    if pairs is not None:
        return read_pairs(pairs, made.uris, roots)
    return None if relevant is None else read_relevant(relevant, made.uris, roots)
