"""An app that is served inside of this process, without a network, for tests.

It has a thread and an event loop of its own and is asked by ASGI, as any server would ask
it: whatever lies above the network is the real thing. All who ask for an app share one
server, which starts with the first of them and stops with the last.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping, MutableMapping
from contextlib import ExitStack
from dataclasses import dataclass
from http.cookies import SimpleCookie
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import unquote

from anyio.from_thread import BlockingPortal, start_blocking_portal

from sapwood.app import App
from sapwood.doors import Doors, open_doors
from sapwood.errors import TabError
from sapwood.protocol import VERSION
from sapwood.session import Session
from sapwood.store import SessionStore

# What a browser calls an app that does not say what it is called.
LOCALHOST = "localhost"
#: A socket that ends without a word of the other side (RFC 6455, 7.4.1).
ABNORMAL = 1006
# So many errors of handlers wait to be asked for.
ERRORS_MAX = 256

Message = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class Response:
    """What an app answered to a request."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def location(self) -> str | None:
        """Where a redirect leads."""
        is_redirect = self.status in {301, 302, 303, 307, 308}
        return dict(self.headers).get("location") if is_redirect else None


class Server:
    """Serves an app; `serve` returns one, and `leave` is called when it is not needed any more."""

    def __init__(self, app: App) -> None:
        self.app: App = app
        self.users: int = 0
        self._errors = _Errors()
        #: What ends the app's life.
        self._life = ExitStack()
        with ExitStack() as stack:
            self.portal: BlockingPortal = stack.enter_context(
                start_blocking_portal(name="sapwood-test-server")
            )
            logger = logging.getLogger("sapwood")
            logger.addHandler(self._errors)
            stack.callback(logger.removeHandler, self._errors)
            self._start()
            self._stack = stack.pop_all()

    def leave(self) -> None:
        """Stop if nobody else is there."""
        with _lock:
            self.users -= 1
            if self.users:
                return
            _running.pop(self.app, None)
        with self._stack:
            self._stop(keep=set())

    def restart(self, app: App) -> None:
        """Stop, as at SIGTERM, and serve *app* from now on, to all who were served.

        Raises TabError if that one is served already, and what a startup function raises.
        """
        with _lock:
            if app is not self.app and app in _running:
                raise TabError("the app to restart with has tabs already")
            _running.pop(self.app, None)
            self._stop(keep=app._stores())
            self.app = app
            self._start()
            _running[app] = self

    def _start(self) -> None:
        # Tests need neither a secret nor a name, and the app has the same doors after them.
        app, before = self.app, vars(self.app).get("doors")
        with ExitStack() as stack:
            stack.callback(_set_doors, app, before)
            _set_doors(app, open_doors(app._secret, app._allowed_hosts, debug=True))
            stack.enter_context(self.portal.wrap_async_context_manager(app._life()))
            self._life = stack.pop_all()

    def _stop(self, keep: set[SessionStore]) -> None:
        with self._life:
            pass
        for store in self.app._stores() - keep:
            self.portal.call(store.close)

    # --- Asking it -------------------------------------------------------------------

    @property
    def host(self) -> str:
        """A name that the app is served under."""
        return next((it for it in sorted(self.app._allowed_hosts) if "*" not in it), LOCALHOST)

    def get(self, target: str, headers: Mapping[str, str], timeout_s: float) -> Response:
        """Ask for a path and query; raise what the app raises, and TimeoutError."""
        return self.portal.call(self._get, target, headers, timeout_s)

    async def _get(self, target: str, headers: Mapping[str, str], timeout_s: float) -> Response:
        incoming: asyncio.Queue[Message] = asyncio.Queue()
        incoming.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async with asyncio.timeout(timeout_s):
            await self.app(self._scope("http", target, headers), incoming.get, send)
        begin = sent[0]
        body = b"".join(it.get("body", b"") for it in sent[1:])
        pairs = [(name.decode("latin-1"), it.decode("latin-1")) for name, it in begin["headers"]]
        return Response(begin["status"], pairs, body)

    def connect(self, target: str, headers: Mapping[str, str]) -> Socket:
        """Open a WebSocket."""
        scope = self._scope("websocket", target, {**headers, "origin": f"http://{self.host}"})
        return Socket(self, {**scope, "subprotocols": [VERSION]})

    def _scope(self, kind: str, target: str, headers: Mapping[str, str]) -> dict[str, Any]:
        path, _, query = target.partition("?")
        named = {"host": self.host, "user-agent": "sapwood.testing", **headers}
        return {
            "type": kind,
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http" if kind == "http" else "ws",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [
                (name.lower().encode(), value.encode("latin-1")) for name, value in named.items()
            ],
            "client": ("127.0.0.1", 50_000),
            "server": (self.host, 80),
        }

    # --- Looking into it ---------------------------------------------------------------

    def session(self, id: str) -> Session | None:
        """Return a session of the app, or of one that is mounted in it."""
        apps = [self.app]
        for app in apps:
            if (found := app.registry.get(id)) is not None:
                return found
            apps += app._mounted
        return None

    def take_errors(self, session_id: str, number: int) -> list[BaseException]:
        """Return what handlers of an event have raised, and forget it."""
        return self._errors.take(session_id, number)


