"""The exception tree. Every message is one sentence that says what to do.

LookalikeError
+-- UsageError                  wrong use: an option, a value, a name (also a ValueError)
|   +-- UnknownDescriptorError
+-- ImageError                  one picture; never stops a batch
|   +-- UnreadableError         the file or URL cannot be read
|   |   +-- FetchError          ... because a URL was refused or failed
|   +-- NotAnImageError         its bytes are no picture
|   +-- UnsupportedError        a picture in a format or form that is not decoded
|   +-- TruncatedError          the file ends too early
|   +-- CorruptError            its bytes break the format's rules
|   +-- TooLargeError           more pixels or bytes than the limit
+-- LibraryError                the library as a whole
|   +-- LibraryNotFoundError
|   +-- LibraryLockedError      another process writes to it
|   +-- LibraryFormatError      not a library, or made by a newer version
|   +-- FingerprintError        vectors made by another descriptor than the query's
+-- MissingDependencyError      an optional package is needed
"""

from __future__ import annotations

__all__ = [
    "CorruptError",
    "FetchError",
    "FingerprintError",
    "ImageError",
    "LibraryError",
    "LibraryFormatError",
    "LibraryLockedError",
    "LibraryNotFoundError",
    "LookalikeError",
    "MissingDependencyError",
    "NotAnImageError",
    "TooLargeError",
    "TruncatedError",
    "UnknownDescriptorError",
    "UnreadableError",
    "UnsupportedError",
    "UsageError",
]


class LookalikeError(Exception):
    """Base of all errors raised on purpose.

    Attributes
    ----------
    status
        HTTP status that a server answers with.
    exit_code
        Of the command line: 2 wrong use, 3 nothing could be done.
    kind
        A short stable name, stored with failed pictures and printed in JSON.
    """

    status = 500
    exit_code = 3
    kind = "error"


class UsageError(LookalikeError, ValueError):
    """Wrong use: a value out of range, an unknown name, options that exclude each other."""

    status = 400
    exit_code = 2
    kind = "usage"


class UnknownDescriptorError(UsageError):
    """No descriptor of that name."""

    kind = "unknown descriptor"


class ImageError(LookalikeError):
    """One picture cannot be used. In a batch it becomes a row with `kind` and its message as the reason."""

    status = 422
    kind = "image"


class UnreadableError(ImageError):
    """The file cannot be read: gone, forbidden, or the disk fails."""

    kind = "unreadable"


class FetchError(UnreadableError):
    """A URL was refused or did not deliver."""

    kind = "unreadable"


class NotAnImageError(ImageError):
    """The bytes are no picture of any known format."""

    status = 415
    kind = "not an image"


class UnsupportedError(ImageError):
    """A picture, but in a format or a form that is not decoded."""

    status = 415
    kind = "unsupported"


class TruncatedError(ImageError):
    """The file ends before the picture does."""

    kind = "truncated"


class CorruptError(ImageError):
    """The bytes break the rules of their format."""

    kind = "corrupt"


class TooLargeError(ImageError):
    """More pixels or bytes than the limit."""

    status = 413
    kind = "too large"


class LibraryError(LookalikeError):
    """The library as a whole cannot be used so."""

    kind = "library"


class LibraryNotFoundError(LibraryError):
    """There is no library at that place."""

    status = 404
    kind = "no library"


class LibraryLockedError(LibraryError):
    """Another process writes to the library.

    Attributes
    ----------
    pid
        Of that process, or None if it left no note.
    """

    status = 409
    kind = "locked"

    def __init__(self, message: str, pid: int | None = None) -> None:
        super().__init__(message)
        self.pid = pid


class LibraryFormatError(LibraryError):
    """The file is no library, is damaged, or was made by a newer version."""

    kind = "library format"


class FingerprintError(LibraryError):
    """The library's vectors were made by another descriptor, model or preprocessing than the query's."""

    status = 409
    kind = "fingerprint"


class MissingDependencyError(LookalikeError):
    """An optional package is needed for this."""

    status = 501
    kind = "missing dependency"
