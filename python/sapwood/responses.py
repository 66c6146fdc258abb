"""A rendered page as an HTTP response: what is added to its head, and its headers.

Every page has its own nonce, and only scripts and styles that carry it count.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, Response

from sapwood._core import escape, uuid_prefix

COOKIE = "sapwood_browser"
FOLDER = Path(__file__).parent / "client"
FILES = {"client": "sapwood.min.js", "more": "more.min.js"}

DEFAULT_POLICY = (
    "default-src 'self'; script-src 'nonce-{nonce}' 'strict-dynamic'; "
    "style-src 'self' 'nonce-{nonce}'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)


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


def page_response(html: str, *, nonce: str, policy: str) -> HTMLResponse:
    """Return a page that nobody keeps and nobody frames."""
    headers = {
        "cache-control": "no-store",
        "content-security-policy": policy.replace("{nonce}", nonce),
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
    }
    return HTMLResponse(html, headers=headers)


def browser_of(connection: HTTPConnection) -> str | None:
    """Return which browser the cookie says this is, if it is a name we could have given."""
    value = connection.cookies.get(COOKIE, "")
    return value if re.fullmatch(r"[\w-]{43}", value, re.ASCII) else None


def remember_browser(response: Response, browser: str, *, is_secure: bool) -> None:
    """Give a browser its name."""
    response.set_cookie(COOKIE, browser, httponly=True, samesite="lax", secure=is_secure)
