"""Answers requests with pages: calls a route's function, and renders what it returns.

The function runs once for a load. A page that is live waits for its browser's socket in
the handoff, under the one-time token that stands in it.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from sapwood import _core
from sapwood.errors import AppError
from sapwood.handoff import Page, Start
from sapwood.responses import (
    HEADERS,
    HSTS,
    browser_of,
    head_end,
    is_secure,
    page_response,
    remember_browser,
)
from sapwood.template import Template

if TYPE_CHECKING:
    from sapwood.app import App

# Pages that nobody joined are looked for no more often than that.
SWEEP_S = 1.0

PageHandler = Callable[..., Any]

log: logging.Logger = logging.getLogger("sapwood")


class Pages:
    """Makes the responses of an app's routes, with a policy for content and more headers."""

    def __init__(self, app: App, policy: str, headers: Mapping[str, str]) -> None:
        self._app = app
        self._policy = policy
        self._headers = {name.lower(): value for name, value in headers.items()}
        self._sweeping: asyncio.TimerHandle | None = None
        self._warned: set[tuple[type[Template], tuple[str, str, str]]] = set()

    def endpoint(self, path: str, handler: PageHandler) -> Callable[[Request], Awaitable[Response]]:
        """Return what answers requests for *path* by *handler*.

        Raises AppError for a handler that wants what it cannot have.
        """
        wanted = _check_parameters(path, handler)

        async def endpoint(request: Request) -> Response:
            start = await self._start(request, declares_state="state" in wanted)
            offered = {**request.path_params, "request": request, "state": start.state}
            result = await _produce(handler, {name: offered[name] for name in wanted})
            return self._respond(request, result, start)

        return endpoint

    def close(self) -> None:
        """Look after pages that nobody joins no more."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None

    async def _start(self, request: Request, *, declares_state: bool) -> Start:
        """Find out what the session of a page begins with."""
        secret, browser = request.headers.get("sapwood-resume"), browser_of(request)
        if secret is None:
            return Start("handoff", {}, declares_state)
        found = await self._app.keeper.find(secret, browser) if browser is not None else None
        if found is None or found.record.route != _path(request):
            return Start("fresh", {}, declares_state)
        record, tab, version = found
        live = self._app.registry.get(record.id)
        return Start(
            "restored",
            record.state,
            declares_state,
            session_id=record.id,
            version=version,
            closings=0 if live is None else live.closings,
            tab=tab,
            absent=[it for it in record.connections if it != tab],
        )

    def _respond(self, request: Request, result: Any, start: Start) -> Response:
        match result:
            case Response():
                return result
            case Template():
                return self._page(request, result._hand_out(), start)
            case str():
                return HTMLResponse(result, headers=self._headers_for(request))
            case dict() | list():
                return JSONResponse(result, headers=self._headers_for(request))
        raise AppError(
            f"the handler of {_path(request)} returned {type(result).__name__}; "
            "it must return a Template, a Response, HTML as a string, or data for JSON"
        )

    def _headers_for(self, request: Request) -> dict[str, str]:
        hsts = {} if self._app.debug or not is_secure(request) else HSTS
        headers = {**HEADERS, **hsts, **self._headers}
        return {name: value for name, value in headers.items() if value}

    def _page(self, request: Request, template: Template, start: Start) -> Response:
        nonce = secrets.token_urlsafe(16)
        headers = self._headers_for(request)
        if os.environ.get("SAPWOOD_DISABLE_WS"):
            html, _ = template._render_page("", nonce)
            return page_response(html, nonce=nonce, policy=self._policy, headers=headers)
        known = browser_of(request)
        browser = known or self._app.token()
        # The token must stand in the page, and the page's version goes with the token.
        placeholder = f"sapwood-token-{secrets.token_hex(8)}"
        mount = request.scope.get("root_path", "")
        html, version = template._render_page(head_end(placeholder, mount, nonce), nonce)
        if self._app.debug:
            self._warn_of_nesting(template, version, html)
        page = Page(template, version, _path(request), browser, start)
        token = self._app.handoff.mint(page)
        if self._sweeping is None:
            self._sweep()
        html = html.replace(placeholder, token, 1)
        response = page_response(html, nonce=nonce, policy=self._policy, headers=headers)
        if known is None:
            remember_browser(request, response, browser)
        return response

    def _sweep(self) -> None:
        """Forget pages that nobody joined, also when nobody comes any more."""
        next_s = self._app.handoff.expire()
        self._sweeping = None
        if next_s is not None:
            loop = asyncio.get_running_loop()
            self._sweeping = loop.call_later(max(next_s, SWEEP_S), self._sweep)

    def _warn_of_nesting(self, template: Template, version: _core.Tree, html: str) -> None:
        """Say, once, if a browser that parses *html* has another page than the server."""
        moved = version.rearranged(html)
        if moved is not None and (type(template), moved) not in self._warned:
            self._warned.add((type(template), moved))
            element, around, there = moved
            log.warning(
                "%s: a browser that parses the page puts %s into %s, not into %s where it is; "
                "updates of it may fail, so nest elements as HTML does",
                type(template).__name__,
                element,
                there,
                around,
            )


_POSITIONAL_ONLY = inspect.Parameter.POSITIONAL_ONLY


def _path(request: Request) -> str:
    # Quoted as in a URL, since it stands in the log and must not begin a line there.
    return quote(request.scope["path"], safe="/:@!$&'()*+,;=", errors="replace")


def _check_parameters(path: str, handler: PageHandler) -> list[str]:
    """Return the names of what the handler takes: path parameters and `request`."""
    if not path.startswith("/"):
        raise AppError(f"the path of a route begins with '/': {path!r}")
    known = {match.partition(":")[0] for match in re.findall(r"{([^}]*)}", path)}
    wanted = []
    for name, parameter in inspect.signature(handler).parameters.items():
        if name in known | {"request", "state"} and parameter.kind is not _POSITIONAL_ONLY:
            wanted.append(name)
        elif parameter.default is parameter.empty:
            offered = ", ".join(["request", "state", *sorted(known)])
            raise AppError(
                f"the handler {handler.__qualname__} of {path!r} wants {name!r}; "
                f"it can have: {offered}"
            )
    return wanted


async def _produce(handler: PageHandler, arguments: dict[str, Any]) -> Any:
    if inspect.iscoroutinefunction(handler):
        return await handler(**arguments)
    result = await run_in_threadpool(handler, **arguments)
    return await result if isinstance(result, Awaitable) else result
