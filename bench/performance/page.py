"""docs/performance.md and its plots, made from what was measured."""

from __future__ import annotations

from pathlib import Path

from harness import Figure, Result, Role

__all__ = ["write_page"]

BEGIN = """# Performance

Written by `make bench`, which is `python bench/performance`: no figure here is typed by hand. Every contestant ran in a
process of its own, all in turns in the same run; seconds are medians of the rounds. What counts are the ratios: a
machine's own speed drifts. Memory is the most that a process and its children had together, what they share once.

`ours` is Lookalike, `peer` another program or library that does the same work, `limit` what the machine can do at best.
Peers are installed by `python bench/performance/peers.py`.

"""


LEFT = 0.1
"""The smallest ratio that a plot shows."""


def write_page(results: Path, docs: Path) -> None:
    """Write the page from the results that there are."""
    found = [Result.from_json(path.read_text(encoding="utf-8")) for path in sorted(results.glob("*.json"))]
    machines = {tuple(sorted(one.machine.items())) for one in found}
    text = BEGIN
    for held in sorted(machines):
        facts = dict(held)
        memory = f"{int(facts['memory']) / 2**30:.0f} GiB"
        text += (
            f"{facts['processor']}, {facts['cores']} cores, {memory}, {facts['system']}, Python {facts['python']}.\n"
        )
    draw(found, docs / "images")
    text += "\n![How many times the best other program, and how near the limit](images/performance.png)\n"
    text += "\n| work | to the best peer | to the limit | wanted | reached |\n|---|--:|--:|---|---|\n"
    for one in found:
        wants = [f"{least:.2g} x the {role}" for role, least in one.wanted.items()]
        wanted = " and ".join(wants + ([f"under {one.at_most:g} s"] if one.at_most else []))
        reached = {True: "yes", False: "no", None: "not measured"}[one.met()] if wanted else ""
        text += (
            f"| [{one.name}](#{one.name}) | {_ratio(one, 'peer')} | {_ratio(one, 'limit')} | {wanted} | {reached} |\n"
        )
    for one in found:
        on = f" on {one.machine['processor']}" if len(machines) > 1 else ""
        text += f"\n## {one.name}\n\n{one.what[0].upper()}{one.what[1:]}. Measured {one.when}{on}.\n\n"
        text += f"| who | role | seconds | {one.unit}/s | memory | besides |\n|---|---|--:|--:|--:|---|\n"
        text += "".join(_line(one, figure) for figure in one.figures)
        if one.name == "growth":
            text += "\n![Seconds by the number of hashes](images/performance-growth.png)\n"
    (docs / "performance.md").write_text(text, encoding="utf-8")


def draw(found: list[Result], folder: Path) -> None:
    """Draw the ratios of all rows, and how cost grows with size."""
    from matplotlib.figure import Figure as Drawing

    shown = [one for one in found if one.wanted and (one.ratio("peer") or one.ratio("limit"))]
    drawing = Drawing((8, 0.6 + 0.42 * len(shown)), layout="constrained", dpi=120)
    axes = drawing.subplots()
    sides: tuple[tuple[Role, str, float], ...] = (("peer", "#2b6cb0", -0.19), ("limit", "#c05621", 0.19))
    for role, colour, shift in sides:
        for row, one in enumerate(shown):
            ratio, wanted = one.ratio(role), one.wanted.get(role)
            if ratio:
                axes.barh(row + shift, ratio - LEFT, 0.36, color=colour, left=LEFT)
                axes.text(max(ratio, wanted or 0) * 1.06, row + shift, f"{ratio:.2f}", va="center", fontsize=8)
            if ratio and wanted:
                axes.plot([wanted, wanted], [row + shift - 0.19, row + shift + 0.19], color="black", lw=2)
    axes.barh(0, 0, color="#2b6cb0", label="to the best other program")
    axes.barh(0, 0, color="#c05621", label="to the limit")
    axes.plot([], [], color="black", lw=2, label="wanted")
    axes.set(xscale="log", xlim=(LEFT, 200), yticks=range(len(shown)), yticklabels=[one.name for one in shown])
    axes.axvline(1, color="grey", lw=0.8)
    axes.invert_yaxis()
    axes.set_xlabel("times as fast, or as small; 1 is equal")
    axes.legend(fontsize=8, loc="lower right")
    folder.mkdir(exist_ok=True)
    drawing.savefig(folder / "performance.png", metadata={"Software": None})
    for one in found:
        if one.name == "growth":
            sizes = [float(figure.told["done"]) for figure in one.figures]
            seconds = [figure.median for figure in one.figures]
            drawing = Drawing((5.5, 3.4), layout="constrained", dpi=120)
            axes = drawing.subplots()
            axes.plot(sizes, seconds, "o-", color="#2b6cb0", label="measured")
            axes.plot(
                sizes, [seconds[0] * size / sizes[0] for size in sizes], "--", color="grey", label="in proportion"
            )
            axes.set(xscale="log", yscale="log", xlabel="hashes", ylabel="seconds")
            axes.legend()
            drawing.savefig(folder / "performance-growth.png", metadata={"Software": None})


def _ratio(result: Result, role: Role) -> str:
    ratio = result.ratio(role)
    return "" if ratio is None else f"{ratio:.2f}"


def _line(result: Result, figure: Figure) -> str:
    besides = ", ".join(f"{name} {_number(value)}" for name, value in figure.told.items() if name != "done")
    return (
        f"| {figure.name} | {figure.role} | {figure.median:.3g} | {_number(result.rate(figure))} "
        f"| {figure.peak / 2**20:,.0f} MiB | {besides} |\n"
    )


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
