"""The main job on real photographs that ship inside installed packages, and on edited copies of them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from lookalike.errors import LookalikeError, UsageError
from lookalike.library import Library, open_library
from lookalike.render import duplicates_page, groups_sheet, search_sheet, write_file
from lookalike.results import DuplicateReport, IndexReport, SearchResult

__all__ = ["run_demo"]

_SHIPPED = {  # package: its folder of photographs, and which files in it are photographs
    "skimage": (
        "data",
        ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "hubble_deep_field.jpg", "retina.jpg", "ihc.png",
         "motorcycle_left.png", "motorcycle_right.png", "camera.png", "coins.png", "moon.png", "brick.png", "grass.png",
         "gravel.png", "page.png", "text.png"),
    ),
    "sklearn": ("datasets/images", ("china.jpg", "flower.jpg")),
    "matplotlib": ("mpl-data/sample_data", ("grace_hopper.jpg", "Minduka_Present_Blue_Pack.png")),
}  # fmt: skip
_QUERIES = ("astronaut.png", "motorcycle_left.png", "china.jpg")
_MARK = ".lookalike-demo"


def shipped_photographs() -> list[Path]:
    """Return the photographs that installed packages bring along, without importing these packages."""
    found = []
    for package, (folder, names) in _SHIPPED.items():
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            found += [path for name in names if (path := Path(place) / folder / name).is_file()]
    return found


def run_demo(folder: Path, *, progress: Callable[[IndexReport], None] | None = None) -> list[str]:
    """Copy photographs into `folder`, make edited copies, index, search, find duplicates; return what to tell.

    Parameters
    ----------
    folder
        Made if it is not there; one of an earlier demo is made anew.
    progress
        See `Library.add`.

    Raises
    ------
    UsageError
        If `folder` holds anything else.
    LookalikeError
        If no installed package brings photographs.
    """
    photographs = shipped_photographs()
    if not photographs:
        raise LookalikeError("no installed package brings photographs: pip install 'lookalike[demo]'")
    if folder.exists():
        if not (folder / _MARK).is_file():
            raise UsageError(f"{folder} holds something else: choose another folder with --output")
        shutil.rmtree(folder)
    pictures = folder / "photos"
    pictures.mkdir(parents=True)
    (folder / _MARK).write_text("made by `lookalike demo`, which may remove this folder\n")
    for path in photographs:
        shutil.copyfile(path, pictures / path.name)
    _make_copies(pictures, folder / "copies")
    queries = [path for name in _QUERIES if (path := pictures / name).is_file()] or [
        next(iter(sorted(pictures.iterdir())))
    ]
    with open_library(folder / "demo.lookalike") as library:
        report = library.add([pictures, folder / "copies"], progress=progress)
        search = library.search(queries, k=4)
        duplicates = library.duplicates(level="edited")
        _write(library, folder, search, duplicates)
    return _tell(folder, report, search, duplicates)


def _make_copies(pictures: Path, copies: Path) -> None:
    """Write edited copies of some photographs."""
    from PIL import Image, ImageEnhance, ImageOps

    copies.mkdir()
    by_name = {path.stem: path for path in pictures.iterdir()}

    def copy(stem: str, name: str, edit: Callable[[Image.Image], Image.Image], quality: int = 90) -> None:
        if stem in by_name:
            with Image.open(by_name[stem]) as image:
                edit(image.convert("RGB")).save(copies / name, quality=quality)

    def scaled(factor: float) -> Callable[[Image.Image], Image.Image]:
        return lambda image: image.resize((round(image.width * factor), round(image.height * factor)))

    def cropped(image: Image.Image) -> Image.Image:
        w, h = image.size
        return image.crop((round(0.08 * w), round(0.08 * h), round(0.95 * w), round(0.95 * h)))

    copy("china", "china small.jpg", scaled(0.5))
    copy("flower", "flower sent by phone.jpg", lambda image: image, quality=25)
    copy("chelsea", "chelsea mirrored.jpg", ImageOps.mirror)
    copy("astronaut", "astronaut cropped.jpg", cropped)
    copy("coffee", "coffee brighter.jpg", lambda image: ImageEnhance.Brightness(image).enhance(1.25))
    copy("rocket", "rocket turned.jpg", lambda image: image.transpose(Image.Transpose.ROTATE_90))
    copy("grace_hopper", "grace_hopper.webp", scaled(0.8))
    if "camera" in by_name:
        shutil.copyfile(by_name["camera"], copies / "camera again.png")
    if "coins" in by_name:
        with Image.open(by_name["coins"]) as image:
            image.save(copies / "coins.tiff")


def _write(library: Library, folder: Path, search: SearchResult, duplicates: DuplicateReport) -> None:
    write_file(folder / "search.png", lambda stream: search_sheet(search, library.load).save(stream, "PNG"))
    write_file(folder / "duplicates.png", lambda stream: groups_sheet(duplicates, library.load).save(stream, "PNG"))
    page = duplicates_page(duplicates, library.load, title="Duplicates among the demo's photographs")

    def write_page(stream: BinaryIO) -> None:
        stream.write(page.encode())

    write_file(folder / "duplicates.html", write_page)


def _tell(folder: Path, report: IndexReport, search: SearchResult, duplicates: DuplicateReport) -> list[str]:
    lines = [f"Indexed {report.added} pictures in {report.seconds:.1f} s, by lite0 and pdq.", ""]
    for query, uris, distances in zip(search.queries, search.uris, search.distances, strict=True):
        lines.append(f"Most similar to {Path(query).name}:")
        for uri, distance in zip(uris, distances, strict=True):
            if uri is not None:
                lines.append(f"  {distance:.3f}  {Path(uri).parent.name}/{Path(uri).name}")
    lines += ["", f"{len(duplicates.groups)} groups of duplicates:"]
    for group in duplicates.groups:
        lines.append(f"  {Path(group.keeper.uri).name}  (keep: {group.keeper.reason})")
        lines += [f"    {m.verdict:<12}  {Path(m.uri).name}  ({m.reason})" for m in group.members[1:]]
    shown = folder.resolve()
    lines += [
        "",
        f"Look at {shown / 'search.png'}",
        f"        {shown / 'duplicates.html'}",
        "",
        "Now your own pictures:",
        f"  {(command := _command())} index PATH",
        f"  {command} search PICTURE --output sheet.png",
        f"  {command} duplicates --level edited --output report.html",
    ]
    return lines


def _command() -> str:
    """Return what to type for this very installation, which need not be on the PATH."""
    if shutil.which("lookalike"):
        return "lookalike"
    beside = Path(sys.executable).parent / "lookalike"
    return os.path.relpath(beside) if beside.is_file() else f"{sys.executable} -m lookalike"
