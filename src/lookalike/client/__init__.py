"""A server's calls from Python, on the standard library alone.

>>> from lookalike.client import Client
>>> client = Client("http://127.0.0.1:8000", token="...")  # doctest: +SKIP
>>> for hit in client.search("beach.jpg", k=3, verify=True).hits:  # doctest: +SKIP
...     print(hit["distance"], hit["verdict"], hit["uri"])
"""

from __future__ import annotations

from lookalike.client.acting import Acting
from lookalike.client.answers import Cluster, Clusters, Duplicates, Group, Planned, PointMap, SearchAnswer
from lookalike.client.asking import Asking
from lookalike.client.exploring import Exploring
from lookalike.client.wire import JobFailedError, JobStoppedError, PictureLike, ServerError

__all__ = [
    "Client",
    "Cluster",
    "Clusters",
    "Duplicates",
    "Group",
    "JobFailedError",
    "JobStoppedError",
    "PictureLike",
    "Planned",
    "PointMap",
    "SearchAnswer",
    "ServerError",
]


class Client(Asking, Acting, Exploring):
    """Asks a server that `lookalike serve` started. Safe for threads: each call has a connection of its own.

    Parameters
    ----------
    url
        Where it is, such as "http://127.0.0.1:8000", with the path under which it is mounted, if it is.
    token
        What changing calls bring, and with a private server all calls; it is printed when the server starts.
    seconds
        How long to wait for an answer.

    Raises
    ------
    UsageError
        If the URL is none.

    Notes
    -----
    Errors of the server are raised as the same classes as without one: see `lookalike.errors`.
    """
