"""What a hostile client says comes to nothing, costs little, and is said in few words.

Each frame here goes over a real conversation; what a frame may hold at all is in
`test_protocol.py`, what a page may tell of foreign nodes in `test_foreign.py`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import random
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from live import LiveTab
from sapwood import App, Element, EventHandler, Template, _core
from sapwood.connection import Info
from sapwood.conversation import OTHERS_AT_ONCE, OTHERS_PER_S, Gone, converse
from sapwood.dispatch import Dispatcher
from sapwood.handoff import Page
from simulated.clockwork import ClockworkLoop
from simulated.server import Asleep

# Without blanks: what is taken out of it would leave texts side by side, and so a patch.
HTML = (
    "<button id=go _onclick=go>go</button><p id=plain>plain</p>"
    "<button id=off disabled _onclick=go></button>"
    "<fieldset id=set disabled><button id=within _onclick=go></button></fieldset>"
    "<div id=around><button id=hidden _onclick=go></button></div>"
    "<b id=gone _onclick=go></b><input id=field>"
)


class Door(Template):
    """A page of which one button works."""

    def __init__(self) -> None:
        super().__init__(HTML)
        self.log: list[str] = []
        self.secret = "not a handler"
        self.element("around").show = False
        self.gone = self.element("gone").uuid
        self.element("gone").remove()

    def element(self, id: str) -> Any:
        found = self.getElementById(id)
        assert found
        return found

    async def go(self, e: EventHandler) -> None:
        self.log.append(e.type)

    async def _private(self, e: EventHandler) -> None:
        self.log.append("private")

    async def public(self, e: EventHandler) -> None:
        self.log.append("public")


@pytest.fixture
def app() -> App:
    app = App(debug=False)
    app.route("/")(Door)
    return app


@pytest.fixture
def client(app: App) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


def door(app: App) -> Door:
    (session,) = app.sessions.values()
    assert isinstance(session.template, Door)
    return session.template


def answer(tab: LiveTab, event: list[Any]) -> Any:
    """Send an event, and return what is said of it: a frame, or the close code."""
    tab.socket.send_text(json.dumps(event))
    try:
        return json.loads(tab.socket.receive_text())
    except WebSocketDisconnect as closed:
        return closed.code


REFUSED = [-3, 1, "refused", ""]
PONG = [-2, 7]


# --- Ids -----------------------------------------------------------------------------

IDS: dict[str, Any] = {
    "unknown": 999_999_999,
    "the largest": 2**53 - 1,
    "a string": "nobody",
    "nothing": "",
    "another process's": "zzzz1",
    "a prototype": "__proto__",
    "markup": "<img src=x onerror=alert(1)>",
    "a selector": "#go",
    "as long as can be": "x" * 256,
}
MALFORMED_IDS: dict[str, Any] = {
    "the document": 0,
    "negative": -1,
    "too large": 2**53,
    "huge": 10**30,
    "too long": "x" * 257,
    "a fraction": 1.5,
    "a whole fraction": 1.0,
    "nothing": None,
    "true": True,
    "a list": [1],
    "an object": {"id": 1},
}


@pytest.mark.parametrize("id", IDS.values(), ids=IDS)
def test_an_event_on_an_id_that_is_nobodys_is_refused(
    app: App, client: TestClient, id: Any
) -> None:
    with LiveTab(client) as tab:
        assert answer(tab, [1, 0, id]) == REFUSED
        assert door(app).log == []


@pytest.mark.parametrize("id", MALFORMED_IDS.values(), ids=MALFORMED_IDS)
def test_an_id_that_cannot_be_ends_the_conversation(app: App, client: TestClient, id: Any) -> None:
    with LiveTab(client) as tab:
        assert answer(tab, [1, 0, id]) == 4400
        assert door(app).log == []


def test_an_element_of_another_session_is_nobodys(app: App, client: TestClient) -> None:
    def pages() -> Door:
        page = Door()
        # Not of the HTML that both have in common.
        page.made = Element("i", onclick=page.go)
        page.element("plain").append(page.made)
        return page

    app.route("/own")(pages)
    with LiveTab(client, "/own") as one, LiveTab(client, "/own") as other:
        first, second = (session.template for session in app.sessions.values())
        assert first.made.uuid != second.made.uuid
        one.browser.page.prefix = other.browser.page.prefix
        assert answer(other, [1, 0, other.browser.page.id(first.made.uuid)]) == REFUSED
        assert (first.log, second.log) == ([], [])


# --- Who hears ------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["plain", "off", "within", "hidden", "gone", "field"])
def test_nothing_is_run_on_what_hears_nothing(app: App, client: TestClient, target: str) -> None:
    with LiveTab(client) as tab:
        page = door(app)
        uuid = page.gone if target == "gone" else page.element(target).uuid
        assert answer(tab, [1, 0, tab.browser.page.id(uuid)]) == REFUSED
        assert page.log == []


TYPES = """input submit go public _private __init__ __class__ log secret constructor __proto__
toString click.__self__ click;public _onclick onclick CLICK Click update close 0""".split()


@pytest.mark.parametrize("type", [*TYPES, "", " ", "click ", "\0", "é", "x" * 64])
def test_the_type_of_an_event_names_no_method(app: App, client: TestClient, type: str) -> None:
    with LiveTab(client) as tab:
        page = door(app)
        expected = REFUSED if type else [-1, 1]  # without a type it is a click
        assert answer(tab, [1, 0, tab.browser.page.id(page.element("go").uuid), type]) == expected
        assert page.log == ([] if type else ["click"])


@pytest.mark.parametrize("name", ["_private", "__init__", "log", "secret", "none"])
def test_html_that_comes_later_names_no_private_handler(
    app: App, client: TestClient, name: str
) -> None:
    """An attribute may come from user data; only public methods are called by it."""
    with LiveTab(client) as tab:
        page = door(app)
        page.element("plain")._set_attribute("_onclick", name)
        told = answer(tab, [1, 0, tab.browser.page.id(page.element("plain").uuid)])
        assert told == [-3, 1, "error", ""]
        assert page.log == []


FIELDS: dict[str, Callable[[Door], Any]] = {
    "as it is": lambda page: None,
    "disabled": lambda page: page.element("field").attrs.update(disabled=""),
    "in what is disabled": lambda page: page.element("set").append(page.element("field")),
    "read-only": lambda page: page.element("field").attrs.update(readonly=""),
    "hidden": lambda page: page.element("around").append(page.element("field")),
    "gone": lambda page: page.element("field").remove(),
    "another kind of element": lambda page: page.element("field").tag,
}


@pytest.mark.parametrize("how", FIELDS)
def test_a_field_is_taken_over_only_if_the_user_can_edit_it(
    app: App, client: TestClient, how: str
) -> None:
    with LiveTab(client) as tab:
        page = door(app)
        field = page.element("plain" if how == "another kind of element" else "field")
        FIELDS[how](page)
        page.update()
        before = field.html
        id, go = (tab.browser.page.id(it.uuid) for it in (field, page.element("go")))
        tab.socket.send_text(json.dumps([1, 0, go, "click", None, [id, "forged"]]))
        while page.log != ["click"]:
            tab.receive()
        assert (field.html == before) == (how != "as it is")


# --- When -----------------------------------------------------------------------------

EARLY = [
    "[1,0,5]",
    "[-1,0]",
    "[-2,1]",
    '[-3,"x"]',
    "[-4,[],[]]",
    "[-5,1,0]",
    "[]",
    "[[]]",
    "null",
    "",
]


@pytest.mark.parametrize("frame", EARLY)
def test_nothing_comes_before_the_join(client: TestClient, frame: str) -> None:
    with LiveTab(client).connect() as socket:
        socket.send_text(frame)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
    assert closed.value.code == 4400


def test_a_binary_frame_is_none(client: TestClient) -> None:
    with LiveTab(client).connect() as socket:
        socket.send_bytes(b"[0,{}]")
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
    assert closed.value.code == 4400


def test_nobody_is_let_in_while_the_server_stops(app: App, client: TestClient) -> None:
    tab = LiveTab(client)
    app.is_stopping = True
    assert tab.refused() == 1012


@pytest.mark.parametrize(("how", "left"), [("close", 1), ("destroy", 0)])
def test_the_end_of_a_session_is_the_end(app: App, client: TestClient, how: str, left: int) -> None:
    with LiveTab(client) as tab:
        (session,) = app.sessions.values()
        getattr(session, how)()
        with pytest.raises(WebSocketDisconnect) as closed:
            tab.receive()
        assert (closed.value.code, len(app.sessions)) == (4411, left)
        assert tab.back().refused() == 4410


# --- Limits ---------------------------------------------------------------------------


def padded(frame: list[Any], length: int) -> str:
    """Return a frame with an item of event data that makes it so long."""
    text = json.dumps(frame, separators=(",", ":"))
    return text.replace('"pad"', f'"{"x" * (length - len(text) + 3)}"')


Frames = Callable[[int, int], list[str]]

#: What is limited, how much of it may be, what is too much and how it is said; of *n*, on
#: the element *id*. Frames that are taken leave the conversation going.
LIMITS: dict[str, tuple[int, int, Frames]] = {
    "bytes of an event": (
        65536, 1009, lambda n, id: [padded([1, 0, id, "click", {"a": "pad"}], n)]
    ),
    "bytes of a ping": (65536, 1009, lambda n, id: ["[-2,1" + " " * (n - 6) + "]"]),
    "bytes of a sync": (1024 * 1024, 1009, lambda n, id: ["[-4,[],[" + " " * (n - 10) + "]]"]),
    "characters of a type": (64, 4400, lambda n, id: [json.dumps([1, 0, id, "x" * n])]),
    "items of data": (
        64, 4400, lambda n, id: [json.dumps([1, 0, id, "click", {str(it): it for it in range(n)}])]
    ),
    "fields": (20_000, 4400, lambda n, id: [json.dumps([-4, [1, "x"] * n, []])]),
    "whole trees": (5, 4429, lambda n, id: ['[-3,"x"]'] * n),
    "syncs": (3, 4429, lambda n, id: ["[-4,[],[]]"] * n),
    "an acknowledgement": (0, 4400, lambda n, id: [f"[-1,{n}]"] if n >= 0 else []),
    "an answer": (0, 4400, lambda n, id: [f"[-5,{n},null]"] if n > 0 else []),
    "the next event": (1, 4400, lambda n, id: [f"[{n},0,{id}]"] if n > 0 else []),
    "depth of JSON": (
        1000, 4400, lambda n, id: ["[-2," + "[" * 2000 + "]" * 2000 + "]"] if n > 1000 else []
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_limit_is_where_it_is_said_to_be(
    app: App, client: TestClient, name: str, more: int
) -> None:
    limit, code, frames = LIMITS[name]
    with LiveTab(client) as tab:
        id = tab.browser.page.id(door(app).element("go").uuid)
        for frame in frames(limit + more, id):
            tab.socket.send_text(frame)
        tab.socket.send_text("[-2,7]")
        try:
            while json.loads(tab.socket.receive_text()) != PONG:
                pass
            ended = 0
        except WebSocketDisconnect as closed:
            ended = closed.code
    assert ended == (code if more > 0 else 0)


@pytest.mark.parametrize(("waiting", "code"), [(63, 0), (64, 0), (65, 4429)])
def test_so_many_events_may_wait(waiting: int, code: int) -> None:
    house = House(Waiting)
    stranger = house.enter()
    (session,) = house.app.registry
    id = house.id(session.template.element("go"))
    for number in range(1, waiting + 1):
        house.say(stranger, json.dumps([number, 0, id]))
    assert stranger.code == code
    house.close()


@pytest.mark.parametrize(("times", "code"), [(5, 0), (6, 4429)])
def test_the_whole_tree_is_sent_so_often_also_to_who_takes_it(times: int, code: int) -> None:
    house = House(Door)
    stranger = house.enter()
    for patch in range(1, times + 1):
        house.say(stranger, '[-3,"x"]')
        house.say(stranger, f"[-1,{patch}]")
    assert stranger.code == code
    house.close()


def flooded() -> tuple[House, Stranger]:
    """Return a server, and who said to it more than it reads at once."""
    house = House(Door)
    stranger = house.enter()
    for _ in range(OTHERS_AT_ONCE + 2000):
        stranger.incoming.put_nowait("[-1,0]")
    house.loop.run_for(0)
    return house, stranger


def test_frames_that_are_no_events_are_read_at_a_pace_too() -> None:
    house, stranger = flooded()
    waiting = stranger.incoming.qsize()
    assert waiting == pytest.approx(2000, abs=2)
    house.loop.run_for(1)
    assert waiting - stranger.incoming.qsize() == pytest.approx(OTHERS_PER_S, abs=2)
    house.close()


def test_of_a_flood_nothing_is_read_when_the_server_stops() -> None:
    house, stranger = flooded()
    house.app.send_away()
    house.loop.run_for(0)
    assert (stranger.code, house.tasks) == (1012, set())
    house.close()


def test_of_a_flood_nothing_is_read_when_another_socket_took_over() -> None:
    house, stranger = flooded()
    house.enter()
    assert (stranger.code, len(house.tasks)) == (4409, 1)
    house.close()


def test_who_is_read_while_another_socket_takes_over_hears_why_it_ends() -> None:
    house = House(Door)
    stranger = house.enter()
    (session,) = house.app.registry
    stranger.incoming.put_nowait("[-1,0]")
    session.connections[0].open(lambda: None, Info("test"))
    house.loop.run_for(0)
    assert (stranger.code, house.tasks) == (4409, set())
    house.close()


@pytest.mark.parametrize(("more", "code"), [(-1, 4410), (0, 4410), (1, 1009)])
def test_a_join_has_at_most_1_mib(client: TestClient, more: int, code: int) -> None:
    text = json.dumps([0, {"v": 1, "token": "pad"}])
    assert code == joins(client, text.replace("pad", "x" * (1024 * 1024 + more - len(text) + 3)))


def joins(client: TestClient, frame: str) -> int:
    with LiveTab(client).connect() as socket:
        socket.send_text(frame)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
    return closed.value.code


# --- Anything at all --------------------------------------------------------------------

FRAMES = 10_000
WARM_UP = 2_000
# So long a tab that was left is waited for, and a little.
FORGOTTEN_S = 130.0
LOG_BYTES_MAX = 300
# Python keeps some of the small objects that are gone, but not one for each frame.
LEAK_BYTES_MAX = 128 * 1024
# What no frame makes a server do (PEP 578).
FORBIDDEN = frozenset(
    "import exec compile open socket.connect socket.bind subprocess.Popen os.system "
    "os.posix_spawn os.exec pickle.find_class ctypes.dlopen marshal.loads shutil.rmtree".split()
)


class Waiting(Door):
    """A page whose button works for ever."""

    async def go(self, e: EventHandler) -> None:
        await asyncio.Event().wait()


class Stranger:
    """A socket in whose other end there is nothing but malice."""

    info = Info("test")

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[str] = asyncio.Queue()
        self.heard: list[str] = []
        self.code = 0

    async def receive(self) -> str:
        return await self.incoming.get()

    async def send(self, frame: str) -> None:
        if self.code:
            raise Gone
        self.heard.append(frame)

    async def close(self, code: int) -> None:
        self.code = code


class House:
    """A server without HTTP, whose time passes when somebody says something."""

    def __init__(self, page: Callable[[], Template]) -> None:
        self.loop = ClockworkLoop()
        self.app = App(debug=False)
        app = self.app
        app.dispatcher = Dispatcher("per_session", app.keeper.save, app.metrics, Asleep())
        self.page = page
        self.resume = ""
        self.tasks: set[asyncio.Task[None]] = set()

    def id(self, element: Any) -> Any:
        uuid = element.uuid.removeprefix(_core.uuid_prefix())
        return int(uuid, 36)

    def enter(self) -> Stranger:
        """Let somebody join: the session that was, or another one."""
        stranger = Stranger()
        task = self.loop.create_task(converse(stranger, self.app, "a browser"))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        if self.resume:
            self.say(stranger, json.dumps([0, {"v": 1, "resume": self.resume, "s": 0}]))
        else:
            template = self.page()
            _, version = template._render_page("", "")
            token = self.app.handoff.mint(Page(template, version, "/", "a browser"))
            self.say(stranger, json.dumps([0, {"v": 1, "token": token}]))
        assert not stranger.code
        self.resume = json.loads(stranger.heard[0])[1]["resume"]
        return stranger

    def say(self, stranger: Stranger, frame: str) -> None:
        stranger.incoming.put_nowait(frame)
        self.loop.run_for(0.05)

    def close(self) -> None:
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_for(0)
        self.loop.close()


def anything(chance: random.Random, depth: int = 0) -> Any:
    """Return some JSON."""
    kinds = [
        lambda: chance.choice([-5, -4, -3, -2, -1, 0, 1, 2, 3, 64, 2**31, 2**53, 2**64, -(2**63)]),
        lambda: chance.choice([True, False, None, 0.5, 1e308, -0.0, 1.0]),
        lambda: chance.choice(
            [
                "",
                "click",
                "__class__",
                "\0",
                "\ud800",
                "\u2028",
                "𝕏" * 80,
                "x" * 300,
                "~" + "a" * 13,
            ]
        ),
        lambda: [anything(chance, depth + 1) for _ in range(chance.randrange(5))],
        lambda: {
            str(anything(chance, 9)): anything(chance, depth + 1)
            for _ in range(chance.randrange(4))
        },
    ]
    return chance.choice(kinds[:3] if depth > 3 else kinds)()


def frame_like(chance: random.Random, ids: list[int], number: int) -> str:
    """Return a frame, or what is nearly one."""
    id = chance.choice([*ids, chance.randrange(1, 60), "nobody", anything(chance)])
    frame: Any = chance.choice(
        [
            [number, 0, id, chance.choice(["click", "input", "go"]), {"a": anything(chance, 9)}],
            [number, 0, id, "click", None, [chance.choice(ids), "typed", id, anything(chance)]],
            [-1, 0],
            [-2, chance.random()],
            [-3, "x" * chance.randrange(300)],
            [-4, [id, "typed"], [id, 0, 1, "p", "~" + "b" * 14, "text"]],
            [-5, chance.randrange(-1, 4), anything(chance)],
            [0, {"v": 1, "resume": "x", "s": anything(chance)}],
            anything(chance),
        ]
    )
    if isinstance(frame, list) and chance.random() < 0.3:
        frame.insert(chance.randrange(len(frame) + 1), anything(chance))
    text = json.dumps(frame, ensure_ascii=chance.random() < 0.5)
    if chance.random() < 0.1:
        at = chance.randrange(len(text) + 1)
        text = text[:at] + chance.choice(["", "[" * 5000, "\0", "NaN", '"', "}"]) + text[at + 1 :]
    return text


class Meter(logging.Handler):
    """Counts what is logged, and keeps what was too much."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0
        self.tracebacks: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.bytes += len(self.format(record).encode("utf-8", "backslashreplace"))
        if record.exc_info or record.levelno >= logging.ERROR:
            self.tracebacks.append(self.format(record))


