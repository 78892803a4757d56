"""Which URLs and which addresses may be fetched from: pure decisions, no network."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import quote, urlsplit

from lookalike.errors import FetchError

__all__ = ["Target", "is_public", "not_public", "parse_target"]

_PORTS = {"http": 80, "https": 443}
_PUBLIC_PORTS = frozenset({80, 443, 8080, 8443})
_LONGEST_URL = 8192

# One label of a plain name. Underscores are no part of a host's name by the rules, but are used.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
# A host whose last label is a number is an address to everyone who resolves it, in whatever spelling.
_ENDS_IN_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")

# IANA's special-purpose registries (https://www.iana.org/assignments/iana-ipv4-special-registry), and what is public
# on paper but reaches into the machine's surroundings. Python's `is_global` passes several of these.
_CLOSED_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers; clouds put their metadata here too
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # the host of every Azure machine
        "169.254.0.0/16",  # link-local; cloud metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)

# IPv6 the other way round: global unicast is open and all else closed, so loopback, mapped and compatible IPv4,
# discard, local, link-local, site-local, multicast and all that is not assigned yet need no line.
_OPEN_V6 = IPv6Network("2000::/3")
_CLOSED_V6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments: Teredo (which holds an IPv4 address), ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which holds an IPv4 address
        "3fff::/20",  # documentation
    )
)
# Networks without IPv4 reach it through these addresses, whose last 32 bits are the IPv4 address.
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True)
class Target:
    """A URL taken apart once, so that no second parser can read it differently.

    Attributes
    ----------
    host
        A plain name in lower case, or an IP address without brackets.
    path
        Path and query in ASCII, as sent.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def is_address(self) -> bool:
        """Whether the host is an IP address, so that there is nothing to resolve."""
        return ":" in self.host or self.host.rpartition(".")[2].isdigit()


def is_public(address: str) -> bool:
    """Return whether an IP address is one that anyone on the internet can reach and nobody closer can."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        if parsed.scope_id is not None:
            return False
        if parsed in _NAT64:
            parsed = IPv4Address(int(parsed) & 0xFFFFFFFF)
        else:
            return parsed in _OPEN_V6 and not any(parsed in block for block in _CLOSED_V6)
    return not any(parsed in block for block in _CLOSED_V4)


def parse_target(url: str, *, allow_private: bool = False) -> Target:
    """Return the parts of a URL that may be asked for.

    Parameters
    ----------
    url
        http or https. A host is a plain ASCII name or an address in its one usual spelling.
    allow_private
        Any port and any address.

    Raises
    ------
    FetchError
        If it is refused. Nothing was resolved or sent.
    """
    url = url.strip(" ")
    if len(url) > _LONGEST_URL:
        raise FetchError(f"the URL is longer than {_LONGEST_URL} characters")
    # Before it is taken apart: Python's parser removes some of these silently.
    if re.search(r"[\x00-\x1f\x7f\\]", url):
        raise FetchError("the URL has a control character or a backslash in it")
    try:
        parts = urlsplit(url)
        port = parts.port
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~", errors="surrogateescape")
        query = quote(parts.query, safe="/%:@!$&'()*+,;=~?[]|", errors="surrogateescape")
    except ValueError as error:  # a port that is no number, a bracket without its other, half a character
        raise FetchError("the URL is not well formed") from error
    if parts.scheme not in _PORTS:
        raise FetchError("only http and https URLs are fetched")
    if "@" in parts.netloc:
        raise FetchError("a URL with a user name or a password in it is not fetched")
    if port is None:
        port = _PORTS[parts.scheme]
    if port == 0 or not (allow_private or port in _PUBLIC_PORTS):
        raise FetchError(f"port {port} is not fetched from, only {', '.join(map(str, sorted(_PUBLIC_PORTS)))}")
    host = _host(parts.netloc)
    target = Target(parts.scheme, host, port, f"{path}?{query}" if query else path)
    if target.is_address and not (allow_private or is_public(host)):
        raise FetchError(not_public(target))
    return target


def not_public(target: Target) -> str:
    """Return the message for a refused address. It never tells to which address a name led."""
    return f"{target.host} is not on the public internet; allow private URLs if it should be fetched all the same"


def _host(netloc: str) -> str:
    bracketed = re.fullmatch(r"\[([0-9a-fA-F:.]+)\](?::[0-9]*)?", netloc)
    try:
        if bracketed:
            return str(IPv6Address(bracketed[1]))
        host = netloc.partition(":")[0].lower()
        if _ENDS_IN_NUMBER.fullmatch(host):
            return str(IPv4Address(host))  # accepts four decimal numbers without leading zeros only
    except ValueError as error:
        raise FetchError("the URL's address is not written in the usual way") from error
    if not host.isascii():
        raise FetchError("the URL's host has letters beyond ASCII: write it in its xn-- form")
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise FetchError("the URL's host is not a plain name")
    return host
