"""Apps over HTTP and WebSocket: what a page carries, who may join it, what runs where."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from live import ORIGIN, LiveTab
from sapwood import App, AppError, Element, EventHandler, Session, Template
from sapwood.connection import Turn
from sapwood.events import Event
from sapwood.protocol import Happened


class Counter(Template):
    """A page that counts."""

    def __init__(self) -> None:
        super().__init__("<p id=shown>0</p><button id=go _onclick=go>+1</button><input id=field>")
        self.count = 0

    def go(self, e: EventHandler) -> None:
        self.count += 1
        self.show()

    def show(self) -> None:
        shown = self.getElementById("shown")
        assert shown
        shown.content = str(self.count)
        self.update()


class Site:
    """An app with a page that says how often its route handler ran."""

    def __init__(self, template: type[Template] = Counter, **options: Any) -> None:
        self.app = App(**options)
        self.runs = 0
        self.template = template

        @self.app.route("/")
        def home() -> Template:
            self.runs += 1
            return template()


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def client(site: Site) -> Iterator[TestClient]:
    with TestClient(site.app) as client:
        yield client


# --- Pages -------------------------------------------------------------------------


def test_a_page_carries_its_token_and_its_client(client: TestClient) -> None:
    html = client.get("/").text
    head = html.partition("</head>")[0]
    assert re.search(r'<meta name="sapwood" content="[\w-]{43}" data-prefix="\w{4}"', head)
    assert re.search(r'<script defer nonce="[\w-]{22}" src="/_sapwood/client\.\w{16}\.js">', head)


def test_every_page_has_a_nonce_of_its_own_that_its_policy_names(client: TestClient) -> None:
    nonces = []
    for _ in range(2):
        page = client.get("/")
        (nonce,) = re.findall(r'nonce="([^"]+)"', page.text)
        assert f"script-src 'nonce-{nonce}'" in page.headers["content-security-policy"]
        nonces.append(nonce)
    assert nonces[0] != nonces[1]


EVERYWHERE = [
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cache-control", "no-store"),
        ("content-type", "text/html; charset=utf-8"),
        *EVERYWHERE,
    ],
)
def test_a_page_has_this_header(client: TestClient, name: str, value: str) -> None:
    assert client.get("/").headers[name] == value


@pytest.mark.parametrize(("name", "value"), EVERYWHERE)
@pytest.mark.parametrize("result", ["<p>hi", {"a": 1}], ids=["html", "json"])
def test_what_is_no_page_has_this_header_too(result: Any, name: str, value: str) -> None:
    assert answer(result).headers[name] == value


def test_a_page_that_may_be_framed_or_kept_by_nobody_says_so(client: TestClient) -> None:
    policy = client.get("/").headers["content-security-policy"].split("; ")
    assert {"default-src 'self'", "object-src 'none'", "base-uri 'none'"} < set(policy)
    assert {"form-action 'self'", "frame-ancestors 'none'", "connect-src 'self'"} < set(policy)


@pytest.mark.parametrize(
    ("url", "debug", "value"),
    [
        ("https://testserver", False, "max-age=31536000"),
        ("https://testserver", True, None),
        ("http://testserver", False, None),
    ],
)
def test_in_production_over_tls_a_browser_is_told_to_stay_there(
    url: str, debug: bool, value: str | None
) -> None:
    page = TestClient(Site(debug=debug).app, base_url=url).get("/")
    assert page.headers.get("strict-transport-security") == value


def test_an_app_may_say_other_headers_and_leave_some_out() -> None:
    site = Site(headers={"Permissions-Policy": "usb=(self)", "referrer-policy": "", "x-own": "1"})
    headers = TestClient(site.app).get("/").headers
    assert (headers["permissions-policy"], headers["x-own"]) == ("usb=(self)", "1")
    assert ("referrer-policy" in headers, "x-content-type-options" in headers) == (False, True)


@pytest.mark.parametrize("trusted", [True, False])
def test_trusted_types_are_asked_for_if_the_app_says_so(trusted: bool) -> None:
    policy = TestClient(Site(trusted_types=trusted).app).get("/").headers["content-security-policy"]
    asked = "require-trusted-types-for 'script'; trusted-types sapwood"
    assert policy.endswith(f"; {asked}") == trusted


def test_another_policy_gets_the_nonce_too() -> None:
    site = Site(content_security_policy="script-src 'nonce-{nonce}'")
    policy = TestClient(site.app).get("/").headers["content-security-policy"]
    assert re.fullmatch(r"script-src 'nonce-[\w-]{22}'", policy)


@pytest.mark.parametrize("name", [r'src="/_sapwood/([^"]+)"', r'data-more="([^"]+)"'])
def test_the_client_is_served_for_ever(client: TestClient, name: str) -> None:
    (name,) = re.findall(name, client.get("/").text)
    code = client.get(f"/_sapwood/{name}")
    assert code.headers["content-type"].startswith("text/javascript")
    assert (code.status_code, "immutable" in code.headers["cache-control"]) == (200, True)


@pytest.mark.parametrize("name", ["client.old.js", "more.old.js", "other.x.js"])
def test_a_client_of_another_version_is_not_served(client: TestClient, name: str) -> None:
    assert client.get(f"/_sapwood/{name}").status_code == 404


def test_without_sockets_a_page_is_a_page(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAPWOOD_DISABLE_WS", "1")
    page = client.get("/")
    assert ("0</p>" in page.text, "sapwood" in page.text, "script" in page.text) == (
        True,
        False,
        False,
    )


# --- Routes ------------------------------------------------------------------------


def answer(result: Any, path: str = "/") -> Any:
    app = App()
    app.route("/")(lambda: result)
    return TestClient(app).get(path)


def test_a_string_is_html() -> None:
    page = answer("<p>hi")
    assert (page.text, page.headers["content-type"]) == ("<p>hi", "text/html; charset=utf-8")


@pytest.mark.parametrize("data", [{"a": 1}, [1, 2]], ids=["dict", "list"])
def test_data_is_json(data: Any) -> None:
    assert answer(data).json() == data


def test_a_response_is_itself() -> None:
    assert answer(Response("x", 418)).status_code == 418


@pytest.mark.parametrize("result", [None, 5, Element("p"), Template], ids=repr)
def test_any_other_result_is_an_error_that_says_what_is_possible(result: Any) -> None:
    with pytest.raises(AppError, match=r"the handler of / returned .*; it must return a Template"):
        answer(result)


def test_path_parameters_and_the_request_come_by_name() -> None:
    app = App()

    @app.route("/item/{id:int}/{name}")
    async def item(name: str, request: Request, id: int, more: str = "m") -> Any:
        return {"all": [id, name, request.url.query, more]}

    assert TestClient(app).get("/item/7/a%20b?q=1").json() == {"all": [7, "a b", "q=1", "m"]}


def test_one_path_may_have_a_handler_for_each_method() -> None:
    app = App()
    app.route("/")(lambda: "get")
    app.route("/", methods=["POST"])(lambda: "post")
    client = TestClient(app)
    assert (client.get("/").text, client.post("/").text) == ("get", "post")


def test_a_route_handler_that_is_no_coroutine_runs_off_the_loop() -> None:
    app = App()
    loops: list[int] = []

    @app.route("/sync")
    def sync() -> Any:
        return {"thread": threading.get_ident()}

    @app.route("/async")
    async def on_loop() -> Any:
        return {"thread": threading.get_ident()}

    @app.on_startup
    def start() -> None:
        loops.append(threading.get_ident())

    with TestClient(app) as client:
        threads = [client.get(path).json()["thread"] for path in ("/sync", "/async")]
    assert [thread == loops[0] for thread in threads] == [False, True]


def test_a_handler_that_wants_what_there_is_not_is_refused_at_once() -> None:
    def home(wrong: str) -> None:
        pass

    with pytest.raises(AppError) as refused:
        App().route("/item/{id}")(home)
    assert str(refused.value) == (
        "the handler test_a_handler_that_wants_what_there_is_not_is_refused_at_once.<locals>.home "
        "of '/item/{id}' wants 'wrong'; it can have: request, state, id"
    )


@pytest.mark.parametrize("path", ["", "item", "item/{id}"])
def test_a_path_begins_with_a_slash(path: str) -> None:
    with pytest.raises(AppError, match="begins with '/'"):
        App().route(path)(lambda: "")


def test_another_asgi_app_can_be_mounted(site: Site) -> None:
    site.app.mount("/raw", PlainTextResponse("raw"))
    assert TestClient(site.app).get("/raw/x").text == "raw"


@pytest.mark.parametrize(
    ("content", "warning"),
    [
        (lambda: Element("table", Element("tr", id="r")), "<tr#r> into <tbody>, not into <table>"),
        (lambda: Element("p", ["a", Element("div", "b")]), "<div> into <body>, not into <p>"),
        (lambda: Element("a", Element("b", Element("a"))), "<a> into <b>, not into <b>"),
        (lambda: Element("table", Element("tbody", Element("tr"))), ""),
        (lambda: Element("p", [Element("table", Element("tr"), show=False), "shown"]), ""),
    ],
    ids=["row", "block", "link", "right", "hidden"],
)
@pytest.mark.parametrize("debug", [True, False])
def test_in_development_the_log_says_once_where_a_parser_puts_elements_elsewhere(
    content: Callable[[], Element], warning: str, debug: bool, caplog: pytest.LogCaptureFixture
) -> None:
    class Nested(Template):
        def __init__(self) -> None:
            super().__init__("<!doctype html><body></body>")
            self.root.children[-1].append(content())

    client = TestClient(Site(Nested, debug=debug).app)
    client.get("/")
    client.get("/")
    told = [it.getMessage() for it in caplog.records if "parses the page" in it.getMessage()]
    assert len(told) == (1 if warning and debug else 0)
    assert all(message.startswith("Nested: ") and warning in message for message in told)


# --- Joining -------------------------------------------------------------------------


def test_the_route_handler_runs_once_for_page_and_socket(site: Site, client: TestClient) -> None:
    with LiveTab(client) as tab:
        tab.click("go")
        tab.until_handled()
        assert (tab.welcome["mode"], site.runs, tab.text("shown")) == ("handoff", 1, "1")


def test_the_welcome_says_whether_errors_are_shown() -> None:
    with TestClient(Site(debug=True).app) as client, LiveTab(client) as tab:
        assert tab.welcome["dev"] is True


def test_fields_of_a_join_are_taken_over(client: TestClient, site: Site) -> None:
    tab = LiveTab(client)
    field = tab.browser.page.id(tab.uuid("field"))
    tab.changes = {"fields": [field, "typed"]}
    with tab:
        (session,) = site.app.registry
        found = session.template.getElementById("field")
        assert found
        assert found.value == "typed"


def test_a_token_is_good_once(site: Site, client: TestClient) -> None:
    tab = LiveTab(client)
    with tab:
        tab.click("go")
        tab.until_handled()
    assert (tab.refused(), site.runs) == (4410, 1)


def test_a_token_that_never_was_opens_nothing_and_runs_nothing(
    site: Site, client: TestClient
) -> None:
    assert (LiveTab(client, token="gone").refused(), site.runs) == (4410, 1)


def test_a_token_is_of_no_use_to_another_browser(site: Site, client: TestClient) -> None:
    tab = LiveTab(client)
    client.cookies.clear()
    assert tab.refused() == 4410


def test_a_lost_socket_resumes_with_what_changed_since(site: Site, client: TestClient) -> None:
    tab = LiveTab(client)
    with tab:
        tab.click("go")
        tab.until_handled()
    (session,) = site.app.registry
    template = session.template
    assert isinstance(template, Counter)
    template.count = 41
    template.show()
    with tab.back():
        tab.receive()
        assert (tab.welcome["mode"], tab.welcome["c"], tab.text("shown")) == ("resume", 1, "41")
        assert site.runs == 1


def test_another_browser_cannot_resume(client: TestClient) -> None:
    tab = LiveTab(client)
    with tab:
        pass
    client.cookies.clear()
    assert tab.back().refused() == 4410


def test_a_newer_socket_closes_the_older_with_4409(client: TestClient) -> None:
    tab = LiveTab(client)
    with tab:
        older = tab.socket
        with tab.back(), pytest.raises(WebSocketDisconnect) as closed:
            older.receive_text()
    assert closed.value.code == 4409


def test_a_session_ends_when_nobody_comes_back_in_time() -> None:
    site = Site(session_timeout_s=0)
    with TestClient(site.app) as client:
        with LiveTab(client) as tab:
            assert len(site.app.registry) == 1
        assert tab.back().refused() == 4410


@pytest.mark.parametrize(
    ("frame", "code"),
    [("nonsense", 4400), ("[5,0,1]", 4400), ("x" * 70_000, 1009), ("[-1,99]", 4400)],
    ids=["nonsense", "gap", "size", "never sent"],
)
def test_a_wrong_frame_closes_the_socket(client: TestClient, frame: str, code: int) -> None:
    with LiveTab(client) as tab:
        tab.socket.send_text(frame)
        with pytest.raises(WebSocketDisconnect) as closed:
            tab.socket.receive_text()
    assert closed.value.code == code


@pytest.mark.parametrize("first", ["[1,0,1]", "", '[0,{"v":2}]'])
def test_a_socket_that_does_not_join_is_closed(client: TestClient, first: str) -> None:
    with LiveTab(client).connect() as socket:
        socket.send_text(first)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
    assert closed.value.code == 4400


def test_a_binary_frame_closes_the_socket(client: TestClient) -> None:
    with LiveTab(client) as tab:
        tab.socket.send_bytes(b"[1,0,1]")
        with pytest.raises(WebSocketDisconnect) as closed:
            tab.socket.receive_text()
    assert closed.value.code == 4400


# --- Who may connect -------------------------------------------------------------------


def connects(**headers: str) -> bool:
    client = TestClient(Site(allowed_origins=["https://friend.example:8443"]).app)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with client.websocket_connect("/_sapwood/ws", subprotocols=["sapwood.1"], headers=named):
            return True
    except WebSocketDisconnect as closed:
        return closed.code != 1008


# Which origin is allowed: test_origin.py.
@pytest.mark.parametrize(
    ("headers", "may"),
    [
        ({"origin": "http://testserver"}, True),
        ({"origin": "http://testserver", "sec_fetch_site": "same-origin"}, True),
        ({"origin": "https://friend.example:8443", "sec_fetch_site": "same-site"}, True),
        ({"origin": "http://testserver", "sec_fetch_site": "cross-site"}, False),
        ({"origin": "https://friend.example:8443", "sec_fetch_site": "cross-site"}, False),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "null"}, False),
        ({}, False),
    ],
)
def test_only_our_own_pages_may_connect(headers: dict[str, str], may: bool) -> None:
    assert connects(**headers) == may


@pytest.mark.parametrize("offered", [[], ["other"], ["sapwood.2"], ["sapwood.10"], ["SAPWOOD.1"]])
def test_another_protocol_is_refused(client: TestClient, offered: list[str]) -> None:
    with pytest.raises(WebSocketDisconnect) as closed:  # noqa: SIM117
        with client.websocket_connect("/_sapwood/ws", subprotocols=offered, headers=dict(ORIGIN)):
            pass
    assert closed.value.code == 1008


def test_the_protocol_may_be_one_of_several(client: TestClient) -> None:
    offered = ["sapwood.2", "sapwood.1"]
    with client.websocket_connect(
        "/_sapwood/ws", subprotocols=offered, headers=dict(ORIGIN)
    ) as socket:
        assert socket.accepted_subprotocol == "sapwood.1"


# --- Mounted -----------------------------------------------------------------------------


def mounted_in_starlette(app: App) -> Any:
    return Starlette(routes=[Mount("/admin", app=app)])


def mounted_in_fastapi(app: App) -> Any:
    outer = FastAPI()
    outer.mount("/admin", app)
    return outer


def mounted_in_sapwood(app: App) -> Any:
    outer = App()
    outer.mount("/admin", app)
    return outer


def mounted_twice(app: App) -> Any:
    return Starlette(routes=[Mount("/ad", routes=[Mount("min", app=app)])])


MOUNTS = {
    "starlette": mounted_in_starlette,
    "fastapi": mounted_in_fastapi,
    "sapwood": mounted_in_sapwood,
}


@pytest.fixture(params=MOUNTS.values(), ids=MOUNTS)
def mounted(request: pytest.FixtureRequest, site: Site) -> Iterator[TestClient]:
    with TestClient(request.param(site.app)) as client:
        yield client


def test_a_mounted_page_is_live(mounted: TestClient, site: Site) -> None:
    with LiveTab(mounted, "/admin/") as tab:
        tab.click("go")
        tab.until_handled()
        assert (tab.text("shown"), site.runs, tab.meta("data-path")) == ("1", 1, "/admin")


def test_a_mounted_page_finds_its_client(mounted: TestClient) -> None:
    (path,) = re.findall(r'src="([^"]+)"', mounted.get("/admin/").text)
    assert (path.startswith("/admin/_sapwood/"), mounted.get(path).status_code) == (True, 200)


# --- Running -----------------------------------------------------------------------------


def test_startup_functions_run_in_order_before_anything_is_served() -> None:
    app, inner = App(), App()
    order: list[str] = []

    @inner.on_startup
    async def first() -> None:
        order.append("inner")

    @app.on_startup
    def second() -> None:
        order.append("outer")

    @app.route("/")
    def home() -> str:
        order.append("served")
        return ""

    app.mount("/inner", inner)
    with TestClient(app) as client:
        client.get("/")
    assert order == ["inner", "outer", "served"]


def test_a_startup_function_may_start_tasks_that_end_with_the_app() -> None:
    app = App()
    ended: list[bool] = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    @app.on_startup
    async def start() -> None:
        app.run_task(forever())
        await asyncio.sleep(0)  # let it begin

    with TestClient(app):
        assert ended == []
    assert ended == [True]


async def awaited() -> None:
    """Do nothing, in time."""


def test_a_task_is_refused_where_no_loop_runs(recwarn: pytest.WarningsRecorder) -> None:
    with pytest.raises(AppError, match="async def"):
        App().run_task(awaited())
    assert list(recwarn) == []  # of a coroutine that nobody awaited


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"store": "sessions.db"}, "store is a SessionStore"),
        ({"session_timeout_s": -1}, "session_timeout_s"),
        ({"session_timeout_s": float("nan")}, "session_timeout_s"),
        ({"allowed_hosts": "example.org"}, r"allowed_hosts is a list, as in \['example.org'\]"),
        ({"allowed_origins": "https://example.org"}, "allowed_origins is a list"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(settings: Any, said: str) -> None:
    with pytest.raises(AppError, match=said):
        App(**settings)


def test_a_route_without_a_path_is_refused() -> None:
    def home() -> str:
        return ""

    with pytest.raises(AppError, match=r"@app\.route\('/'\)"):
        App().route(home)  # type: ignore[arg-type]


def test_a_path_has_one_handler_for_each_method() -> None:
    app = App()
    app.route("/")(lambda: "read")
    app.route("/", methods=["POST"])(lambda: "written")
    with pytest.raises(AppError, match=r"'/' is served by .*<lambda> already, not by .*second too"):

        @app.route("/", methods=["PUT", "GET"])
        def second() -> str:
            return ""

    with TestClient(app) as client:
        assert [client.get("/").text, client.post("/").text] == ["read", "written"]


def test_what_a_task_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    app = App()

    async def fails() -> None:
        raise ZeroDivisionError("boom")

    @app.on_startup
    def start() -> None:
        app.run_task(fails())

    with TestClient(app) as client:
        client.get("/")
    assert [(r.name, r.levelno, "boom" in r.getMessage()) for r in caplog.records] == [
        ("sapwood", logging.ERROR, True)
    ]


def test_ending_the_app_ends_its_sessions(site: Site) -> None:
    with TestClient(site.app) as client:
        with LiveTab(client):
            pass
        assert len(site.app.registry) == 1
    assert len(site.app.registry) == 0


# --- Handlers ----------------------------------------------------------------------------


class Threads(Template):
    """A page whose handlers say where they run."""

    seen: dict[str, int]

    def __init__(self) -> None:
        super().__init__(
            "<button id=sync _onclick=sync></button><button id=async _onclick=on_loop></button>"
            "<button id=late _onclick=late></button>"
        )
        self.seen = {}

    def sync(self) -> None:
        self.seen["sync"] = threading.get_ident()

    async def on_loop(self) -> None:
        self.seen["async"] = threading.get_ident()

    def late(self) -> Any:
        self.seen["late"] = threading.get_ident()
        return self.on_loop()


def test_a_handler_that_is_no_coroutine_runs_off_the_loop() -> None:
    site = Site(Threads)
    loops: list[int] = []
    site.app.on_startup(lambda: loops.append(threading.get_ident()))
    with TestClient(site.app) as client, LiveTab(client) as tab:
        for id in ("sync", "async", "late"):
            tab.click(id)
        tab.until_handled()
        (session,) = site.app.registry
        assert isinstance(session.template, Threads)
        seen = session.template.seen
    assert (seen["sync"] != loops[0], seen["async"], seen["late"] != loops[0]) == (
        True,
        loops[0],
        True,
    )


class Careful(Counter):
    """Reads, waits until it is let go, writes."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def go(self, e: EventHandler) -> None:
        count = self.count
        assert self.gate.wait(10)
        self.count = count + 1
        self.show()


