"""Write the reference pages from the code: docs/reference/{commands,python,descriptors,errors}.md.

python tools/make_docs.py            write them
python tools/make_docs.py --check    exit with 1, and name the page, if one is out of date
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_origin

import typer

import lookalike
from lookalike import errors
from lookalike.cli.app import app
from lookalike.cli.settings import commands_of
from lookalike.descriptors import _BUILT_IN, get_descriptor

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs/reference"
WIDTH = 100
NOTE = "<!-- Written by tools/make_docs.py from the code: change the code, then run `make docs`. -->\n\n"

ROOMS = {
    "lookalike.results": "What the calls above return.",
    "lookalike.actions": "Acting on copies without ever losing a picture: plans, applied and undone.",
    "lookalike.health": "What `lookalike.doctor` tells.",
    "lookalike.types": "Values that travel, and the protocols that plug-ins implement.",
    "lookalike.decode": "Bytes to an upright picture.",
    "lookalike.transforms": "Resize, crop, pad.",
    "lookalike.metrics": "Distances between vectors.",
    "lookalike.index": "Neighbour search on arrays.",
    "lookalike.descriptors.pdq": "What PDQ offers beside its vectors.",
    "lookalike.descriptors.haralick": "Texture features of one grey picture.",
    "lookalike.distances": "All distances between pictures, and their neighbours in order.",
    "lookalike.classify": "Check, fit and use a classifier, on arrays.",
    "lookalike.cluster": "Clusters, on arrays.",
    "lookalike.problems": "What is wrong with single pictures, on arrays.",
    "lookalike.projection": "Places on a map, on arrays.",
    "lookalike.labelling": "New pictures labelled by a classifier.",
    "lookalike.labels": "How labels are told.",
    "lookalike.decisions": "What people decided of pictures, for good: `Library.decisions`.",
    "lookalike.leaks": "Copies across parts, and the moves that end them.",
    "lookalike.folders": "How much of one folder is inside another.",
    "lookalike.splitting": "Parts and folds in which no picture's copy is on the other side.",
    "lookalike.evaluate": "How well distances find what belongs together.",
    "lookalike.edits": "Copies of a picture as people make them, and what is no copy.",
    "lookalike.regions": "Which places make two pictures alike, on arrays of spatial vectors.",
    "lookalike.sklearn": "A scikit-learn transformer: pictures in, vectors out.",
    "lookalike.training": "Networks trained on your own pictures; needs PyTorch.",
    "lookalike.units": "Files that move together with a picture.",
    "lookalike.actions.labelfiles": "Entries of label files, taken out and put back.",
    "lookalike.render": "Results as rows, contact sheets and pages.",
    "lookalike.testing": "Contract suites for whoever writes a part of their own.",
}


def commands_page() -> str:
    """Return the help page of every command, as it is printed on a terminal of 100 columns."""
    root = typer.main.get_command(app)
    parts = [
        f"# Commands\n\n{NOTE}"
        "Rows go to standard output; progress, summaries and messages to standard error.\n"
        "Exit codes: 0 done; 1 done, but something to report (a picture failed under `--strict`); 2 wrong use;\n"
        "3 nothing could be done; 130 stopped by Ctrl-C.\n"
    ]
    parts.append(f"## lookalike\n\n```text\n{help_text(root, 'lookalike')}\n```\n")
    for name, command in commands_of(root).items():
        parts.append(f"## lookalike {name}\n\n```text\n{help_text(command, f'lookalike {name}')}\n```\n")
    return "\n".join(parts)


def help_text(command: Any, name: str) -> str:
    """Return a command's help page, whatever the width of the terminal is."""
    context = command.context_class(
        command,
        info_name=name,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    text: str = command.get_help(context)
    return "\n".join(line.rstrip() for line in text.rstrip().splitlines())


def python_page() -> str:
    """Return every public name with its signature and its docstring."""
    parts = [
        f"# Python\n\n{NOTE}"
        "Whatever `lookalike` itself exports is all that most programs need. The rooms below it are for arrays, and "
        "for plug-ins.\n"
    ]
    for name in lookalike.__all__:
        parts += entry(f"lookalike.{name}", getattr(lookalike, name), "##")
    for module_name, about in ROOMS.items():
        module = importlib.import_module(module_name)
        parts.append(f"## {module_name}\n\n{about}\n")
        values = dict(assignments(module))
        for name in module.__all__:
            thing = getattr(module, name)
            if name not in values and (inspect.isclass(thing) or inspect.isroutine(thing)):
                parts += entry(name, thing, "###")
            else:
                source, comment = values.get(name, (repr(thing), ""))
                parts.append(f"### {name}\n\n```python\n{name} = {source}\n```\n\n{prose(comment)}")
    return "\n".join(part.rstrip() + "\n" for part in parts)


def entry(name: str, thing: Any, heading: str) -> Iterator[str]:
    """Yield the text of a class, with its public methods, or of a function."""
    short = name.rpartition(".")[2]
    protocol = inspect.isclass(thing) and getattr(thing, "_is_protocol", False)
    unused = protocol or (inspect.isclass(thing) and issubclass(thing, BaseException))
    signature = f"class {short}" if unused else f"{short}{signature_of(thing)}"
    text = f"{heading} {name}\n\n```python\n{signature}\n```\n\n{markdown(thing.__doc__ or '')}"
    if inspect.isclass(thing) and (thing.__doc__ or "").startswith(f"{thing.__name__}("):
        text = f"{heading} {name}\n\n```python\n{signature}\n```\n"  # what dataclass writes where there is no docstring
    yield text
    if not inspect.isclass(thing) or issubclass(thing, BaseException):
        return
    for attribute, member in vars(thing).items():
        if attribute.startswith("_"):
            continue
        if isinstance(member, property):
            yield f"{heading}# {short}.{attribute}\n\n{markdown(member.__doc__ or '')}"
        elif isinstance(member, classmethod | staticmethod) or inspect.isfunction(member):
            function = getattr(thing, attribute)
            yield (
                f"{heading}# {short}.{attribute}\n\n```python\n{attribute}{signature_of(function)}\n```\n\n"
                f"{markdown(function.__doc__ or '')}"
            )


def signature_of(thing: Callable[..., Any]) -> str:
    """Return a signature as it is written in the code, over several lines where one would be long."""
    signature = inspect.signature(thing)
    pieces: list[str] = []
    keyword_only = False
    for parameter in signature.parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            pieces.append("*")
        stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
        stars = "**" if parameter.kind is parameter.VAR_KEYWORD else stars
        piece = stars + parameter.name
        if parameter.annotation is not parameter.empty:
            piece += f": {written(parameter.annotation)}"
        if parameter.default is not parameter.empty:
            piece += f" = {written(parameter.default, default=True)}"
        pieces.append(piece)
    nothing = inspect.isclass(thing) or signature.return_annotation is signature.empty
    result = "" if nothing else f" -> {written(signature.return_annotation)}"
    text = f"({', '.join(pieces)}){result}"
    return text if len(text) <= 90 else "(\n" + "".join(f"    {piece},\n" for piece in pieces) + f"){result}"


def written(value: Any, *, default: bool = False) -> str:
    """Return an annotation or a default as text that is the same on every machine."""
    if not default:
        return value if isinstance(value, str) else getattr(value, "__name__", str(value))
    if value is dataclasses.MISSING or type(value).__name__ == "_HAS_DEFAULT_FACTORY_CLASS":
        return "..."
    return getattr(value, "__qualname__", None) or repr(value)


def assignments(module: Any) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the source and the following string of each name that a module assigns, or takes from one below it.

    Of what it takes, the value says more than its source; a type is better told by its source.
    """
    body = ast.parse(inspect.getsource(module)).body
    for at, node in enumerate(body):
        match node:
            case ast.ImportFrom(module=str(below), names=taken) if below.startswith(f"{module.__name__}."):
                origin = dict(assignments(importlib.import_module(below)))
                for name in (alias.name for alias in taken if alias.name in origin):
                    source, words = origin[name]
                    yield name, (source if get_origin(getattr(module, name)) else repr(getattr(module, name)), words)
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                after = body[at + 1] if at + 1 < len(body) else None
                words = ""
                if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                    words = str(after.value.value)
                yield name, (ast.unparse(value), words)


def markdown(docstring: str) -> str:
    """Return a NumPy docstring as Markdown: sections in bold, parameters as a list, examples as code."""
    lines = inspect.cleandoc(docstring).splitlines()
    sections: list[tuple[str, list[str]]] = [("", [])]
    at = 0
    while at < len(lines):
        if at + 1 < len(lines) and lines[at] and set(lines[at + 1]) == {"-"} and len(lines[at + 1]) == len(lines[at]):
            sections.append((lines[at], []))
            at += 2
        else:
            sections[-1][1].append(lines[at])
            at += 1
    parts = []
    for title, body in sections:
        text = "\n".join(body).strip("\n")
        if title in ("Parameters", "Attributes", "Raises", "Returns"):
            text = listed(body)
        elif title == "Examples":
            text = "```pycon\n" + text.replace("  # doctest: +SKIP", "") + "\n```"
        else:
            text = prose(text)
        parts.append((f"**{title}**\n\n" if title else "") + text)
    return "\n\n".join(part for part in parts if part) + "\n"


def listed(body: list[str]) -> str:
    """Return names with their indented texts as a list; what is not so laid out stays prose."""
    text = "\n".join(body).strip("\n")
    if not re.search(r"^ {4}\S", text, re.MULTILINE):
        return prose(text)
    items: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line and not line.startswith(" "):
            items.append((line, []))
        elif items:
            items[-1][1].append(line.strip())
    return "\n".join(f"- `{name}`: {prose(' '.join(filter(None, words)))}" for name, words in items)


def prose(text: str) -> str:
    """Return reStructuredText prose as Markdown: double backticks are single there."""
    return text.replace("``", "`").strip("\n")


def descriptors_page() -> str:
    """Return the spec and the docstring of every descriptor of this package."""
    parts = [
        f"# Descriptors\n\n{NOTE}"
        "`lookalike descriptors` lists these and those of installed plug-ins. Why these, with what measured results: "
        "[explanation](../explanation/descriptors.md).\n"
    ]
    for name in _BUILT_IN:
        descriptor = get_descriptor(name, "cpu")
        spec = descriptor.spec
        rows = {
            "numbers" if spec.metric != "hamming" else "bits": spec.dim,
            "metric": spec.metric,
            "a vector as returned": f"{spec.width} x {spec.dtype}",
            "a vector as stored": f"{spec.width} x {spec.storage}, {spec.width * spec.storage.itemsize} bytes",
            "preprocessing": f"`{spec.preprocess}`",
            "least side of a reduced JPEG": f"{spec.min_side} pixels",
            "source": spec.source,
            "licence": spec.licence,
            "sha256 of the weights": f"`{spec.weights}`" if spec.weights else "no weights",
            "fingerprint": f"`{spec.fingerprint}`",
        }
        table = "| | |\n|---|---|\n" + "".join(
            f"| {key} | {str(value).replace('|', chr(92) + '|')} |\n" for key, value in rows.items()
        )
        parts.append(f"## {name}\n\n{table}\n{markdown(type(descriptor).__doc__ or '')}")
    return "\n".join(parts)


def errors_page() -> str:
    """Return the tree of exceptions and what each means to a shell, to HTTP and in a library."""

    def tree(kind: type[errors.LookalikeError], indent: str = "") -> Iterator[str]:
        children = [c for name in errors.__all__ if (c := getattr(errors, name)).__bases__[0] is kind]
        for number, child in enumerate(children):
            yield f"{indent}+-- {child.__name__}"
            yield from tree(child, indent + ("|   " if number + 1 < len(children) else "    "))

    rows = "".join(
        f"| `{name}` | `{cls.kind}` | {cls.exit_code} | {cls.status} | {summary(cls)} |\n"
        for name in ordered(errors.LookalikeError)
        if (cls := getattr(errors, name))
    )
    return (
        f"# Errors\n\n{NOTE}"
        "Every error that is raised on purpose is a `LookalikeError`, from `lookalike.errors`. Its message is one\n"
        "sentence that says what to do. `UsageError` is also a `ValueError`. The kind of an `ImageError` is what\n"
        "`lookalike status --errors` prints in the column `error`; `skipped` there is no error: a FIFO, a second name\n"
        "reached through a link and the like.\n\n"
        "```text\nLookalikeError\n" + "\n".join(tree(errors.LookalikeError)) + "\n```\n\n"
        "| class | kind | exit code | HTTP status | meaning |\n|---|---|---|---|---|\n" + rows + "\n"
        "With `--format json` the command line prints an error to standard error as\n"
        '`{"ok": false, "error": ..., "errors": [...], "status": ...}`.\n'
    )


def ordered(kind: type[errors.LookalikeError]) -> Iterator[str]:
    """Yield the names of a class and of all below it, each after its base."""
    yield kind.__name__
    for name in errors.__all__:
        if getattr(errors, name).__bases__[0] is kind:
            yield from ordered(getattr(errors, name))


def summary(cls: type) -> str:
    return inspect.cleandoc(cls.__doc__ or "").partition("\n")[0]


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "python.md": python_page,
    "descriptors.md": descriptors_page,
    "errors.md": errors_page,
}


def main(arguments: list[str]) -> int:
    """Write or check the pages; return the exit code."""
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    stale = []
    for name, make in PAGES.items():
        path, text = FOLDER / name, make()
        if arguments:
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                stale.append(path)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    for path in stale:
        print(f"{path.relative_to(ROOT)} is out of date: run `make docs`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
