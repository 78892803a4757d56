"""What a user may write for a picture: a path, an http(s) URL, a file URL, a list of these."""

# ruff: noqa: PTH100
# Paths are strings here: a URI keeps every byte of the name as it was given, and a walk makes millions of them.

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO, TypeAlias
from urllib.parse import unquote_to_bytes

from lookalike.errors import UsageError
from lookalike.types import Uri

__all__ = ["PathLike", "is_url", "normalise_uri", "read_list", "several", "uris_of"]

PathLike: TypeAlias = str | os.PathLike[str]
"""What a user names a file, a folder or a URL by."""

# Two characters at least: "C://pictures" is a path.
_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]+)://")

_CHUNK = 1 << 16
_LONGEST_ENTRY = 1 << 20


def is_url(text: str) -> bool:
    """Return whether the text begins with http:// or https://, in any case."""
    found = _SCHEME.match(text)
    return found is not None and found[1].lower() in ("http", "https")


def normalise_uri(text: str) -> Uri:
    """Return the URI of what a user wrote: a URL as given, a path made absolute, a file:// URL as its path.

    Links in a path are kept. A path that begins like a URL can be written with ./ before it.

    Raises
    ------
    UsageError
        If the text is empty, has another scheme, or is a file:// URL of another machine.
    """
    if not text:
        raise UsageError("an empty name was given: name a path or a URL")
    scheme = _SCHEME.match(text)
    if scheme is None:
        return os.path.abspath(text)
    if is_url(text):
        return text.strip()
    if scheme[1].lower() == "file":
        return _path_of_file_url(text.strip())
    raise UsageError(f"{scheme[1]}:// is not read: give a path, or an http or https URL")


def several(paths: PathLike | Iterable[PathLike]) -> list[PathLike]:
    """Return paths as a list, where one alone may have been given as it is."""
    return [paths] if isinstance(paths, str | os.PathLike) else list(paths)


def uris_of(paths: PathLike | Iterable[PathLike]) -> list[Uri]:
    """Return the URIs of one or several paths, in order; what is named twice comes twice. Raises as `normalise_uri`."""
    return [normalise_uri(os.fspath(path)) for path in several(paths)]


def _path_of_file_url(url: str) -> str:
    host, slash, rest = url[len("file://") :].partition("/")
    path = os.fsdecode(unquote_to_bytes(os.fsencode(slash + rest)))
    if os.name == "nt":
        if host.lower() not in ("", "localhost"):
            return os.path.abspath(f"//{host}{path}")  # a shared folder
        path = re.sub(r"^/(?=[A-Za-z]:)", "", path)  # file:///C:/pictures
    elif host.lower() not in ("", "localhost"):
        raise UsageError(f"a file on another machine ({host}) is not read: a file URL begins with file:///")
    if not path:
        raise UsageError("a file URL needs a path after file://")
    return os.path.abspath(path)


def read_list(stream_or_path: BinaryIO | str | os.PathLike[str], *, null: bool = False) -> Iterator[str]:
    """Yield the paths and URLs of a list, as they are written there.

    Parameters
    ----------
    stream_or_path
        A binary stream, left open, or a path. Read piece by piece: a list may be longer than memory.
    null
        Entries end with a NUL byte, as ``find -print0`` writes them, so that a name may hold a newline. Otherwise
        they end with a line feed, or with carriage return and line feed.

    Raises
    ------
    UsageError
        If the file cannot be read or is no such list.

    Notes
    -----
    Bytes become text as Python decodes file names, so names that are not UTF-8 survive. Empty entries are left out.
    """
    if isinstance(stream_or_path, str | os.PathLike):
        try:
            with open(stream_or_path, "rb") as stream:
                yield from read_list(stream, null=null)
        except OSError as error:
            raise UsageError(f"the list {stream_or_path} cannot be read: {error.strerror}") from error
        return
    for number, entry in enumerate(_split(stream_or_path, b"\0" if null else b"\n")):
        if not null:
            if number == 0:
                entry = _without_mark(entry)
            entry = entry.removesuffix(b"\r")
        if entry:
            yield os.fsdecode(entry)


def _split(stream: BinaryIO, separator: bytes) -> Iterator[bytes]:
    rest = b""
    while chunk := stream.read(_CHUNK):
        *whole, rest = (rest + chunk).split(separator)
        yield from whole
        if len(rest) > _LONGEST_ENTRY:  # a picture given as a list, most likely
            raise UsageError("the list has an entry of more than a million bytes: give a list of paths and URLs")
    yield rest


def _without_mark(line: bytes) -> bytes:
    """Return a list's first line without the mark that some Windows editors put before it."""
    if line.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError("the list is UTF-16 text: save it as UTF-8")
    return line.removeprefix(b"\xef\xbb\xbf")