@contextmanager
def metered() -> Iterator[Meter]:
    """Measure what is logged, and keep it from whoever else listens: pytest holds all of it."""
    meter = Meter()
    loggers = [logging.getLogger(name) for name in ("sapwood", "asyncio")]
    before = [(it, it.level, it.handlers, it.propagate) for it in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [meter], False
        logger.setLevel(logging.INFO)
    try:
        yield meter
    finally:
        for logger, level, handlers, propagate in before:
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)


_seen: list[str] = []
_is_watching = False


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _is_watching and event in FORBIDDEN:
        _seen.append(f"{event} {arguments!r:.200}")


def test_ten_thousand_frames_do_nothing_that_they_should_not() -> None:
    with metered() as meter:
        say_anything(meter)


def say_anything(meter: Meter) -> None:
    """Say ten thousand things to a server, and look at what comes of each."""
    global _is_watching
    sys.addaudithook(_watch)  # for good: there is no way to take one away
    chance = random.Random(4)
    house = House(Door)
    stranger = house.enter()
    (session,) = house.app.registry
    template = session.template
    assert isinstance(template, Door)
    ids = [house.id(template.element(it)) for it in ("go", "plain", "off", "hidden", "field")]
    codes: dict[int, int] = {}
    number = 1
    for count in range(FRAMES):
        if stranger.code:
            codes[stranger.code] = codes.get(stranger.code, 0) + 1
            stranger = house.enter()
        if count == WARM_UP:
            house.loop.run_for(FORGOTTEN_S)
            gc.collect()
            tracemalloc.start()
        number = session.connections[0].received + 1
        text = frame_like(chance, ids, number)
        before = meter.bytes
        _is_watching = True
        house.say(stranger, text)
        _is_watching = False
        assert meter.bytes - before <= LOG_BYTES_MAX, f"{meter.bytes - before} bytes of log: {text}"
        assert (meter.tracebacks, _seen) == ([], []), text
        stranger.heard.clear()
        template.log.clear()
    if stranger.code:
        stranger = house.enter()
    house.loop.run_for(FORGOTTEN_S)
    gc.collect()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    house.close()
    # Both what is taken and what is refused must have been among them.
    assert number > 500
    assert set(codes) == {4400, 4429}
    assert list(house.app.registry) == [session]
    assert grown < LEAK_BYTES_MAX
