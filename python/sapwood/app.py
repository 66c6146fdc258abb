"""An application: routes to pages, and what serves them.

An `App` is an ASGI application. Alone it is run by `sapwood run`; mounted in another
Starlette or FastAPI app it serves its pages under that app's prefix.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
import os
import secrets
import sys
import time
from collections.abc import (
    AsyncIterator,
    Callable,
    Coroutine,
    Iterable,
    Mapping,
)
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from sapwood.connection import RESTART, Connection
from sapwood.dispatch import Concurrency, Dispatcher, Tasks
from sapwood.doors import DOORS, Doors, open_doors
from sapwood.errors import AppError
from sapwood.handoff import Handoff, Page, Start
from sapwood.joining import new_session
from sapwood.keeping import Keeper, is_id
from sapwood.metrics import Metrics
from sapwood.origin import checked_host, checked_origin
from sapwood.pages import PageHandler, Pages
from sapwood.places import Places
from sapwood.presence import Presence
from sapwood.responses import (
    DEFAULT_POLICY,
    TRUSTED_TYPES,
    client_response,
)
from sapwood.session import Session
from sapwood.sessions import Sessions
from sapwood.static import StaticFolder
from sapwood.store import MemoryStore, SessionStore
from sapwood.stream import Streams
from sapwood.template import Template
from sapwood.watchdog import Watchdog
from sapwood.websocket import WebSockets
from sapwood.window import Window

# So long handlers may run on when the app stops, and then so long to be cancelled.
HANDLERS_PATIENCE_S = 4.0
# So long tasks may take to be cancelled.
TASKS_PATIENCE_S = 1.0

HandlerT = TypeVar("HandlerT", bound=PageHandler)
HookT = TypeVar("HookT", bound=Callable[..., Any])

log: logging.Logger = logging.getLogger("sapwood")


class App:
    """A live web application.

    `debug` shows errors in the page; the default is what SAPWOOD_DEBUG says (`sapwood
    run` sets it on a loopback address). `secret` signs cookies, else SAPWOOD_SECRET does;
    of several, separated by spaces, the first signs and all are good. `allowed_hosts` are
    the names the app is served under (`example.org`, `*.example.org`), with those in
    SAPWOOD_HOSTS and, with debug on, this machine's. Pages of `allowed_origins` may
    connect besides the app's own (`https://example.org`).

    `session_timeout_s` is how long a session outlives its last connection, in seconds,
    and `state_ttl_s` how long the state that it declared is kept in *store* after its last
    event. `concurrency_handling` says which events wait for each other: those of one
    session (`"per_session"`), all of the app (`"serialized"`), or none (`"concurrent"`).
    With `max_sessions` further browsers wait until one of so many sessions is connected
    no more.

    `content_security_policy` replaces the default one; `{nonce}` stands for the page's
    nonce. `trusted_types` adds that scripts in the page may not make code of strings.
    `headers` go with pages besides the default ones, or in place of those of their name;
    an empty one is left out.

    Raises AppError for a setting that cannot be meant. With debug off, serving it does too
    if there is no secret or no host.
    """

    def __init__(
        self,
        *,
        debug: bool | None = None,
        secret: str | None = None,
        allowed_hosts: Iterable[str] = (),
        allowed_origins: Iterable[str] = (),
        session_timeout_s: float = 120.0,
        state_ttl_s: float = 86_400.0,
        store: SessionStore | None = None,
        concurrency_handling: Concurrency = "per_session",
        max_sessions: int | None = None,
        content_security_policy: str = DEFAULT_POLICY,
        trusted_types: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.debug: bool = os.environ.get("SAPWOOD_DEBUG") == "1" if debug is None else debug
        for name, several in (
            ("allowed_origins", allowed_origins),
            ("allowed_hosts", allowed_hosts),
        ):
            if isinstance(several, str):
                raise AppError(f"{name} is a list, as in [{several!r}]")
        self.allowed_origins: frozenset[str] = frozenset(map(checked_origin, allowed_origins))
        self._allowed_hosts = frozenset(map(checked_host, allowed_hosts))
        if not 0 <= session_timeout_s < math.inf:
            raise AppError(f"session_timeout_s is a number of seconds, not {session_timeout_s!r}")
        if not (store is None or isinstance(store, SessionStore)):
            raise AppError(
                f"store is a SessionStore, as in SQLiteStore('sessions.db'), not {store!r}"
            )
        self._secret = secret
        self.session_timeout_s = session_timeout_s
        self.token: Callable[[], str] = _token
        self.presence: Presence = Presence(self)
        self.registry: Sessions = Sessions(_token, self.presence.ended)
        self.handoff: Handoff = Handoff(time.monotonic, _token)
        self.places: Places = Places(max_sessions)
        self.keeper: Keeper = Keeper(
            store or MemoryStore(), self.registry, state_ttl_s, lambda: self.doors.records
        )
        self.metrics: Metrics = Metrics(
            sessions=lambda: len(self.registry),
            connections=lambda: sum(it.is_open for s in self.registry for it in s.connections),
            events_waiting=lambda: sum(session.waiting for session in self.registry),
            handoffs_waiting=lambda: len(self.handoff),
        )
        self.watchdog: Watchdog = Watchdog()
        self.dispatcher: Dispatcher = Dispatcher(
            concurrency_handling, self.keeper.save, self.metrics, self.watchdog
        )
        self._streams = Streams(self)
        policy = content_security_policy + (TRUSTED_TYPES if trusted_types else "")
        self._pages = Pages(self, policy, headers or {})
        #: Whether the app comes to its end, and lets nobody in any more.
        self.is_stopping: bool = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks = Tasks()
        self._startup: list[Callable[[], Any]] = []
        self._mounted: list[App] = []
        self._static: list[StaticFolder] = []
        self._starlette = Starlette(
            debug=self.debug,
            routes=[
                WebSocketRoute("/_sapwood/ws", WebSockets(self)),
                Route("/_sapwood/stream", self._streams.open, methods=["POST"]),
                Route("/_sapwood/send", self._streams.post, methods=["POST"]),
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
        name, as it does `request` and `state`: what the session will have as its `state`,
        a dict that is empty unless the session is restored after a restart. It may be a
        coroutine function, and returns a `Template`, a Starlette response, a string of
        HTML, or data for JSON.

        Raises AppError for a function that wants something else.
        """

        if not isinstance(path, str):
            raise AppError("a route has a path, as in @app.route('/')")

        def register(handler: HandlerT) -> HandlerT:
            endpoint = self._pages.endpoint(path, handler)
            self._check_new(path, set(methods), handler)
            route = Route(path, endpoint, methods=list(methods), name=handler.__qualname__)
            self._starlette.router.routes.append(route)
            return handler

        return register

    def _check_new(self, path: str, methods: set[str], handler: PageHandler) -> None:
        for route in self._starlette.router.routes:
            if (
                isinstance(route, Route)
                and route.path == path
                and methods & (route.methods or set())
            ):
                raise AppError(
                    f"{path!r} is served by {route.name} already, not by {handler.__qualname__} too"
                )

    def static(self, path: str, folder: str | Path) -> None:
        """Serve the files that are in *folder* now under *path*.

        The folder is named from the file that calls this. See `StaticFolder` for what is
        left out. Raises AppError for a folder that is none.
        """
        here = Path(sys._getframe(1).f_globals.get("__file__", "")).parent
        served = StaticFolder(path, here / folder, debug=self.debug)
        self._static.append(served)
        self._starlette.router.routes.append(
            Route(f"{path}/{{name:path}}", served, methods=["GET"])
        )

    def static_url(self, name: str) -> str:
        """Return where the static file *name* is, as seen from the app's root.

        The URL changes with the content, and a browser keeps what it got for ever. Of
        several folders the first that has such a file counts. Raises AppError if none has.
        """
        for folder in self._static:
            if url := folder.url(name):
                return url
        folders = ", ".join(str(folder.folder) for folder in self._static)
        raise AppError(
            f"there is no file {name!r} among the static ones ({folders or 'no folder'})"
        )

    def mount(self, path: str, app: ASGIApp) -> None:
        """Serve another ASGI app under *path*."""
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

        Call it where the event loop runs: in startup functions, coroutine handlers. Raises
        AppError in a thread, as that of a handler that is no coroutine function.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            coroutine.close()
            raise AppError(
                "run_task is for where the event loop runs: in a startup function, or in a "
                "handler that is a coroutine function (async def)"
            ) from None
        return self._tasks.start(coroutine)

    # --- Running ---------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "lifespan" and DOORS not in scope:
            scope[DOORS] = self.doors  # as Starlette puts its app; a copy stays with each socket
            if not self.doors.admit(scope):
                log.info("refused: asked under %.100a", Headers(scope=scope).getlist("host"))
                refusal = PlainTextResponse("This is none of the app's allowed_hosts.", 400)
                await refusal(scope, receive, send)
                return
        await self._starlette(scope, receive, send)

    @cached_property
    def doors(self) -> Doors:
        """The app's secret and hosts, settled when they are first asked for.

        Raises AppError for what is missing in production.
        """
        return open_doors(self._secret, self._allowed_hosts, debug=self.debug)

    def check(self) -> None:
        """Raise AppError for what keeps the app from being served."""
        self.doors  # noqa: B018  # it is settled by looking at it

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Run what the app needs around serving.

        Only an app that is mounted in another framework's app needs this called: its
        startup functions run in it, and its tasks end with it. Raises AppError if the
        app cannot be served, see `check`.
        """
        self.check()
        try:
            async with self._life():
                yield
        finally:
            # When all have stopped: a store may be that of several.
            for store in self._stores():
                await store.close()

    def _stores(self) -> set[SessionStore]:
        return {self.keeper.store}.union(*(app._stores() for app in self._mounted))

    @asynccontextmanager
    async def _life(self) -> AsyncIterator[None]:
        self.runs_here()
        self.is_stopping = False
        async with AsyncExitStack() as stack:
            for app in self._mounted:
                # It lies behind our doors and needs none of its own.
                app.doors = self.doors
                await stack.enter_async_context(app._life())
            for function in self._startup:
                result = function()
                # A task that the function started and returns may run for ever.
                if inspect.isawaitable(result) and not isinstance(result, asyncio.Task):
                    await result
            try:
                yield
            finally:
                await self._stop()

    def send_away(self) -> None:
        """Let nobody in any more, and tell all browsers to come back to the next process.

        The end of the app's lifespan does it too. A server that first waits for streams to
        end calls it before that; it must stop then.
        """
        for app in self._mounted:
            app.send_away()
        self.is_stopping = True
        self.places.close()
        self._streams.send_away()
        for session in self.registry:
            for connection in session.connections:
                connection.end(RESTART)

    async def _stop(self) -> None:
        """Send browsers away to come back, let handlers end, and keep what was declared."""
        self.send_away()
        await self._tasks.finish(0, TASKS_PATIENCE_S)
        await self.dispatcher.finish(HANDLERS_PATIENCE_S)
        try:
            await self.keeper.save_all()
        finally:
            self.watchdog.close()
            self._pages.close()
        for session in self.registry:
            self.registry.remove(session)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with self.lifespan():
            yield

    @property
    def is_running(self) -> bool:
        """Whether there is an event loop that it runs in, or did."""
        return self._loop is not None

    def runs_here(self) -> None:
        """Note which event loop the app runs in."""
        self._loop = asyncio.get_running_loop()

    def in_loop(self, function: Callable[[], Any]) -> None:
        """Call *function* where the app runs, from whatever thread."""
        try:
            is_there = asyncio.get_running_loop() is self._loop or self._loop is None
        except RuntimeError:
            is_there = self._loop is None
        if is_there or self._loop is None or self._loop.is_closed():
            function()
        else:
            self._loop.call_soon_threadsafe(function)

    # --- Sessions --------------------------------------------------------------

    @property
    def sessions(self) -> dict[str, Session]:
        """The sessions that live now, by their id; a copy."""
        return {session.id: session for session in self.registry}

    def create_session(
        self,
        template: Template,
        *,
        path: str = "/",
        id: str | None = None,
        state: dict[str, Any] | None = None,
    ) -> Session:
        """Make a session that no browser asked for, and that stays until it is destroyed.

        Browsers join it by its `url`, whose page is that of *path*.
        Raises AppError if there is a session with this *id*, which is 1 to 64 printable
        characters.
        """
        id = secrets.token_hex(8) if id is None else id
        if not is_id(id):
            raise AppError(f"not a session's id: {id!r}; it has 1 to 64 printable characters")
        if self.registry.get(id) is not None:
            raise AppError(f"there is a session {id!r} already")
        start = Start(state=state or {}, session_id=id)
        page = Page(template._hand_out(), template._published, path, "", start)
        session = new_session(self, page)
        session.is_kept = True
        return session

    def on_connect(self, function: HookT) -> HookT:
        """Call *function*, a coroutine function or not, with every new session.

        It is called once, when the first browser has connected, as a handler is: nothing
        else of the session is handled until it returns. Of a session that was restored
        after a restart, this process sees its first browser too.
        """
        self.presence.on_connect.append(function)
        return function

    def on_reconnect(self, function: HookT) -> HookT:
        """Call *function* with a session whenever a browser comes back to it, or joins it.

        A browser that is back before it was seen to leave has not left.
        """
        self.presence.on_reconnect.append(function)
        return function

    def on_disconnect(self, function: HookT) -> HookT:
        """Call *function* with a session whenever a browser leaves it, maybe to come back.

        Each time is one call of this for one of `on_connect` or `on_reconnect` before. If
        many wait for a handler to end, those of a browser that left and came back, or
        came and left, in the meantime are left out, both of them.
        """
        self.presence.on_disconnect.append(function)
        return function

    def on_end(self, function: HookT) -> HookT:
        """Call *function* with every session that has ended, after its last `on_disconnect`.

        Nobody came back to it within `session_timeout_s`, or it was destroyed; what it ran
        by `run_task` is cancelled, and a handler that hangs is after 5 s, as is any hook. It
        does not wait for a thread that hangs. When the app stops it is not called: the
        sessions that declare state go on in the next process.
        """
        self.presence.on_end.append(function)
        return function

    def _window(self, connection: Connection) -> Window:
        return Window(connection)


def _token() -> str:
    return secrets.token_urlsafe(32)


async def _client(request: Request) -> Response:
    part, version = request.path_params["part"], request.path_params["version"]
    return client_response(part, f"{part}.{version}.js")
