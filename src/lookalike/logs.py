"""What this program writes down of its work: to standard error with --verbose, to a file with --log.

Counts, names of files, durations and errors are logged; never the content of a picture, and no secret: what looks like
a token, a password or a key is replaced before it is written, whoever logs it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from pathlib import Path

from lookalike.errors import UsageError

__all__ = ["HIDDEN", "hide", "log_to", "without_secrets"]

HIDDEN = "***"
LONGEST = 20_000  # characters of a line: a traceback has its place, a picture in base64 has not

_secrets: set[str] = set()
_PATTERNS = (
    re.compile(r"(?i)(\b(?:proxy-)?authorization['\"]?\s*[:=]\s*['\"]?(?:[a-z]+\s+)?)[^\s'\",]+"),
    re.compile(r"(?i)(\bbearer\s+)[^\s'\",]+"),
    re.compile(r"(?i)((?:token|password|passwd|secret|api[_-]?key|signature|cookie)['\"]?\s*[=:]\s*['\"]?)[^\s&'\"]+"),
    re.compile(r"(?i)(--(?:token|password)['\"]?[ ,]+['\"]?)[^\s'\"]+"),
    re.compile(r"(?i)(\b[a-z][a-z0-9+.-]*://)[^/\s@]+(?=@)"),  # user:password@
)
_LONG = re.compile(r"[A-Za-z0-9+/_=-]{400,}|(?:\\x[0-9a-f]{2}){32,}")


def hide(secret: str | None) -> None:
    """Have a secret replaced wherever it would be written from now on."""
    if secret:
        _secrets.add(secret)


def without_secrets(text: str) -> str:
    """Return a text in which what is secret, and what may be the content of a file, is replaced."""
    for secret in _secrets:
        text = text.replace(secret, HIDDEN)
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\g<1>{HIDDEN}", text)
    text = _LONG.sub(HIDDEN, text)
    return text if len(text) <= LONGEST else text[:LONGEST] + " ..."


class _Lines(logging.Formatter):
    """One line for an event, and those of its traceback; control characters of names are escaped."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(process)d %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """See `logging.Formatter`."""
        record.message = "".join(
            sign if sign.isprintable() or "\udc80" <= sign <= "\udcff" else ascii(sign)[1:-1] for sign in record.message
        )
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        return without_secrets(super().format(record))


def log_to(verbose: bool = False, file: Path | None = None, secrets: Iterable[str] = ()) -> None:
    """Write what happens to standard error, to the end of a file, or to neither; takes the place of an earlier call.

    Parameters
    ----------
    verbose
        Write to standard error.
    file
        Made if it is not there, readable by its owner alone.
    secrets
        See `hide`.

    Raises
    ------
    UsageError
        If the file cannot be written.
    """
    for secret in secrets:
        hide(secret)
    ours = logging.getLogger("lookalike")
    for handler in [one for one in ours.handlers if isinstance(one.formatter, _Lines)]:
        ours.removeHandler(handler)
        handler.close()
    made: list[logging.Handler] = [logging.StreamHandler()] if verbose else []
    if file is not None:
        try:
            file.touch(mode=0o600)
            made.append(logging.FileHandler(file, encoding="utf-8", errors="surrogateescape"))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(f"the log {file} cannot be written: {reason}; name another --log") from error
    for handler in made:
        handler.setFormatter(_Lines())
        ours.addHandler(handler)
    if made:
        ours.setLevel(logging.DEBUG)
        logging.raiseExceptions = False  # a log on a full disk stops nothing
