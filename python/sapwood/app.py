"""An application: routes to pages, and what serves them.

An `App` is an ASGI application. Alone it is run by `sapwood run`; mounted in another
Starlette or FastAPI app it serves its pages under that app's prefix.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

import anyio
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from sapwood import _core, events
from sapwood.errors import AppError
from sapwood.handoff import Handoff
from sapwood.responses import (
    DEFAULT_POLICY,
    browser_of,
    client_response,
    head_end,
    page_response,
    remember_browser,
)
from sapwood.session import Call, Session
from sapwood.sessions import Sessions
from sapwood.template import Template
from sapwood.websocket import serve

# Handlers that are not coroutines run in threads; this many at once.
THREADS_MAX = 32

PageHandler = Callable[..., Any]
HandlerT = TypeVar("HandlerT", bound=PageHandler)

log: logging.Logger = logging.getLogger("sapwood")


class App:
    """A live web application.

    `debug` shows errors in the page; the default is what SAPWOOD_DEBUG says (`sapwood
    run` sets it on a loopback address). `allowed_origins` may connect besides the
    app's own (`https://example.org`). `session_timeout_s` is how long a session
    outlives its last connection, in seconds. `content_security_policy` replaces the
    default one; `{nonce}` stands for the page's nonce.
    """

    def __init__(
        self,
        *,
        debug: bool | None = None,
        allowed_origins: Iterable[str] = (),
        session_timeout_s: float = 120.0,
        content_security_policy: str = DEFAULT_POLICY,
    ) -> None:
        self.debug: bool = os.environ.get("SAPWOOD_DEBUG") == "1" if debug is None else debug
        self.allowed_origins: frozenset[str] = frozenset(
            _check_origin(origin) for origin in allowed_origins
        )
        self.session_timeout_s = session_timeout_s
        self.sessions: Sessions = Sessions(_secret)
        self._policy = content_security_policy
        self.handoff: Handoff = Handoff(time.monotonic, _secret)
        self._threads: anyio.CapacityLimiter | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._startup: list[Callable[[], Any]] = []
        self._mounted: list[App] = []
        self._warned: set[tuple[type[Template], tuple[str, str, str]]] = set()
        self._starlette = Starlette(
            debug=self.debug,
            routes=[
                WebSocketRoute("/_sapwood/ws", self._websocket),
                Route("/_sapwood/{part}.{version}.js", _client),
            ],
            lifespan=self._lifespan,
        )

    # --- Setting up ------------------------------------------------------------

    def route(
        self, path: str, *, methods: Iterable[str] = ("GET",)
    ) -> Callable[[HandlerT], HandlerT]:
        """Serve what the decorated function returns at *path*.

        The path may have parameters (`"/item/{id:int}"`), which the function takes by
        name, as it does `request`. It may be a coroutine function, and returns a
        `Template`, a Starlette response, a string of HTML, or data for JSON.

        Raises AppError for a function that wants something else.
        """

        def register(handler: HandlerT) -> HandlerT:
            wanted = _check_parameters(path, handler)

            async def endpoint(request: Request) -> Response:
                return await self._respond(request, await _produce(handler, wanted, request))

            self._starlette.router.routes.append(Route(path, endpoint, methods=list(methods)))
            return handler

        return register

    def mount(self, path: str, app: ASGIApp) -> None:
        """Serve another ASGI app, such as Starlette's StaticFiles, under *path*."""
        if isinstance(app, App):
            self._mounted.append(app)
        self._starlette.router.routes.append(Mount(path, app))

    def on_startup(self, function: Callable[[], Any]) -> Callable[[], Any]:
        """Run *function*, a coroutine function or not, before the first request is served.

        Nothing is served until it returns: start what runs for ever with `run_task`.
        """
        self._startup.append(function)
        return function

    def run_task(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run *coroutine* beside the handlers; what it raises is logged.

        Call it where the event loop runs: in startup functions, coroutine handlers.
        """
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("task %s failed: %r", task.get_name(), error, exc_info=error)

    # --- Running ---------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        await self._starlette(scope, receive, send)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Run what the app needs around serving.

        Only an app that is mounted in another framework's app needs this called: its
        startup functions run in it, and its tasks end with it.
        """
        async with AsyncExitStack() as stack:
            for app in self._mounted:
                await stack.enter_async_context(app.lifespan())
            for function in self._startup:
                result = function()
                # A task that the function started and returns may run for ever.
                if inspect.isawaitable(result) and not isinstance(result, asyncio.Task):
                    await result
            try:
                yield
            finally:
                for task in list(self._tasks):
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
                for session in self.sessions:
                    self.sessions.remove(session)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with self.lifespan():
            yield

    async def run_sync(self, function: Callable[[], Any]) -> Any:
        """Run a function in one of the app's worker threads."""
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(THREADS_MAX)
        return await anyio.to_thread.run_sync(function, limiter=self._threads)

    async def _websocket(self, websocket: WebSocket) -> None:
        await serve(websocket, self)

    def drive(self, session: Session) -> None:
        """See to it that the session's events are handled, one after the other."""
        if not session.is_busy and session.has_events:
            session.is_busy = True
            self.run_task(self._handle_events(session))

    async def _handle_events(self, session: Session) -> None:
        try:
            while (event := session.next_event()) is not None:
                try:
                    for call in session.calls(event):
                        await self._call(session, event, call)
                finally:
                    session.finish(event)
        finally:
            # If the fault is ours, the events that wait go on with the next one.
            session.is_busy = False

    async def _call(self, session: Session, event: events.Event, call: Call) -> None:
        try:
            if inspect.iscoroutinefunction(call.handler):
                await events.call(call.handler, call.event)
                return
            result = await self.run_sync(lambda: events.call(call.handler, call.event))
            if inspect.isawaitable(result):
                await result
        except BaseException as error:  # whatever a handler raises, the session lives on
            if isinstance(error, asyncio.CancelledError) and _is_being_cancelled():
                raise
            session.fail(event, call.handler, _without_our_frames(error))

    def expire_later(self, session: Session) -> None:
        """Forget the session unless its browser comes back in time."""
        epoch = session.connection.epoch
        loop = asyncio.get_running_loop()
        loop.call_later(self.session_timeout_s, self._expire, session, epoch)

    def _expire(self, session: Session, epoch: int) -> None:
        if session in self.sessions and session.connection.epoch == epoch:
            log.info("session %s ended: nobody came back", session.id)
            self.sessions.remove(session)

    # --- Pages -----------------------------------------------------------------

    async def _respond(self, request: Request, result: Any) -> Response:
        match result:
            case Response():
                return result
            case Template():
                return self._page(request, result._hand_out())
            case str():
                return HTMLResponse(result)
            case dict() | list():
                return JSONResponse(result)
        raise AppError(
            f"the handler of {request.url.path} returned {type(result).__name__}; "
            "it must return a Template, a Response, HTML as a string, or data for JSON"
        )

    def _page(self, request: Request, template: Template) -> Response:
        nonce = secrets.token_urlsafe(16)
        if os.environ.get("SAPWOOD_DISABLE_WS"):
            html, _ = template._render_page("", nonce)
            return page_response(html, nonce=nonce, policy=self._policy)
        browser = browser_of(request) or _secret()
        # The token must stand in the page, and the page's version goes with the token.
        placeholder = f"sapwood-token-{secrets.token_hex(8)}"
        mount = request.scope.get("root_path", "")
        html, version = template._render_page(head_end(placeholder, mount, nonce), nonce)
        if self.debug:
            self._warn_of_nesting(template, version, html)
        token = self.handoff.mint(template, version, request.url.path, browser)
        html = html.replace(placeholder, token, 1)
        response = page_response(html, nonce=nonce, policy=self._policy)
        if browser_of(request) is None:
            remember_browser(response, browser, is_secure=request.url.scheme == "https")
        return response

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


def _secret() -> str:
    return secrets.token_urlsafe(32)


async def _client(request: Request) -> Response:
    part, version = request.path_params["part"], request.path_params["version"]
    return client_response(part, f"{part}.{version}.js")


def _check_origin(origin: str) -> str:
    if not re.fullmatch(r"https?://[^/?#@\s]+", origin):
        raise AppError(f"not an origin: {origin!r}; one looks like https://example.org:8443")
    return origin.lower()


def _check_parameters(path: str, handler: PageHandler) -> list[str]:
    """Return the names of what the handler takes: path parameters and `request`."""
    if not path.startswith("/"):
        raise AppError(f"the path of a route begins with '/': {path!r}")
    known = {match.partition(":")[0] for match in re.findall(r"{([^}]*)}", path)}
    wanted = []
    for name, parameter in inspect.signature(handler).parameters.items():
        if (name in known or name == "request") and parameter.kind is not _POSITIONAL_ONLY:
            wanted.append(name)
        elif parameter.default is parameter.empty:
            offered = ", ".join(["request", *sorted(known)])
            raise AppError(
                f"the handler {handler.__qualname__} of {path!r} wants {name!r}; "
                f"it can have: {offered}"
            )
    return wanted


async def _produce(handler: PageHandler, wanted: list[str], request: Request) -> Any:
    offered = {**request.path_params, "request": request}
    arguments = {name: offered[name] for name in wanted}
    if inspect.iscoroutinefunction(handler):
        return await handler(**arguments)
    result = await run_in_threadpool(handler, **arguments)
    return await result if isinstance(result, Awaitable) else result


def _is_being_cancelled() -> bool:
    # Else something that the handler awaited was, and the handler let it pass.
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _without_our_frames(error: BaseException) -> BaseException:
    """Let the traceback begin where the handler does, unless the fault is ours."""
    begin = error.__traceback__
    while begin is not None and begin.tb_frame.f_globals.get("__package__") in _BETWEEN:
        begin = begin.tb_next
    return error.with_traceback(begin) if begin is not None else error


# The packages between the event and a handler.
_BETWEEN = frozenset({"sapwood", "anyio", "anyio._backends"})
