"""Which hosts an app answers under, and which origins may talk to it."""

from __future__ import annotations

import pytest
from starlette.requests import HTTPConnection

from sapwood import AppError
from sapwood.origin import (
    LOOPBACK,
    checked_host,
    checked_origin,
    is_allowed_host,
    is_allowed_origin,
    is_from_own_page,
)

FRIENDS = frozenset(
    map(checked_origin, ["https://friend.example:8443", "https://xn--bcher-kva.example"])
)


# --- Origins -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "host", "scheme"),
    [
        ("https://example.org", "example.org", "https"),
        ("https://example.org", "example.org", "wss"),
        ("http://example.org", "example.org", "ws"),
        ("HTTPS://Example.ORG", "example.org", "https"),
        ("https://example.org", "EXAMPLE.org", "https"),
        # Some proxies write the default port out, where browsers leave it out.
        ("https://example.org", "example.org:443", "https"),
        ("http://example.org", "example.org:80", "http"),
        ("http://example.org:8000", "example.org:8000", "http"),
        ("http://example.org:443", "example.org:443", "http"),
        ("http://[::1]:8000", "[::1]:8000", "http"),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", "http"),
        ("https://xn--bcher-kva.example", "example.org", "https"),
        ("https://friend.example:8443", "example.org", "https"),
        ("HTTPS://FRIEND.example:8443", "example.org", "http"),
    ],
)
def test_this_origin_is_our_own_or_a_friend(origin: str, host: str, scheme: str) -> None:
    assert is_allowed_origin(origin, host, scheme, FRIENDS)


REFUSED = {
    "absent": None,
    "empty": "",
    "of a sandboxed frame": "null",
    "a wildcard": "*",
    "a host alone": "example.org",
    "another host": "https://evil.example",
    "ours as a prefix": "https://example.org.evil.example",
    "ours as a prefix without a dot": "https://example.orgevil",
    "ours as a suffix": "https://evilexample.org",
    "below ours": "https://evil.example.org",
    "above ours": "https://org",
    "another port": "https://example.org:444",
    "the default port written out": "https://example.org:443",
    "the other scheme's default port": "https://example.org:80",
    "an empty port": "https://example.org:",
    "a port with a zero before it": "https://example.org:0443",
    "the other scheme": "http://example.org",
    "a socket's scheme": "wss://example.org",
    "a file": "file://example.org",
    "an extension": "chrome-extension://example.org",
    "a trailing dot": "https://example.org.",
    "a trailing slash": "https://example.org/",
    "a path": "https://example.org/evil",
    "a path to ours": "https://evil.example/https://example.org",
    "a query": "https://example.org?evil",
    "a fragment": "https://example.org#evil",
    "a backslash": "https://example.org\\evil",
    "ours as a user": "https://example.org@evil.example",
    "ours after a user": "https://evil.example@example.org",
    "two with a comma": "https://example.org,https://evil.example",
    "two with a space": "https://example.org https://evil.example",
    "one slash": "https:/example.org",
    "no slash": "https:example.org",
    "three slashes": "https:///example.org",
    "a space before": " https://example.org",
    "a line's end": "https://example.org\n",
    "NUL": "https://example.org\0",
    "percent-encoded": "https://example%2eorg",
    "an umlaut as it is": "https://bücher.example",
    "half an address": "https://[::1",
    "a friend without its port": "https://friend.example",
    "a friend at another port": "https://friend.example:443",
    "a friend over http": "http://friend.example:8443",
    "a name that only looks like a friend": "https://xn--bcher-kva.example.evil.example",
}


@pytest.mark.parametrize("origin", REFUSED.values(), ids=REFUSED)
def test_this_origin_is_neither(origin: str | None) -> None:
    assert not is_allowed_origin(origin, "example.org", "https", FRIENDS)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://", ""),
        ("http://a/b", "a/b"),
        ("http://a@b", "a@b"),
        ("http://a b", "a b"),
        ("http://a.", "a."),
        ("http://\u212a", "\u212a"),
        ("http://k", "\u212a"),
        ("http://\u212a", "k"),
        ("http://" + "a" * 300, "a" * 300),
    ],
    ids=ascii,
)
def test_a_host_that_is_none_has_no_pages(origin: str, host: str) -> None:
    assert not is_allowed_origin(origin, host, "http")


def connection(*headers: tuple[str, str], scheme: str = "http") -> HTTPConnection:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return HTTPConnection({"type": "http", "scheme": scheme, "headers": raw, "path": "/"})