class CarefulAsync(Counter):
    """The same, as a coroutine."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()

    async def go(self, e: EventHandler) -> None:  # type: ignore[override]  # handlers may be both
        count = self.count
        await asyncio.wait_for(self.gate.wait(), 10)
        self.count = count + 1
        self.show()


@pytest.mark.parametrize("template", [Careful, CarefulAsync])
def test_ten_clicks_that_come_together_are_handled_one_after_the_other(
    template: type[Counter],
) -> None:
    site = Site(template)
    with TestClient(site.app) as client, LiveTab(client) as tab:
        for _ in range(10):
            tab.click("go")
        tab.ping()  # now all ten are there, and the first one waits
        (session,) = site.app.registry
        assert isinstance(session.template, Careful | CarefulAsync)
        assert client.portal
        client.portal.call(session.template.gate.set)
        while tab.text("shown") != "10":  # the last ones may come as one, after their number
            tab.receive()
        assert session.template.count == 10


def test_sessions_do_not_wait_for_each_other() -> None:
    together = threading.Barrier(2)

    class Meeting(Counter):
        def go(self, e: EventHandler) -> None:
            together.wait(10)
            super().go(e)

    with TestClient(Site(Meeting).app) as client, LiveTab(client) as one, LiveTab(client) as other:
        for tab in (one, other):
            tab.click("go")
        for tab in (one, other):
            tab.until_handled()
        assert (one.text("shown"), other.text("shown")) == ("1", "1")


def test_one_tab_does_not_see_what_another_does(client: TestClient) -> None:
    with LiveTab(client) as one, LiveTab(client) as other:
        one.click("go")
        one.until_handled()
        other.ping()
        assert (one.text("shown"), other.text("shown")) == ("1", "0")


def test_all_tabs_of_a_shared_page_see_the_same() -> None:
    app = App()
    page = Counter()
    page.shared = True
    app.route("/")(lambda: page)
    with TestClient(app) as client, LiveTab(client) as one, LiveTab(client) as other:
        one.click("go")
        one.until_handled()
        other.receive()
        assert (one.text("shown"), other.text("shown")) == ("1", "1")


def test_an_update_may_come_from_any_thread(site: Site, client: TestClient) -> None:
    with LiveTab(client) as tab:
        (session,) = site.app.registry
        template = session.template
        assert isinstance(template, Counter)
        template.count = 7
        thread = threading.Thread(target=template.show)
        thread.start()
        tab.receive()
        thread.join()
        assert tab.text("shown") == "7"


class Failing(Counter):
    """Fails at every other click."""

    def go(self, e: EventHandler) -> None:
        self.count += 1
        if self.count % 2:
            raise [ZeroDivisionError, SystemExit, KeyboardInterrupt][self.count % 3]("boom")
        self.show()


def test_whatever_a_handler_raises_the_session_lives_on(caplog: pytest.LogCaptureFixture) -> None:
    with TestClient(Site(Failing).app) as client, LiveTab(client) as tab:
        for _ in range(6):
            tab.click("go")
        tab.until_handled()
        assert (tab.text("shown"), [error[0] for error in tab.browser.errors]) == ("6", [1, 3, 5])
    assert sum("boom" in record.getMessage() for record in caplog.records) == 3


def test_an_error_in_development_shows_the_handlers_own_frames_only() -> None:
    with TestClient(Site(Failing, debug=True).app) as client, LiveTab(client) as tab:
        tab.click("go")
        tab.until_handled()
        ((_, _, text),) = tab.browser.errors
    assert ("in go" in text, "workers.py" in text, "starlette" in text) == (True, False, False)


# --- Sockets that break ------------------------------------------------------------------


class Wire:
    """An ASGI server's side of one socket, which breaks after so many frames."""

    def __init__(self, app: App, tab: LiveTab, breaks_after: int) -> None:
        self.app = app
        self.left = breaks_after
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        cookie = f"sapwood={tab.client.cookies['sapwood']}"
        headers = {"host": "testserver", "origin": "http://testserver", "cookie": cookie}
        self.scope = {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "scheme": "ws",
            "path": "/_sapwood/ws",
            "raw_path": b"/_sapwood/ws",
            "root_path": "",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "subprotocols": ["sapwood.1"],
        }
        self.put("connect")
        self.put("receive", text=json.dumps([0, tab.join()]))

    def put(self, type: str, **more: Any) -> None:
        self.incoming.put_nowait({"type": f"websocket.{type}", **more})

    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.send":
            if self.left == 0:
                self.put("disconnect", code=1006)
                raise OSError("the browser is gone")
            self.left -= 1

    async def run(self) -> None:
        await self.app(self.scope, self.incoming.get, self.send)


