"""Where pictures come from: files, folders, lists and URLs.

read_list(stream) --+
paths, URLs --------+--> collect --> FileSource --> SourceItem, one for each thing found
                                         |
                                         +--> read(uri) --> bytes, by read_bytes or fetch
"""

from lookalike.sources.files import FileSource, read_bytes
from lookalike.sources.mixed import collect
from lookalike.sources.names import PathLike, is_url, normalise_uri, read_list, several, uris_of
from lookalike.sources.remote import FetchLimits, fetch
from lookalike.sources.walk import QUARANTINE_FOLDER

__all__ = [
    "QUARANTINE_FOLDER", "FetchLimits", "FileSource", "PathLike", "collect", "fetch", "is_url", "normalise_uri",
    "read_bytes", "read_list", "several", "uris_of",
]  # fmt: skip
