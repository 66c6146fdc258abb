"""A tab over Starlette's TestClient: a page, its joined socket, and a browser."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from browser import Browser

ORIGIN = {"origin": "http://testserver"}


class LiveTab:
    """A browser's tab; use it in a `with`, in which its socket is open."""

    def __init__(self, client: TestClient, path: str = "/", **join: Any) -> None:
        self.client = client
        self.path = path
        self.response = client.get(path)
        assert self.response.status_code == 200, self.response.text
        self.browser = Browser(self.response.text)
        self.changes = join
        self.resume_secret = ""
        self.contexts: list[Any] = []

    def meta(self, name: str) -> str:
        """Return an attribute of the page's meta element."""
        meta = re.search(r'<meta name="sapwood"[^>]*>', self.response.text)
        assert meta
        found = re.search(rf' {name}="([^"]*)"', meta[0])
        return found[1] if found else ""

    @property
    def token(self) -> str:
        """The token that stands in the page."""
        return self.meta("content")

    def join(self, **changes: Any) -> dict[str, Any]:
        """Return what the join frame carries."""
        body = {"v": 1, "token": self.token, **self.changes, **changes}
        return {name: value for name, value in body.items() if value is not None}

    def connect(self) -> Any:
        """Return a socket that nobody joined yet."""
        return self.client.websocket_connect(
            self.meta("data-path") + "/_sapwood/ws",
            subprotocols=["sapwood.1"],
            headers=dict(ORIGIN),
        )

    def refused(self) -> int:
        """Join in vain, and return the code that the socket is closed with."""
        with self.connect() as socket:
            socket.send_text(json.dumps([0, self.join()]))
            with pytest.raises(WebSocketDisconnect) as closed:
                socket.receive_text()
        return closed.value.code

    def __enter__(self) -> LiveTab:
        self.contexts.append(self.connect())
        self.socket = self.contexts[-1].__enter__()
        self.socket.send_text(json.dumps([0, self.join()]))
        welcome = json.loads(self.socket.receive_text())
        assert welcome[0] == 0, welcome
        self.welcome = welcome[1]
        self.resume_secret = self.welcome["resume"]
        return self

    def __exit__(self, *error: Any) -> None:
        self.contexts.pop().__exit__(*error)

    def back(self) -> LiveTab:
        """Be ready to resume after the socket was lost."""
        self.changes = {"token": None, "resume": self.resume_secret, "s": self.browser.sequence}
        return self

    # --- Doing -----------------------------------------------------------------------

    def uuid(self, id: str) -> str:
        """Return the uuid of the element with an id."""
        elements = self.browser.page.elements.values()
        (found,) = (node.uuid for node in elements if node.attributes.get("id") == id)
        assert found
        return found

    def text(self, id: str) -> str:
        """Return what the browser shows."""
        node = self.browser.page.elements[self.uuid(id)]
        return "".join(getattr(child, "data", "<>") for child in node.children)

    def click(self, id: str, **more: Any) -> None:
        """Click, and tell the server."""
        self.browser.do(self.uuid(id), **more)
        self.flush()

    def flush(self) -> None:
        """Tell the server what the browser has to tell."""
        while self.browser.up:
            self.socket.send_text(self.browser.up.pop(0))

    def receive(self) -> Any:
        """Wait for a frame, and return it."""
        frame = self.socket.receive_text()
        self.browser.receive(frame)
        self.flush()
        return json.loads(frame)

    def ping(self) -> None:
        """Wait until the server has all that was sent to it."""
        self.socket.send_text("[-2,7]")
        while self.receive() != [-2, 7]:
            pass

    def until_handled(self) -> None:
        """Wait until all events are handled."""
        while self.browser.outbox:
            self.receive()