OWN = ("origin", "http://a")


@pytest.mark.parametrize(
    ("headers", "is_own"),
    [
        ([OWN, ("host", "a")], True),
        ([OWN, ("host", "a"), ("sec-fetch-site", "same-origin")], True),
        ([OWN, ("host", "a"), ("sec-fetch-site", "cross-site")], False),
        ([OWN, OWN, ("host", "a")], False),
        ([OWN, ("origin", "http://evil"), ("host", "a")], False),
        ([OWN, ("host", "a"), ("host", "a")], False),
        ([("host", "a")], False),
        ([OWN], False),
    ],
)
def test_a_request_says_once_where_it_comes_from_and_where_to(
    headers: list[tuple[str, str]], is_own: bool
) -> None:
    assert is_from_own_page(connection(*headers)) == is_own


def test_the_scheme_is_the_one_we_are_asked_over() -> None:
    assert not is_from_own_page(connection(OWN, ("host", "a"), scheme="https"))


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("https://Example.org", "https://example.org"),
        ("https://example.org:443", "https://example.org"),
        ("http://[::1]:80", "http://[::1]"),
        ("http://example.org:8000", "http://example.org:8000"),
    ],
)
def test_an_allowed_origin_may_be_written_otherwise_than_browsers_do(
    given: str, meant: str
) -> None:
    assert checked_origin(given) == meant


@pytest.mark.parametrize(
    "origin", ["example.org", "https://", "https://a/b", "*", "null", "ws://a", "https://é", ""]
)
def test_what_is_no_origin_is_refused_at_once(origin: str) -> None:
    with pytest.raises(AppError, match="not an origin") as refused:
        checked_origin(origin)
    assert repr(origin) in str(refused.value)


# --- Hosts ---------------------------------------------------------------------------

HOSTS = frozenset(
    map(checked_host, ["Example.org", "*.tenants.example", "192.0.2.1", "2001:db8::1"])
)


@pytest.mark.parametrize(
    "host",
    [
        "example.org",
        "EXAMPLE.ORG",
        "example.org:8443",
        "a.tenants.example",
        "a.b.tenants.example:1",
        "192.0.2.1",
        "[2001:db8::1]:8000",
    ],
)
def test_an_app_answers_under_its_hosts(host: str) -> None:
    assert is_allowed_host(host, HOSTS)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost",
        "127.0.0.1",
        "example.org.",
        "example.org.evil.example",
        "evilexample.org",
        "a.example.org",
        "tenants.example",
        ".tenants.example",
        "*.tenants.example",
        "eviltenants.example",
        "example.org@evil.example",
        "evil.example@example.org",
        "example.org/evil",
        "example.org:80:80",
        "example.org:evil",
        "example.org:",
        "example.org:123456",
        "example.org, evil.example",
        " example.org",
        "example.org\n",
        "example.org\0",
        "192.0.2.10",
        "192.0.2.1.evil.example",
        "2001:db8::1",
        "[2001:db8::1",
        "[2001:db8::1]evil",
        "[2001:db8::2]",
        "a." * 200 + "tenants.example",
    ],
)
def test_an_app_does_not_answer_under_this_host(host: str) -> None:
    assert not is_allowed_host(host, HOSTS)


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "app.localhost", "127.0.0.1:8000", "[::1]:8000"]
)
def test_these_names_are_this_machine(host: str) -> None:
    assert is_allowed_host(host, LOOPBACK)


# A name of the attacker's may be made to point at any address, this machine's too.
@pytest.mark.parametrize("every", ["0.0.0.0", "::"])
@pytest.mark.parametrize(
    ("host", "is_address"),
    [
        ("192.168.1.5:8000", True),
        ("[fe80::1]:8000", True),
        ("rebound.example", False),
        ("1.2.3.4.example", False),
        ("1.2.3", False),
        ("999.1.1.1", False),
    ],
)
def test_who_listens_on_every_address_is_called_by_address_alone(
    every: str, host: str, is_address: bool
) -> None:
    assert is_allowed_host(host, {checked_host(every)}) == is_address


@pytest.mark.parametrize(
    "name", ["", "*", "*.", "https://example.org", "example.org:80", "é.example", "a b", "a/b"]
)
def test_what_is_no_host_is_refused_at_once(name: str) -> None:
    with pytest.raises(AppError, match="not a host") as refused:
        checked_host(name)
    assert repr(name) in str(refused.value)