@pytest.mark.parametrize("breaks_after", [0, 1])
def test_a_session_whose_socket_breaks_ends_in_time(
    breaks_after: int, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(session_timeout_s=0)
    with TestClient(site.app) as client:
        tab = LiveTab(client)
        wire = Wire(site.app, tab, breaks_after)
        tab.browser.do(tab.uuid("go"))
        wire.put("receive", text=tab.browser.up[0])
        assert client.portal
        client.portal.call(wire.run)
        client.get("/")
        assert len(site.app.registry) == 0
    gc.collect()  # a task that failed unheard says so when it goes
    assert caplog.records == []


def test_a_handler_that_lets_a_cancellation_pass_does_not_hang_its_session() -> None:
    class Page(Template):
        def __init__(self) -> None:
            super().__init__("<button id=go _onclick=go></button><p id=shown>0</p>")
            self.runs = 0

        async def go(self, e: EventHandler) -> None:
            self.runs += 1
            if self.runs == 1:
                raise asyncio.CancelledError
            shown = self.querySelector("#shown")
            assert shown
            shown.content = self.runs
            e.update()

    app = App(debug=True)
    app.route("/")(Page)
    with TestClient(app) as client, LiveTab(client) as tab:
        tab.click("go")
        tab.until_handled()
        tab.click("go")
        tab.until_handled()
        assert tab.text("shown") == "2"
        assert [code for _, code, _ in tab.browser.errors] == ["error"]


async def test_a_fault_of_ours_does_not_hang_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    app, template = App(), Template("<p>")
    session = Session("id", template, "/", app=app)
    connection = session.attach(template._published, browser="b")
    for number in (1, 2):
        connection.receive(Happened(Event(number, "nobody"), 0))

    def fault(self: Session, turn: Turn) -> Any:
        raise RuntimeError("a fault")

    with monkeypatch.context() as patch:
        patch.setattr(Session, "calls", fault)
        app.dispatcher.drive(session)
        await app.dispatcher.finish(5)
    connection.receive(Happened(Event(3, "nobody"), 0))
    app.dispatcher.drive(session)
    await app.dispatcher.finish(5)
    assert (connection.handled, session.is_busy) == (3, False)
