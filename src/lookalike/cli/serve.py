"""`lookalike serve`: the HTTP API and the pages."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from lookalike import defaults
from lookalike.cli import options
from lookalike.cli.common import open_library
from lookalike.cli.emit import say

__all__ = ["serve"]


def serve(
    library: options.Library = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen. Any but this machine's own needs --token.")
    ] = defaults.HOST,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=0, max=65535, help=f"[default: {defaults.PORT}, or the next free one]", show_default=False
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TOKEN",
            help="What every call must bring. [default: a new one, for changes alone]",
            show_default=False,
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host", metavar="NAME", help="Another name of this server. Repeatable.", show_default=False
        ),
    ] = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open the browser.")] = False,
    max_upload: Annotated[
        int, typer.Option("--max-upload", metavar="BYTES", min=1, help="Largest request.")
    ] = defaults.MAX_UPLOAD,
    max_pixels: options.MaxPixels = defaults.MAX_PIXELS,
    max_thumbnails: Annotated[
        int, typer.Option("--max-thumbnails", metavar="BYTES", min=0, help="Most that kept thumbnails take.")
    ] = defaults.MAX_THUMBNAILS,
    allow_private_urls: options.AllowPrivate = False,
    quiet: options.Quiet = False,
) -> None:
    """Serve the library to a browser and to programs, on this machine, until Ctrl-C.

    \b
    Examples:
      lookalike serve
      lookalike serve --library holiday.lookalike --port 8080 --no-open
      lookalike serve --host 0.0.0.0 --token "$(openssl rand -hex 16)" --allow-host pictures.example.org
    """
    from lookalike.logs import hide
    from lookalike.server.run import address_of, listen, run, settings_for

    settings = settings_for(
        host, token, tuple(allow_host or ()), max_upload=max_upload, max_pixels=max_pixels,
        max_thumbnails=max_thumbnails, allow_private_urls=allow_private_urls,
    )  # fmt: skip
    hide(settings.token)
    with open_library(library) as opened, listen(host, port) as socket:
        address = address_of(socket, host)
        url = f"{address}/?token={settings.token}"
        say(f"Lookalike serves {opened.path} at {address}/ - Ctrl-C ends it.", quiet=quiet)
        say(f"Open {url} in a browser.", quiet=quiet)
        if not no_open and _has_display():
            import webbrowser

            webbrowser.open(url)
        run(opened, settings, socket)


def _has_display() -> bool:
    """Say whether a browser that is opened here would be seen."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")) and not Path("/.dockerenv").exists()
