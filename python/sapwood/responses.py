"""A rendered page as an HTTP response: what is added to its head, and its headers.

Every page has its own nonce, and only scripts and styles that carry it count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, Response

from sapwood._core import escape, uuid_prefix
from sapwood.doors import DOORS, Doors

FOLDER = Path(__file__).parent / "client"
FILES = {"client": "sapwood.min.js", "more": "more.min.js"}

DEFAULT_POLICY = (
    "default-src 'self'; script-src 'nonce-{nonce}' 'strict-dynamic'; "
    "style-src 'self' 'nonce-{nonce}'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
TRUSTED_TYPES = "; require-trusted-types-for 'script'; trusted-types sapwood"
# What every answer that is made from a handler's result carries.
HEADERS = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), "
    "payment=(), usb=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
# A browser that has seen this asks for nothing without TLS for a year.
HSTS = {"strict-transport-security": "max-age=31536000"}


@lru_cache(maxsize=2)
def client(part: str) -> tuple[bytes, str]:
    """Return the code of a *part* and the name it is served under, which changes with it.

    Every page loads `client`, which imports `more` when something rare happens.
    """
    code = (FOLDER / FILES[part]).read_bytes()
    return code, f"{part}.{hashlib.sha256(code).hexdigest()[:16]}.js"


def client_response(part: str, name: str) -> Response:
    """Return the code of a part; its name is its version, so it may be kept for ever.

    A page that was loaded before an upgrade asks for what is no more: `more` of another
    version would not fit its `client`.
    """
    if part not in FILES or name != client(part)[1]:
        return Response(status_code=404)
    headers = {
        "cache-control": "public, max-age=31536000, immutable",
        "cross-origin-resource-policy": "same-origin",
        "x-content-type-options": "nosniff",
    }
    return Response(client(part)[0], media_type="text/javascript", headers=headers)


def head_end(token: str, mount: str, nonce: str) -> str:
    """Return what goes to the end of a live page's head: its token, and the client."""
    mount = escape(mount)
    return (
        f'<meta name="sapwood" content="{escape(token)}" data-prefix="{uuid_prefix()}" '
        f'data-path="{mount}" data-more="{client("more")[1]}"><script defer nonce="{nonce}" '
        f'src="{mount}/_sapwood/{client("client")[1]}"></script>'
    )


def page_response(
    html: str, *, nonce: str, policy: str, headers: Mapping[str, str]
) -> HTMLResponse:
    """Return a page that nobody keeps and nobody frames."""
    headers = {
        "cache-control": "no-store",
        "content-security-policy": policy.replace("{nonce}", nonce),
        **headers,
    }
    return HTMLResponse(html, headers=headers)


def is_secure(connection: HTTPConnection) -> bool:
    """Say whether the browser asks over TLS, as the server or a proxy that it trusts says."""
    return connection.scope.get("scheme") in ("https", "wss")


def browser_of(connection: HTTPConnection) -> str | None:
    """Return which browser the cookie says this is, if the name was given by us."""
    doors: Doors = connection.scope[DOORS]
    return doors.browsers.unsign(connection.cookies.get(_cookie(connection), ""))


def remember_browser(connection: HTTPConnection, response: Response, browser: str) -> None:
    """Give a browser its name."""
    doors: Doors = connection.scope[DOORS]
    response.set_cookie(
        _cookie(connection),
        doors.browsers.sign(browser),
        httponly=True,
        samesite="lax",
        secure=is_secure(connection),
    )


def _cookie(connection: HTTPConnection) -> str:
    # A cookie with this prefix was set over TLS by this very host, and by none beside it.
    return "__Host-sapwood" if is_secure(connection) else "sapwood"
