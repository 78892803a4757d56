"""What a server allows."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from lookalike.defaults import MAX_PIXELS, MAX_THUMBNAILS, MAX_UPLOAD

__all__ = ["LOOPBACK", "Settings"]

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Names under which a server is asked on its own machine."""


@dataclass(frozen=True)
class Settings:
    """What a server allows, and whom.

    Attributes
    ----------
    token
        Calls that change anything must bring it, as ``Authorization: Bearer TOKEN``. A random one unless told.
    private
        Every call must bring it, reading ones, too; a browser gets it as a cookie from ``/?token=TOKEN``.
    hosts
        Names that a request may be addressed to, without ports: others could be another site's name that was pointed
        at this machine. ("*",) for any, where something in front of this server checks them.
    max_upload
        Largest body of a request, in bytes.
    body_seconds
        Longest that a request's body may take to come.
    max_pixels
        Largest picture that is decoded.
    max_thumbnails
        Most bytes that the thumbnails may take that are kept; those that nobody looked at for longest go first. 0 keeps
        none.
    seconds
        Longest that decoding one picture may take.
    memory
        Most bytes that decoding one picture may take.
    allow_private_urls
        Let URLs to search for lead to addresses that are not public.
    isolated
        Decode in processes of their own, which can be ended. For the whole of this process.
    """

    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    private: bool = False
    hosts: tuple[str, ...] = LOOPBACK
    max_upload: int = MAX_UPLOAD
    body_seconds: float = 60.0
    max_pixels: int = MAX_PIXELS
    max_thumbnails: int = MAX_THUMBNAILS
    seconds: float = 10.0
    memory: int = 1 << 30
    allow_private_urls: bool = False
    isolated: bool = True
