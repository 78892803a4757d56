"""Docs are tests: in step with the code, examples run, command lines parse, links lead somewhere."""

from __future__ import annotations

import doctest
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image

import lookalike
from lookalike import errors
from lookalike.cli.app import app
from lookalike.cli.settings import commands_of
from lookalike.defaults import LEVELS
from lookalike.demo import shipped_photographs
from lookalike.descriptors import _BUILT_IN
from lookalike.render import FACES

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs/reference"
GENERATED = ("commands.md", "python.md", "descriptors.md", "errors.md")
PAGES = sorted([*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md")])
PROGRAM: Any = typer.main.get_command(app)
COMMANDS = commands_of(PROGRAM)
RUN = [path for path in PAGES if path.parent != REFERENCE]


def names(paths):
    return [path.relative_to(ROOT).as_posix() for path in paths]


def blocks(path: Path) -> Iterator[tuple[str, int, str]]:
    """Yield the language, the line number and the text of each fenced block of a page."""
    text = path.read_text(encoding="utf-8")
    for match in re.finditer(r"^```([\w-]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield match[1], text.count("\n", 0, match.start()) + 1, match[2]


@pytest.fixture(scope="module")
def make_docs():
    path = ROOT / "tools/make_docs.py"
    if not path.is_file():
        pytest.skip("the tools are not in a source distribution")
    spec = importlib.util.spec_from_file_location("make_docs", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_docs"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["make_docs"]


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    """Make photos/ with china.jpg, flower.jpg and the first at half its size, and go there."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for path in shipped_photographs():
        if path.name in ("china.jpg", "flower.jpg"):
            shutil.copyfile(path, folder / path.name)
    if len(list(folder.iterdir())) < 2:
        pytest.skip("scikit-learn, which brings the photographs, is not installed")
    with Image.open(folder / "china.jpg") as image:
        image.resize((image.width // 2, image.height // 2)).save(folder / "small.jpg", quality=90)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOOKALIKE_LIBRARY", str(tmp_path / "default.lookalike"))
    return folder


@pytest.mark.parametrize("name", GENERATED)
def test_generated_pages_are_up_to_date(make_docs, name):
    made = make_docs.PAGES[name]()
    assert (REFERENCE / name).read_text(encoding="utf-8") == made, "run `make docs`"


def test_a_stale_page_is_named_and_a_current_one_is_not(make_docs, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(make_docs, "FOLDER", tmp_path)
    monkeypatch.setattr(make_docs, "PAGES", {"a.md": lambda: "new\n", "b.md": lambda: "same\n"})
    monkeypatch.setattr(make_docs, "ROOT", tmp_path)
    (tmp_path / "a.md").write_text("old\n")
    (tmp_path / "b.md").write_text("same\n")
    assert make_docs.main(["--check"]) == 1
    said = capsys.readouterr().err
    assert "a.md" in said
    assert "b.md" not in said
    assert make_docs.main([]) == 0
    assert make_docs.main(["--check"]) == 0


def test_the_width_of_the_terminal_changes_no_page(make_docs, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    narrow = make_docs.commands_page()
    monkeypatch.setenv("COLUMNS", "200")
    assert make_docs.commands_page() == narrow


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_in_the_reference(name):
    text = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    section = text.partition(f"## lookalike {name}\n")[2].partition("\n## ")[0]
    assert section, f"{name} has no section"
    for parameter in COMMANDS[name].params:
        for option in [*parameter.opts, *parameter.secondary_opts] if parameter.param_type_name == "option" else []:
            assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", section), f"{name} {option}"


@pytest.mark.parametrize("name", _BUILT_IN)
def test_every_descriptor_is_explained(name):
    assert f"\n## {name}\n" in (REFERENCE / "descriptors.md").read_text(encoding="utf-8")
    assert f"\n## {name}: " in (ROOT / "docs/explanation/descriptors.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", lookalike.__all__)
def test_every_public_name_is_documented(name):
    section = (REFERENCE / "python.md").read_text(encoding="utf-8").partition(f"\n## lookalike.{name}\n")[2]
    body = section.partition("\n#")[0]
    assert len(re.sub(r"```.*?```", "", body, flags=re.DOTALL).split()) > 3, "no docstring"


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_is_in_the_reference_and_in_the_tree_of_its_module(name):
    assert f"| `{name}` |" in (REFERENCE / "errors.md").read_text(encoding="utf-8")
    assert name in (errors.__doc__ or "")


def test_the_page_on_failures_has_every_kind_of_image_error():
    page = (ROOT / "docs/how-to/when-a-picture-fails.md").read_text(encoding="utf-8")
    for name in errors.__all__:
        kind = getattr(errors, name)
        if issubclass(kind, errors.ImageError) and kind is not errors.ImageError:
            assert f"| `{kind.kind}` |" in page


def test_the_page_on_architecture_has_every_room():
    layers = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"][
        0
    ]
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8").partition("## Rooms")[2]
    drawn = page.partition("```text\n")[2].partition("```")[0].split("\n\n")
    told = [re.findall(r"^ (\w+)(?:/|\.py)", paragraph, re.MULTILINE) for paragraph in drawn]
    assert [sorted(rooms) for rooms in told] == [sorted(layer.split(" | ")) for layer in layers["layers"]]


def test_the_page_on_dependencies_has_every_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    page = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    extras = [line for group in project["project"]["optional-dependencies"].values() for line in group]
    groups = [line for group in project["dependency-groups"].values() for line in group]
    for line in [*project["project"]["dependencies"], *extras, *groups]:
        name = re.split(r"[<>=\[;]", line)[0]
        assert re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", page), name


def test_the_columns_that_scripts_rely_on_are_those_of_the_code():
    from lookalike.results import Comparison, DuplicateReport, IndexReport, PruneReport, SearchResult, Status

    page = (ROOT / "docs/how-to/scripts.md").read_text(encoding="utf-8")

    told = {
        match[1]: tuple(match[2].split(", "))
        for match in re.finditer(r"^\| `([\w ]+)` \| (.*) \|$", page, re.MULTILINE)
    }
    search = SearchResult((), np.empty((0, 1), np.int64), np.empty((0, 1), np.float32), (), "lite0")
    comparison = Comparison("", "", (), 0, 0, 0, 0, 0, 0, "", "", False, False, None, None)
    status = Status(0, 0, 0, 0, (), (), 0, 0, "", 0, 1, 0.5)
    assert told["index"] == IndexReport().rows().columns
    assert told["search"] == search.rows().columns
    assert told["compare"] == comparison.rows().columns
    assert told["duplicates"] == DuplicateReport((), "edited", 0, 0.0).rows().columns
    assert told["status"] == status.rows().columns
    assert told["prune"] == PruneReport((), (), removed=False).rows().columns


@pytest.mark.parametrize("page", RUN, ids=names(RUN))
def test_examples_in_pages_do_what_they_say(page, request):
    """Blocks marked python are run, page by page, if they have prompts; else they must at least be Python."""
    examples = [(line, text) for language, line, text in blocks(page) if language == "python"]
    session: list[str] = []
    for line, text in examples:
        if ">>> " in text:
            session.append("\n" * max(0, line - "".join(session).count("\n")) + text)
        else:
            compile(text, f"{page.name}:{line}", "exec")
    if not session:
        return
    request.getfixturevalue("photographs")
    test = doctest.DocTestParser().get_doctest("".join(session), {}, page.name, str(page), 0)
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append)
    assert not result.failed, "".join(said)


def command_lines(page: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and arguments of every call of lookalike in the blocks of a page, fenced or indented."""
    source = page.read_text(encoding="utf-8")
    indented = "\n".join(line if line.startswith("    ") else "" for line in source.splitlines())
    for language, start, text in [*blocks(page), ("", 0, indented)]:
        if language not in ("", "sh", "bash", "console", "shell", "text"):
            continue
        joined = text.replace("\\\n", "  ")
        for number, line in enumerate(joined.splitlines(), start + 1):
            for part in re.split(r"\s(?:\||&&|;)\s", line.strip().removeprefix("$ ")):
                if re.match(r"\s*lookalike(\s|$)", part):
                    words = shlex.split(re.split(r"\s[<>]", part)[0], comments=True)
                    yield number, words[1:]


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_command_lines_in_pages_parse(page):
    for number, words in command_lines(page):
        if not words or words[0] in ("--help", "--version") or "--help" in words:
            continue
        if "[OPTIONS]" in words or (page.parent == REFERENCE and words[0].isupper()):
            continue  # the usage line of a help page
        size = 2 if " ".join(words[:2]) in COMMANDS else 1
        name, arguments = " ".join(words[:size]), words[size:]
        assert name in COMMANDS, f"{page.name}:{number}: no command {name}"
        try:
            context = COMMANDS[name].make_context(name, arguments)
        except Exception as error:  # the class of a usage error depends on typer's version
            pytest.fail(f"{page.name}:{number}: lookalike {shlex.join(words)}: {error}")
        for name, choices in (("level", LEVELS), ("format_", FACES)):
            value = context.params.get(name)
            assert value is None or value in choices, f"{page.name}:{number}: {value}"


def test_command_lines_are_found_in_pages():
    found = [words for page in PAGES for _, words in command_lines(page) if words]
    assert len(found) > 40
    assert set(COMMANDS) <= {words[0] for words in found} | {" ".join(words[:2]) for words in found}


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_links_between_pages_resolve(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        to = (page.parent / path).resolve() if path else page
        assert to.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in anchors(to), f"{page.name} links to {target}"


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_can_be_reached_from_the_first():
    reached, waiting = set(), [ROOT / "docs/index.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for target in re.findall(r"\]\(([^)\s#]+\.md)", page.read_text(encoding="utf-8")):
            waiting += [] if re.match(r"[a-z]+:", target) else [(page.parent / target).resolve()]
    assert set(ROOT.glob("docs/**/*.md")) <= reached


def test_no_file_names_a_path_of_a_developers_machine():
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    ).stdout
    # Put together here, so that this file does not name them either.
    forbidden = re.compile(rb"(?<![\w.~-])/(?:" + rb"|".join([b"work" + b"/", b"tmp" + b"/w/", b"root" + b"/"]) + rb")")
    found = []
    for name in filter(None, listed.split(b"\0")):
        path = ROOT / os.fsdecode(name)
        if path.is_file() and forbidden.search(path.read_bytes()):
            found.append(os.fsdecode(name))
    assert found == []
