"""Every endpoint that an app has by itself turns away who is not one of its own pages.

The endpoints are read from the app, so a new one is looked at without being named here;
it must refuse foreign pages by `is_from_own_page`, before it reads anything. For a caller
without cookie or secret each needs a probe in `ANONYMOUS` below, or a reason in `PUBLIC`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from live import ORIGIN
from sapwood import App

OWN = "/_sapwood"


def stranger_joins(client: TestClient, path: str) -> bool:
    """Say whether a join with made-up secrets is refused."""
    codes = []
    for body in ({"token": "x" * 43}, {"resume": "x" * 43, "s": 0}):
        headers = dict(ORIGIN)
        with client.websocket_connect(path, subprotocols=["sapwood.1"], headers=headers) as socket:
            socket.send_text(json.dumps([0, {"v": 1, **body}]))
            with pytest.raises(WebSocketDisconnect) as closed:
                socket.receive_text()
            codes.append(closed.value.code)
    return codes == [4410, 4410]


def stranger_streams(client: TestClient, path: str) -> bool:
    """Say whether the stream for a join with made-up secrets ends at once."""
    answers = [
        client.post(path, content=json.dumps([0, {"v": 1, **body}]), headers=dict(ORIGIN)).text
        for body in ({"token": "x" * 43}, {"resume": "x" * 43, "s": 0})
    ]
    return answers == ["event: close\ndata: 4410\n\n"] * 2


def stranger_posts(client: TestClient, path: str) -> bool:
    """Say whether frames for a stream that there is not are refused."""
    headers = {**ORIGIN, "sapwood-channel": "x" * 43}
    return client.post(path, content="[-2,1]", headers=headers).status_code == 410


#: How each endpoint answers a caller with the right origin who has nothing else: the
#: function says whether it refuses.
ANONYMOUS: dict[str, Callable[[TestClient, str], bool]] = {
    "/_sapwood/ws": stranger_joins,
    "/_sapwood/stream": stranger_streams,
    "/_sapwood/send": stranger_posts,
}
#: What anybody may have, and why.
PUBLIC = {"/_sapwood/{part}.{version}.js": "the same code for everybody, with no secret in it"}

FOREIGN: list[dict[str, str]] = [
    {},
    {"origin": "null"},
    {"origin": "http://evil.example"},
    {"origin": "http://testserver.evil.example"},
    {**ORIGIN, "sec-fetch-site": "cross-site"},
]


def endpoints(routes: list[BaseRoute], prefix: str = "") -> Iterator[tuple[str, BaseRoute]]:
    """Yield what an app registers under its own path, whatever it is mounted in."""
    for route in routes:
        path = prefix + str(getattr(route, "path", ""))
        if isinstance(route, Mount) and route.routes:
            yield from endpoints(list(route.routes), path)
        elif path.startswith(OWN):
            yield path, route


def refuses(client: TestClient, path: str, route: BaseRoute, headers: dict[str, str]) -> bool:
    """Say whether an endpoint turns this caller away, in every way to call it."""
    path, headers = re.sub(r"{[^}]*}", "x", path), dict(headers)
    if isinstance(route, WebSocketRoute):
        try:
            with client.websocket_connect(path, subprotocols=["sapwood.1"], headers=headers):
                return False
        except WebSocketDisconnect as closed:
            return closed.code == 1008
    assert isinstance(route, Route), f"teach this test to call {route!r}"
    methods = route.methods or {"GET", "POST"}
    return all(client.request(it, path, headers=headers).status_code == 403 for it in methods)


def open_doors(app: App) -> list[str]:
    """Return the endpoints that let in whom they should not."""
    client = TestClient(app)
    return [
        path
        for path, route in endpoints(app._starlette.routes)
        if path not in PUBLIC
        and not (
            all(refuses(client, path, route, headers) for headers in FOREIGN)
            and path in ANONYMOUS
            and ANONYMOUS[path](client, path)
        )
    ]


def test_every_endpoint_turns_strangers_away() -> None:
    assert open_doors(App()) == []


def test_the_lists_name_nothing_that_is_gone() -> None:
    assert {*ANONYMOUS, *PUBLIC} == {path for path, _ in endpoints(App()._starlette.routes)}


async def answers(_: Any) -> PlainTextResponse:
    return PlainTextResponse("a secret")


async def accepts(websocket: Any) -> None:
    await websocket.accept("sapwood.1")


@pytest.mark.parametrize(
    "route",
    [
        Route("/_sapwood/new", answers, methods=["POST"]),
        Mount("/_sapwood", routes=[Route("/new", answers)]),
        WebSocketRoute("/_sapwood/new", accepts),
    ],
    ids=["post", "mount", "socket"],
)
def test_an_endpoint_without_a_guard_is_found(route: BaseRoute) -> None:
    app = App()
    app._starlette.router.routes.append(route)
    assert "/_sapwood/new" in open_doors(app)
