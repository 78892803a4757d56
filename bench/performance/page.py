"""docs/performance.md, made from what was measured."""

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
    text += "\n| work | to the best peer | to the limit | wanted | reached |\n|---|--:|--:|---|---|\n"
    for one in found:
        wanted = " and ".join(f"{least:.2g} x the {role}" for role, least in one.wanted.items())
        reached = {True: "yes", False: "no", None: "not measured"}[one.met()] if one.wanted else ""
        text += (
            f"| [{one.name}](#{one.name}) | {_ratio(one, 'peer')} | {_ratio(one, 'limit')} | {wanted} | {reached} |\n"
        )
    for one in found:
        text += f"\n## {one.name}\n\n{one.what[0].upper()}{one.what[1:]}. Measured {one.when}.\n\n"
        text += f"| who | role | seconds | {one.unit}/s | memory | besides |\n|---|---|--:|--:|--:|---|\n"
        text += "".join(_line(one, figure) for figure in one.figures)
    (docs / "performance.md").write_text(text, encoding="utf-8")


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
