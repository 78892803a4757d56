from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import FetchError
from lookalike.sources.addresses import is_public, parse_target

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "168.63.129.17",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "192.167.255.255",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2606:4700::1111",
    "2a00:1450:4001:800::200e",
    "64:ff9b::101:101",  # 1.1.1.1 as a network without IPv4 reaches it
]

NOT_PUBLIC = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.9",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:10::1",
    "2001:20::1",
    "2001:2::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1111%1",
    "fec0::1",
    "ff02::1",
    "",
    "localhost",
    "1.1.1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_public_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_leads_elsewhere_is_not_public(address: str) -> None:
    assert not is_public(address)


@settings(deadline=None)
@given(st.one_of(st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 2**128 - 1).map(IPv6Address)))
def test_nothing_is_public_that_python_holds_for_private(address: IPv4Address | IPv6Address) -> None:
    assert not is_public(str(address)) or (address.is_global and not address.is_multicast)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_an_address_behind_nat64_is_judged_as_the_ipv4_address_it_leads_to(address: IPv4Address) -> None:
    behind = IPv6Address(int(IPv6Address("64:ff9b::")) + int(address))
    assert is_public(str(behind)) == is_public(str(address))


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_as_a_host_is_refused_or_becomes_a_plain_host(text: str) -> None:
    try:
        target = parse_target(f"http://{text}/x.jpg", allow_private=True)
    except FetchError:
        return
    assert target.host.isascii()
    assert target.path.isascii()
    if target.is_address:
        assert str(ip_address(target.host)) == target.host


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("http://a.example", "a.example", 80, "/", "a.example"),
        ("HTTPS://A.Example/Cat.JPG", "a.example", 443, "/Cat.JPG", "a.example"),
        ("https://a.example:8443/x?y=1&z=%20#top", "a.example", 8443, "/x?y=1&z=%20", "a.example:8443"),
        (" https://a.example/a b/ü.jpg?q=ü ", "a.example", 443, "/a%20b/%C3%BC.jpg?q=%C3%BC", "a.example"),
        ("https://a.example/\udcfc.jpg", "a.example", 443, "/%FC.jpg", "a.example"),
        ("http://xn--bcher-kva.example/", "xn--bcher-kva.example", 80, "/", "xn--bcher-kva.example"),
        ("http://my_bucket.s3.example/", "my_bucket.s3.example", 80, "/", "my_bucket.s3.example"),
        ("http://1.1.1.1:8080/", "1.1.1.1", 8080, "/", "1.1.1.1:8080"),
        ("http://[2606:4700:0::1111]/", "2606:4700::1111", 80, "/", "[2606:4700::1111]"),
        ("http://[2606:4700::1111]:8080/", "2606:4700::1111", 8080, "/", "[2606:4700::1111]:8080"),
    ],
)
def test_a_url_is_taken_apart_as_it_is_sent(url: str, host: str, port: int, path: str, authority: str) -> None:
    target = parse_target(url)
    assert (target.host, target.port, target.path, target.authority) == (host, port, path, authority)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/x.jpg",
        "file:///etc/passwd",
        "gopher://a.example/",
        "javascript:alert(1)",
        "//a.example/x.jpg",
        "a.example/x.jpg",
        "http:/a.example/",
        "http:///x.jpg",
        "http://",
        "http://user@a.example/",
        "http://user:word@a.example/",
        "http://@a.example/",
        "http://a.example@1.1.1.1/",
        "http://a.example:0/",
        "http://a.example:22/",
        "http://a.example:6379/",
        "http://a.example:65536/",
        "http://a.example:8o/",
        "http://a.example:80:80/",
        "http://a.example:８０/",
        "http://a.example\\@1.1.1.1/",
        "http://a.example\n/",
        "http://a.\texample/",
        "http://a.example/\r\nHost: b.example",
        "http://a.example/\x00",
        "http://a b.example/",
        "http://a..example/",
        "http://.a.example/",
        "http://a.example./",
        "http://-a.example/",
        "http://a%2eexample/",
        "http://a.example%00.b.example/",
        "http://bücher.example/",
        "http://a。example/",
        "http://a\u00adb.example/",
        "http://[1.1.1.1]/",
        "http://[v1.a]/",
        "http://[2606:4700::1111/",
        "http://[2606:4700::1111%251]/",
        "http://2606:4700::1111/",
        f"http://{'a' * 64}.example/",
        f"http://{'a.' * 127}example/",
        "http://a.example/" + "x" * 9000,
        "http://a.example/\ud800",
    ],
)
def test_a_url_that_is_not_plain_is_refused(url: str) -> None:
    with pytest.raises(FetchError):
        parse_target(url)


def test_other_ports_are_taken_only_where_private_addresses_are() -> None:
    assert parse_target("http://127.0.0.1:5000/", allow_private=True).port == 5000
    with pytest.raises(FetchError, match="port 5000"):
        parse_target("http://1.1.1.1:5000/")


def test_a_refusal_repeats_no_password() -> None:
    with pytest.raises(FetchError) as refusal:
        parse_target("http://someone:secret@a.example/")
    assert "secret" not in str(refusal.value)
