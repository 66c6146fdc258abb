"""Hosts and origins: under which names an app answers, and whose pages may talk to it.

Both are compared whole. A name is only looked up among those that are allowed, never
searched for inside another text, and what is not written as browsers write it is refused.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection

from starlette.requests import HTTPConnection

from sapwood.errors import AppError

#: What a browser on the same machine calls it; nobody else's name server answers for these.
LOOPBACK = frozenset({"localhost", "*.localhost", "127.0.0.1", "[::1]"})
# Who listens on these listens on every address, and may be called by any of them.
_ANY_ADDRESS = frozenset({"0.0.0.0", "[::]"})
_HOST_LENGTH_MAX = 260
_NAME = r"\[[0-9a-f:.]{2,45}\]|[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?"
_HOST = re.compile(rf"({_NAME})(?::([0-9]{{1,5}}))?", re.ASCII)
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def is_allowed_origin(
    origin: str | None, host: str, scheme: str, allowed: Collection[str] = ()
) -> bool:
    """Say whether a page of *origin* may open a socket here or post something.

    `origin` is the header of that name, or None. Ours is the one that we are asked
    under: `scheme` is `http`, `https`, `ws` or `wss`, and `host` the header `Host`, which
    was allowed before. `allowed` has others, as `checked_origin` returns them.
    """
    if origin is None or not origin.isascii():
        return False
    own = _origin({"ws": "http", "wss": "https"}.get(scheme, scheme), host)
    return origin.lower() == own or origin.lower() in allowed


def is_allowed_host(host: str, allowed: Collection[str]) -> bool:
    """Say whether the header `Host` has one of the names in *allowed*, whatever the port.

    `allowed` has names as `checked_host` returns them; `*.example.org` is any name below
    example.org, and `0.0.0.0` or `[::]` is any address.
    """
    parsed = _parse(host)
    if parsed is None:
        return False
    name, _ = parsed
    if name in allowed or (not _ANY_ADDRESS.isdisjoint(allowed) and _is_address(name)):
        return True
    _, dot, parent = name.partition(".")
    while dot:
        if f"*.{parent}" in allowed:
            return True
        _, dot, parent = parent.partition(".")
    return False


def is_from_own_page(connection: HTTPConnection, allowed: Collection[str] = ()) -> bool:
    """Say whether a request or a handshake comes from a page that may send it.

    Cookies come along from any page; the browser's own word for which page it is does not
    lie. See `is_allowed_origin` for `allowed`.
    """
    headers = connection.headers
    origins, hosts = headers.getlist("origin"), headers.getlist("host")
    if len(origins) != 1 or len(hosts) != 1 or "cross-site" in headers.getlist("sec-fetch-site"):
        return False
    return is_allowed_origin(origins[0], hosts[0], connection.scope.get("scheme", "http"), allowed)


def checked_origin(origin: str) -> str:
    """Return an origin as browsers write it; raise AppError for what is none."""
    scheme, found, host = origin.lower().partition("://")
    checked = _origin(scheme, host) if found and origin.isascii() else None
    if checked is None:
        raise AppError(f"not an origin: {origin!r}; one looks like https://example.org:8443")
    return checked


def checked_host(name: str) -> str:
    """Return a host's name as `is_allowed_host` takes it; raise AppError for what is none."""
    checked = f"[{name}]".lower() if name.count(":") > 1 and "[" not in name else name.lower()
    parsed = _parse(checked.removeprefix("*."))
    if parsed is None or parsed[1]:
        raise AppError(
            f"not a host: {name!r}; one looks like example.org, *.example.org or 192.0.2.1, "
            "without scheme and port, and with other letters than ASCII as xn--…"
        )
    return checked


def _origin(scheme: str, host: str) -> str | None:
    """Return what a browser calls the pages of *host*; None if there are none."""
    parsed = _parse(host)
    if parsed is None or scheme not in _DEFAULT_PORTS:
        return None
    name, port = parsed
    is_default = port in ("", _DEFAULT_PORTS[scheme])
    return f"{scheme}://{name}" if is_default else f"{scheme}://{name}:{port}"


def _parse(host: str) -> tuple[str, str] | None:
    """Return the name and the port of *host*; the port is empty where there is none."""
    if len(host) > _HOST_LENGTH_MAX or not host.isascii():
        return None
    found = _HOST.fullmatch(host.lower())
    return (found[1], found[2] or "") if found else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