def _set_doors(app: App, doors: Doors | None) -> None:
    vars(app).pop("doors", None)
    if doors is not None:
        app.doors = doors


_lock = threading.Lock()
#: The servers of this process by what they serve: several tabs of one app have one.
_running: dict[App, Server] = {}


def serve(app: App) -> Server:
    """Return the server of *app*, which has started; raise what a startup function raises."""
    with _lock:
        server = _running.get(app)
        if server is None:
            server = _running[app] = Server(app)
        server.users += 1
        return server


class Socket:
    """One WebSocket, as a browser has it."""

    def __init__(self, server: Server, scope: dict[str, Any]) -> None:
        self._portal = server.portal
        self._incoming: asyncio.Queue[Message] = asyncio.Queue()
        self._incoming.put_nowait({"type": "websocket.connect"})
        #: Frames from the app, and at the end the code that it closed with.
        self._frames: SimpleQueue[str | int] = SimpleQueue()
        self._is_cut = False
        self._served = self._portal.start_task_soon(
            server.app, scope, self._incoming.get, self._send
        )
        self._served.add_done_callback(lambda _: self._frames.put(ABNORMAL))

    def send(self, frame: str) -> None:
        """Send a frame; what comes after the end is lost."""
        self._portal.call(self._incoming.put_nowait, {"type": "websocket.receive", "text": frame})

    def receive(self, timeout_s: float) -> str | int | None:
        """Return the next frame, or the code it was closed with; None if nothing comes in time.

        Raises what the app has raised.
        """
        try:
            frame = self._frames.get(timeout=max(0.0, timeout_s))
        except Empty:
            return None
        if isinstance(frame, int) and self._served.done():
            self._served.result()
        return frame

    def cut(self, timeout_s: float) -> None:
        """Lose it, with all that is on its way, and wait until the app has seen that."""
        self._is_cut = True
        self._portal.call(
            self._incoming.put_nowait, {"type": "websocket.disconnect", "code": ABNORMAL}
        )
        self._served.result(timeout_s)

    async def _send(self, message: Message) -> None:
        if self._is_cut:
            raise OSError("the network is gone")
        if message["type"] == "websocket.send":
            self._frames.put(message["text"])
        elif message["type"] == "websocket.close":
            self._frames.put(message["code"])
            self._incoming.put_nowait({"type": "websocket.disconnect", "code": message["code"]})


class Cookies:
    """The cookies of one browser, by name: it knows one site, and forgets none by the clock."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def take(self, response: Response) -> None:
        """Keep what a response sets, and drop what it deletes."""
        for name, value in response.headers:
            if name != "set-cookie":
                continue
            for morsel in SimpleCookie(value).values():
                self._values[morsel.key] = morsel.coded_value
                if morsel["max-age"] == "0":
                    del self._values[morsel.key]

    @property
    def header(self) -> dict[str, str]:
        """The header that tells of them."""
        pairs = "; ".join(f"{name}={value}" for name, value in self._values.items())
        return {"cookie": pairs} if pairs else {}


class _Errors(logging.Handler):
    """Keeps the last errors of handlers as they are logged, with their tracebacks."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._errors: list[tuple[tuple[str, int], BaseException]] = []

    def emit(self, record: logging.LogRecord) -> None:
        failed: tuple[str, int] | None = getattr(record, "failed", None)
        if failed is not None and record.exc_info and record.exc_info[1] is not None:
            self._errors = [*self._errors, (failed, record.exc_info[1])][-ERRORS_MAX:]

    def take(self, session_id: str, number: int) -> list[BaseException]:
        self.acquire()
        try:
            taken = [error for failed, error in self._errors if failed == (session_id, number)]
            self._errors = [it for it in self._errors if it[0] != (session_id, number)]
        finally:
            self.release()
        return taken
