"""What the catalogue says of a name, of a content, and of what is to be written."""

from __future__ import annotations

from dataclasses import dataclass, field

from lookalike.types import SourceItem, Uri, Vectors

__all__ = ["Content", "Image", "Known", "Record", "signed"]


@dataclass(frozen=True)
class Known:
    """What the library knows of a URI."""

    id: int
    content_id: int | None
    state: str
    kind: str | None
    size: int
    mtime_ns: int
    device: int
    inode: int

    def is_unchanged(self, item: SourceItem) -> bool:
        """Say whether a file is still what it was, by size, time and inode.

        The inode counts only on the same device: a disk that is plugged in again may get another number.
        """
        if (self.size, self.mtime_ns) != (item.size, signed(item.mtime_ns)):
            return False
        return self.device != signed(item.device) or self.inode == signed(item.inode)


@dataclass(frozen=True)
class Content:
    """What is known of some bytes, whatever they are called. `kind` and `reason` are None unless they failed."""

    id: int
    hash: bytes
    size: int
    kind: str | None = None
    reason: str | None = None
    format: str | None = None
    width: int = 0
    height: int = 0
    frames: int = 1
    pixel_hash: bytes | None = None
    quality: int | None = None


@dataclass(frozen=True)
class Image:
    """One indexed picture: a name and its content."""

    id: int
    uri: Uri
    content_id: int
    size: int
    mtime_ns: int
    device: int
    inode: int


@dataclass(frozen=True)
class Record:
    """The outcome for one source item, to be written.

    `content` is None when the bytes could not be read or were not looked at, or when they are known already:
    `hash` then tells which.
    """

    item: SourceItem
    state: str
    hash: bytes | None = None
    kind: str | None = None
    reason: str | None = None
    content: Content | None = None
    vectors: dict[str, Vectors] = field(default_factory=dict)


def signed(number: int) -> int:
    """Return an inode, a device number or a time beyond the year 2262 as SQLite's signed 64 bits."""
    return (number & (1 << 64) - 1) - (1 << 64 if number & 1 << 63 else 0)
