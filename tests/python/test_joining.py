"""Coming back and coming anew: F5, shared sessions, restarts, places, hooks, the end."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from live import LiveTab
from sapwood import App, AppError, EventHandler, MemoryStore, Session, StoreError, Template

HTML = """<body><p id=shown>0</p><button id=more _onclick=more>more</button>
<button id=bad _onclick=bad>bad</button><input id=field><button id=take _onclick=take></button>
</body>"""


class Counter(Template):
    """Counts in its session's state."""

    def __init__(self, state: dict[str, Any]) -> None:
        super().__init__(HTML)
        self.state = state
        self.show()

    def show(self) -> None:
        shown = self.getElementById("shown")
        assert shown
        shown.content = self.state.get("count", 0)

    def more(self, e: EventHandler) -> None:
        self.state["count"] = self.state.get("count", 0) + 1
        self.show()
        e.update()

    def bad(self, e: EventHandler) -> None:
        e.session.state["bad"] = object()

    def take(self, e: EventHandler) -> None:
        e.update()


def site(**settings: Any) -> App:
    app = App(**{"debug": True, **settings})

    @app.route("/")
    def home(state: dict[str, Any]) -> Template:
        return Counter(state)

    @app.route("/other")
    def other() -> Template:
        return Counter({})

    return app


@pytest.fixture
def app() -> App:
    return site()


@pytest.fixture
def client(app: App) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


def clicked(tab: LiveTab, *ids: str) -> None:
    for id in ids:
        tab.click(id)
    tab.until_handled()


def closed(socket: Any) -> int:
    try:
        while True:
            socket.receive_text()
    except WebSocketDisconnect as end:
        return end.code


def closes(tab: LiveTab) -> int:
    """Join, and return the code that the socket is closed with."""
    return tab.refused()


# --- F5 ------------------------------------------------------------------------------


def test_a_page_loaded_anew_in_its_tab_goes_on_with_its_session(
    app: App, client: TestClient
) -> None:
    with LiveTab(client) as before:
        clicked(before, "more", "more")
        again = LiveTab(client, resume=before.resume_secret)
        with again:
            assert (again.welcome["mode"], again.welcome["s"]) == ("resume", 0)
            assert again.welcome["c"] == 2
            again.browser.count = again.browser.handled = 2
            again.browser.waits_for_whole = True
            assert again.receive()[2:4] == [10, 0]
            assert again.text("shown") == "2"
            clicked(again, "more")
            assert again.text("shown") == "3"
            assert closed(before.socket) == 4409
        assert len(app.sessions) == 1
        assert len(app.handoff) == 0


def test_a_page_loaded_anew_whose_session_is_forgotten_has_one_of_its_own(
    client: TestClient,
) -> None:
    with LiveTab(client, resume="gone.secret") as tab:
        assert tab.welcome["mode"] == "handoff"


def test_a_tab_with_the_secret_of_another_browser_has_a_session_of_its_own(app: App) -> None:
    with TestClient(app) as one, TestClient(app) as other, LiveTab(one) as tab:
        clicked(tab, "more")
        with LiveTab(other, resume=tab.resume_secret) as thief:
            assert (thief.welcome["mode"], thief.text("shown")) == ("handoff", "0")


# --- Late ---------------------------------------------------------------------------------


def test_a_page_whose_welcome_was_lost_joins_again_and_has_the_same_session(
    app: App, client: TestClient
) -> None:
    tab = LiveTab(client)
    for count in (1, 2):
        # All that it is sent is lost, and the server cannot know what was heard.
        with tab:
            (session,) = app.sessions.values()
            session.template.getElementById("shown").content = count  # type: ignore[union-attr]
            session.template.update()
    with tab:
        assert (tab.welcome["mode"], tab.welcome["s"], tab.welcome["c"]) == ("handoff", 0, 0)
        assert list(app.sessions.values()) == [session]
        tab.receive()
        assert tab.text("shown") == "2"
        clicked(tab, "more")
    assert closes(tab) == 4410, "its token was good until the page had shown that it heard"


@pytest.mark.parametrize("how", ["share", "restored"])
def test_a_page_that_is_filled_and_whose_welcome_was_lost_is_filled_again(
    how: str,
) -> None:
    store = Lasting()
    app = site(store=store)
    with TestClient(app) as before, LiveTab(before) as tab:
        clicked(tab, "more")
        (session,) = app.sessions.values()
        if how == "share":
            joins(LiveTab(before, share=session.url.partition("=")[2]), how)
    if how == "restored":
        with restarted(before, store) as client:
            joins(renewed(client, tab.resume_secret), how)


def joins(tab: LiveTab, how: str) -> None:
    """Join twice, and see what the second welcome has brought."""
    with tab:
        pass
    with tab:
        assert tab.welcome["mode"] == how
        joined(tab)
        assert tab.text("shown") == "1"


def test_a_token_that_was_claimed_is_good_for_its_own_browser_and_in_order(app: App) -> None:
    with TestClient(app) as one, TestClient(app) as other:
        tab = LiveTab(one)
        tab.changes["n"] = 2
        with tab:
            thief = LiveTab(other)
            thief.changes["token"] = tab.token
            assert closes(thief) == 4410
            late = LiveTab(one)
            late.changes |= {"token": tab.token, "n": 1}
            assert closes(late) == 4410
            clicked(tab, "more")
            assert tab.text("shown") == "1"


@pytest.mark.parametrize("how", ["a new socket", "F5"])
def test_a_join_that_a_newer_one_overtook_leaves_that_one_alone(
    app: App, client: TestClient, how: str
) -> None:
    tab = LiveTab(client)
    with tab:
        pass
    tab.back().changes["n"] = 1000
    with tab.connect() as late:
        newer = tab if how == "a new socket" else LiveTab(client, resume=tab.resume_secret)
        join, newer.changes["n"] = tab.join(), 1001
        with newer:
            late.send_text(json.dumps([0, join]))
            assert closed(late) == 4410
            newer.ping()
            (session,) = app.sessions.values()
            assert session.is_connected
        # Its welcome may be lost, or arrive: both secrets are good.
        with LiveTab(client, token=None, resume=tab.resume_secret, s=0, n=1002):
            pass


@pytest.mark.parametrize("numbers", [(0, 0), (1000, 0), (1000, 1000), (0, 5)])
def test_a_join_is_not_late_unless_its_number_says_so(
    client: TestClient, numbers: tuple[int, int]
) -> None:
    with LiveTab(client) as tab:
        secret = tab.resume_secret
    for number in numbers:
        with LiveTab(client, token=None, resume=secret, s=0, n=number) as again:
            assert again.welcome["mode"] == "resume"


def test_a_clock_that_was_set_back_keeps_nobody_out(client: TestClient) -> None:
    tab = LiveTab(client, n=5000)
    with tab:
        pass
    for number in (4000, 3000):
        tab.back().changes["n"] = number
        with tab:
            assert tab.welcome["mode"] == "resume"


# --- Shared ----------------------------------------------------------------------------


def joined(tab: LiveTab) -> None:
    tab.browser.waits_for_whole = True
    while tab.browser.waits_for_whole:
        tab.receive()


def test_another_browser_joins_by_the_sessions_url(app: App) -> None:
    with TestClient(app) as one, TestClient(app) as other, LiveTab(one) as first:
        clicked(first, "more")
        (session,) = app.sessions.values()
        path, _, secret = session.url.partition("#sapwood=")
        assert (path, session.url.endswith(secret), len(secret) >= 43) == ("/", True, True)
        with LiveTab(other, path, share=secret) as second:
            assert (second.welcome["mode"], second.welcome["c"]) == ("share", 0)
            joined(second)
            assert second.text("shown") == "1"
            clicked(second, "more")
            while first.text("shown") != "2":
                first.receive()
            # What one user types the other sees, and nobody's numbers are mixed up.
            first.browser.type(first.uuid("field"), "typed")
            clicked(first, "take")
            field = second.uuid("field")
            while second.browser.page.elements[field].properties.get("value") != "typed":
                second.receive()
            assert len(session.connections) == 2
        assert (len(app.sessions), session.is_connected) == (1, True)


@pytest.mark.parametrize("share", ["", "wrong", "\ud800"])
def test_a_wrong_share_is_a_page_like_any_other(client: TestClient, share: str) -> None:
    with LiveTab(client, share=share.encode("utf-8", "replace").decode()) as tab:
        assert tab.welcome["mode"] == "handoff"


def test_a_share_opens_the_page_it_was_made_for_alone(app: App, client: TestClient) -> None:
    with LiveTab(client):
        (session,) = app.sessions.values()
        secret = session.url.partition("=")[2]
        with LiveTab(client, "/other", share=secret) as tab:
            assert tab.welcome["mode"] == "handoff"


def test_a_session_may_be_there_before_any_browser(app: App, client: TestClient) -> None:
    template = Counter({})
    session = app.create_session(template, id="board")
    assert (app.sessions, session.is_connected) == ({"board": session}, False)
    template.state["count"] = 7
    template.show()
    template.update()
    with LiveTab(client, share=session.url.partition("=")[2]) as tab:
        joined(tab)
        assert tab.text("shown") == "7"
    assert app.sessions["board"] is session
    for id in ("", "x" * 65, "a\nb"):
        with pytest.raises(AppError, match="not a session's id"):
            app.create_session(Counter({}), id=id)
    with pytest.raises(AppError, match="'board' already"):
        app.create_session(Counter({}), id="board")


# --- Restart ----------------------------------------------------------------------------


def renewed(client: TestClient, secret: str, **join: Any) -> LiveTab:
    """Load the page as a browser does that was told 4410."""
    client.headers["sapwood-resume"] = secret
    tab = LiveTab(client, **join)
    del client.headers["sapwood-resume"]
    return tab


def restarted(before: TestClient, store: MemoryStore, **settings: Any) -> TestClient:
    """Return a client of another process of the same app, with the same cookies."""
    client = TestClient(site(store=store, **settings))
    client.cookies = before.cookies
    return client


def app_of(client: TestClient) -> App:
    """Return the app that a client is of."""
    assert isinstance(client.app, App)
    return client.app


class Lasting(MemoryStore):
    """A store that is not closed with its app."""

    async def close(self) -> None:
        pass


def test_after_a_restart_the_page_comes_back_with_its_state() -> None:
    store = Lasting()
    with TestClient(site(store=store)) as before, LiveTab(before) as tab:
        clicked(tab, "more", "more")
        last = tab.resume_secret
    with restarted(before, store) as client:
        back = LiveTab(client, token=None, resume=last, s=tab.browser.sequence)
        assert closes(back) == 4410
        with renewed(client, last) as tab:
            assert (tab.welcome["mode"], tab.welcome["c"]) == ("restored", 2)
            joined(tab)
            assert tab.text("shown") == "2"
            tab.browser.count = tab.browser.handled = 2
            # Event 2 was handled; that it comes again changes nothing.
            tab.socket.send_text(json.dumps([2, 1, tab.browser.page.id(tab.uuid("more"))]))
            clicked(tab, "more")
            assert tab.text("shown") == "3"


def test_what_was_acknowledged_is_known_after_a_kill_too() -> None:
    store = Lasting()
    # The first process is not stopped, which would keep all once more.
    with (
        TestClient(site(store=store)) as before,
        LiveTab(before) as tab,
        restarted(before, store) as client,
    ):
        clicked(tab, "more", "more")
        with renewed(client, tab.resume_secret) as back:
            assert (back.welcome["mode"], back.welcome["c"]) == ("restored", 2)
            joined(back)
            assert back.text("shown") == "2"


# No patch comes after what is told, with which the page would show that it heard.
@pytest.mark.parametrize("later", [[], ["take"]])
def test_what_came_to_nothing_is_told_after_a_kill_too(later: list[str]) -> None:
    store = Lasting()
    with (
        TestClient(site(store=store)) as before,
        LiveTab(before) as tab,
        restarted(before, store) as client,
    ):
        clicked(tab, "more")
        clicked(tab, "shown", *later)  # the first of which nothing hears
        with renewed(client, tab.resume_secret) as back:
            assert (back.welcome["mode"], back.welcome["c"]) == ("restored", 1)
            back.browser.count = back.browser.handled = 2 + len(later)
            joined(back)
            assert back.browser.errors == [[2, "refused", ""]]
            clicked(back, "more")
            assert back.text("shown") == "2"


def test_a_page_is_renewed_while_its_state_is_changed(app: App, client: TestClient) -> None:
    class Restless(list[int]):
        """Changes the state while it is copied, once, as a thread may."""

        def __deepcopy__(self, memo: Any) -> list[int]:
            session.state["late"] = True
            return []

    with LiveTab(client) as tab:
        clicked(tab, "more")
        (session,) = app.sessions.values()
        session.state["restless"] = Restless()
        assert renewed(client, tab.resume_secret).text("shown") == "1"


def test_a_page_loaded_anew_after_a_restart_is_sent_for_its_state() -> None:
    store = Lasting()
    with TestClient(site(store=store)) as before, LiveTab(before) as tab:
        clicked(tab, "more")
        last = tab.resume_secret
    with restarted(before, store) as client:
        assert closes(LiveTab(client, resume=last)) == 4410
        with renewed(client, last) as tab:
            assert tab.welcome["mode"] == "restored"


def test_each_tab_of_a_session_comes_back_to_it_after_a_restart() -> None:
    store = Lasting()
    app = site(store=store)
    with TestClient(app) as before, LiveTab(before) as one:
        clicked(one, "more")
        (session,) = app.sessions.values()
        with LiveTab(before, share=session.url.partition("=")[2]) as two:
            joined(two)
            clicked(two, "more", "more", "more")
            secrets = one.resume_secret, two.resume_secret
    with (
        restarted(before, store) as client,
        renewed(client, secrets[0]) as one,
        renewed(client, secrets[1]) as two,
    ):
        assert (one.welcome["c"], two.welcome["c"]) == (1, 3)
        joined(two)
        assert two.text("shown") == "4"
        two.browser.count = two.browser.handled = 3
        clicked(two, "more")
        joined(one)
        while one.text("shown") != "5":
            one.receive()


@pytest.mark.parametrize("who", ["another browser", "another page", "no state", "nonsense"])
def test_without_its_state_a_page_begins_afresh(who: str) -> None:
    store = Lasting()
    path = "/other" if who == "no state" else "/"  # whose function takes no state
    with TestClient(site(store=store)) as before, LiveTab(before, path) as tab:
        if who != "no state":
            clicked(tab, "more")
        last = tab.resume_secret if who != "nonsense" else "x" * 500
    with restarted(before, store) as client:
        if who == "another browser":
            client.cookies.clear()
        client.headers["sapwood-resume"] = last
        with LiveTab(client, "/other" if who == "another page" else path) as tab:
            assert (tab.welcome["mode"], tab.welcome["c"]) == ("fresh", 0)
            joined(tab)
            assert tab.text("shown") == "0"


def test_state_that_cannot_be_kept_is_told_and_the_session_goes_on(client: TestClient) -> None:
    with LiveTab(client) as tab:
        clicked(tab, "bad")
        ((_, code, told),) = tab.browser.errors
        assert (code, "state['bad']" in told) == ("error", True)
        clicked(tab, "more")
        while tab.text("shown") != "1":
            tab.receive()


def test_a_page_whose_state_cannot_be_kept_comes_back_all_the_same(client: TestClient) -> None:
    tab = LiveTab(client)
    with tab:
        clicked(tab, "bad")
    with tab.back():
        assert tab.welcome["mode"] == "resume"


def test_what_was_acknowledged_and_not_kept_does_not_keep_the_tab_out() -> None:
    store = Lasting()
    with TestClient(site(store=store)) as before, LiveTab(before) as tab:
        clicked(tab, "more", "bad", "more")
        last = tab.resume_secret
    with restarted(before, store) as client, renewed(client, last) as tab:
        assert tab.welcome["c"] == 1
        joined(tab)
        tab.browser.count = tab.browser.handled = 3
        clicked(tab, "more")
        assert tab.text("shown") == "2"


def test_a_restored_welcome_that_is_lost_can_be_had_again() -> None:
    store = Lasting()
    with TestClient(site(store=store)) as before, LiveTab(before) as tab:
        clicked(tab, "more")
        last = tab.resume_secret
    with restarted(before, store) as client:
        with renewed(client, last) as lost:
            assert lost.welcome["mode"] == "restored"
        with renewed(client, last) as tab:
            assert (tab.welcome["mode"], tab.welcome["c"]) == ("restored", 1)
            joined(tab)
            assert tab.text("shown") == "1"


def test_a_store_that_fails_for_one_session_keeps_the_others() -> None:
    class Failing(Lasting):
        async def save(self, key: str, record: bytes, ttl_s: float) -> None:
            if b"poison" in record:
                raise ValueError("no room")
            await super().save(key, record, ttl_s)

    store = Failing()
    app = site(store=store)
    with TestClient(app) as client, LiveTab(client) as bad, LiveTab(client) as good:
        for tab in (bad, good):
            clicked(tab, "more")
        first, second = app.sessions.values()
        first.state["text"], second.state["text"] = "poison", "kept"
    with restarted(client, store) as client, renewed(client, good.resume_secret) as tab:
        assert tab.welcome["mode"] == "restored"
        (session,) = app_of(client).sessions.values()
        assert session.state["text"] == "kept"


def test_what_is_destroyed_is_not_kept() -> None:
    store = Lasting()
    app = site(store=store)
    with TestClient(app) as client, LiveTab(client) as tab:
        clicked(tab, "more")
        (session,) = app.sessions.values()
        session.destroy()
        assert closed(tab.socket) == 4411
    with restarted(client, store) as client, renewed(client, tab.resume_secret) as tab:
        assert tab.welcome["mode"] == "fresh"


def test_a_page_that_declares_state_comes_back_before_it_has_any() -> None:
    store = Lasting()
    with TestClient(site(store=store)) as before, LiveTab(before) as tab:
        last = tab.resume_secret
    with restarted(before, store) as client, renewed(client, last) as tab:
        assert (tab.welcome["mode"], tab.welcome["c"]) == ("restored", 0)


@pytest.mark.parametrize("what", ["changed", "destroyed"])
def test_a_restored_page_that_joins_late_does_not_put_older_state_back(what: str) -> None:
    store = Lasting()
    app = site(store=store)
    with TestClient(app) as before, LiveTab(before) as tab:
        clicked(tab, "more")
        (session,) = app.sessions.values()
        with LiveTab(before, share=session.url.partition("=")[2]) as other:
            secrets = tab.resume_secret, other.resume_secret
    with restarted(before, store) as client:
        late = renewed(client, secrets[0])  # its page is there, and it has not joined yet
        with renewed(client, secrets[1]) as other:
            joined(other)
            clicked(other, "more")
            (session,) = app_of(client).sessions.values()
            if what == "destroyed":
                session.destroy()
        app_of(client).registry.remove(session)  # nobody came back
        assert closes(late) == 4410
        with renewed(client, secrets[0]) as again:
            mode, count = ("restored", "2") if what == "changed" else ("fresh", "0")
            assert again.welcome["mode"] == mode
            joined(again)
            assert again.text("shown") == count


# --- What the store holds ------------------------------------------------------------------

OLD, NEW = (f"{word}-secret-that-is-long-enough-to-be-one" for word in ("old", "new"))


def left(store: MemoryStore, **settings: Any) -> tuple[TestClient, str]:
    """Return a browser whose session is kept and gone, and the secret that it has."""
    with TestClient(site(store=store, **settings)) as client, LiveTab(client) as tab:
        clicked(tab, "more")
    return client, tab.resume_secret


def mode_of(client: TestClient, secret: str) -> str:
    """Come back, and return how one is welcomed."""
    with client, renewed(client, secret) as tab:
        return str(tab.welcome["mode"])


def kept(store: MemoryStore) -> tuple[bytes, bytes]:
    """Return the key and the record of the only session that is kept."""
    ((key, (record, _)),) = store._records.items()
    return key, record


@pytest.mark.parametrize("how", ["changed", "cut", "unsigned", "empty"])
async def test_a_record_that_we_did_not_sign_is_none(
    how: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = Lasting()
    client, secret = left(store)
    key, record = kept(store)
    assert b'"count":1' in record
    forged = {
        "changed": record.replace(b'"count":1', b'"count":9'),
        "cut": record[:-1],
        "unsigned": record[record.index(b"{") :],
        "empty": b"",
    }[how]
    await store.save(key.decode(), forged, 100)
    assert mode_of(restarted(client, store), secret) == "fresh"
    assert f"record of session {key.decode()} is not signed by us" in caplog.text


def known_to(secret: str, before: TestClient, store: MemoryStore) -> TestClient:
    """Return the browser with a cookie that the app has signed with its newest secret."""
    name = app_of(before).doors.browsers.unsign(before.cookies["sapwood"])
    app = site(store=store, secret=secret)
    client = TestClient(app)
    client.cookies.set("sapwood", app.doors.browsers.sign(name or ""))
    return client


@pytest.mark.parametrize(
    ("secrets", "mode"),
    [(OLD, "restored"), (f"{NEW} {OLD}", "restored"), (NEW, "fresh")],
)
def test_records_outlive_a_new_secret_beside_the_old_one(secrets: str, mode: str) -> None:
    store = Lasting()
    client, secret = left(store, secret=OLD)
    assert mode_of(known_to(secrets, client, store), secret) == mode


def test_what_is_kept_again_is_signed_with_the_newest_secret() -> None:
    store = Lasting()
    client, secret = left(store, secret=OLD)
    client = known_to(f"{NEW} {OLD}", client, store)
    with client, renewed(client, secret) as tab:
        joined(tab)
        tab.browser.count = tab.browser.handled = 1
        clicked(tab, "more")
    assert mode_of(known_to(NEW, client, store), tab.resume_secret) == "restored"


def test_a_mounted_app_signs_with_the_secret_of_the_outer_one() -> None:
    store = Lasting()

    def outer(secret: str) -> TestClient:
        app, inner = App(debug=True, secret=secret), site(store=store, debug=False)
        app.mount("/inner", inner)
        return TestClient(app)

    with outer(OLD) as client, LiveTab(client, "/inner/") as tab:
        clicked(tab, "more")
    again = outer(OLD)
    again.cookies = client.cookies
    again.headers["sapwood-resume"] = tab.resume_secret
    with again, LiveTab(again, "/inner/") as tab:
        assert tab.welcome["mode"] == "restored"


# --- What the page holds that the server does not know -----------------------------------


def synced(tab: LiveTab, nodes: list[Any], *fields: Any) -> str:
    (body,) = (it for it in tab.browser.page.elements.values() if it.tag == "body")
    foreign = [tab.browser.page.id(body.uuid or ""), 0, 1, *nodes] if nodes else []
    return json.dumps([-4, list(fields), foreign])


def test_foreign_nodes_become_part_of_the_page(app: App, client: TestClient) -> None:
    with LiveTab(client) as tab:
        (session,) = app.sessions.values()
        field = tab.browser.page.id(tab.uuid("field"))
        tab.socket.send_text(synced(tab, ["b", "~0123456789abc", "bold"], field, "typed"))
        assert tab.receive()[2:4] == [
            5,
            tab.browser.page.id(session.template.root.children[-1].uuid),
        ]
        assert session.template.querySelector("b") is None
        added = session.template.querySelector("b", foreign=True)
        assert added
        assert (added.uuid, added.content) == ("~0123456789abc", "bold")
        taken = session.template.getElementById("field")
        assert taken
        assert taken.value == "typed"
        added.content = "changed by Python"
        session.template.update()
        tab.receive()
        shown = tab.browser.page.elements["~0123456789abc"]
        assert [getattr(it, "data", "") for it in shown.children] == ["changed by Python"]


def test_a_shared_page_takes_no_foreign_nodes() -> None:
    shared = Template(
        HTML.replace("_onclick=more", "").replace("_onclick=bad", "").replace("_onclick=take", ""),
        shared=True,
    )
    app = App(debug=True)
    app.route("/")(lambda: shared)
    with TestClient(app) as client, LiveTab(client) as tab:
        tab.socket.send_text(synced(tab, ["b", "~0123456789abc", "bold"]))
        tab.ping()
        assert shared.querySelector("b") is None


@pytest.mark.parametrize(("times", "code"), [(3, None), (4, 4429)])
def test_a_page_may_tell_all_that_it_holds_three_times_at_once(
    client: TestClient, times: int, code: int | None
) -> None:
    with LiveTab(client) as tab:
        for _ in range(times):
            tab.socket.send_text(synced(tab, []))
        if code is None:
            tab.ping()
        else:
            assert closed(tab.socket) == code


def shows(tab: LiveTab, count: str) -> None:
    """Click, and wait until the page shows *count*; that it is not kept is told before."""
    tab.click("more")
    while tab.text("shown") != count:
        tab.receive()


def test_a_page_whose_state_cannot_be_kept_may_come_back(client: TestClient) -> None:
    with LiveTab(client) as tab:
        clicked(tab, "bad")
    with tab.back():
        shows(tab, "1")


class Broken(MemoryStore):
    """A store whose disk is full."""

    async def save(self, key: str, record: bytes, ttl_s: float) -> None:
        raise StoreError("the disk is full")


def test_a_store_that_fails_keeps_nobody_out(caplog: pytest.LogCaptureFixture) -> None:
    with TestClient(site(store=Broken())) as client, LiveTab(client) as tab:
        shows(tab, "1")
        with tab.back():
            shows(tab, "2")
    assert "is not kept: the disk is full" in caplog.text


# --- Places ------------------------------------------------------------------------------


def test_who_finds_no_place_waits_for_it_and_is_told_where() -> None:
    with TestClient(site(max_sessions=1)) as client:
        first, second, third = (LiveTab(client) for _ in range(3))
        with second.connect() as socket, third.connect() as last:
            with first:
                for each, tab, place in ((socket, second, 1), (last, third, 2)):
                    each.send_text(json.dumps([0, tab.join()]))
                    assert json.loads(each.receive_text()) == [-4, place]
                socket.send_text("[-2,5]")
                assert json.loads(socket.receive_text()) == [-2, 5]
            assert json.loads(socket.receive_text())[1]["mode"] == "handoff"
            assert json.loads(last.receive_text()) == [-4, 1]
            # Who was in comes back at once, though there is no place.
            with first.back():
                assert first.welcome["mode"] == "resume"


# --- Hooks and the end ---------------------------------------------------------------------


def test_hooks_are_told_who_comes_and_goes(app: App, client: TestClient) -> None:
    told: list[tuple[str, str]] = []

    @app.on_connect
    async def connected(session: Session) -> None:
        told.append(("new", session.id))
        session.state["count"] = 5
        assert isinstance(session.template, Counter)
        session.template.show()
        session.template.update()

    app.on_reconnect(lambda session: told.append(("back", session.id)))
    app.on_disconnect(lambda session: told.append(("gone", session.id)))
    tab = LiveTab(client)
    with tab:
        assert tab.receive()[0] == 1
        assert tab.text("shown") == "5"
        (id,) = app.sessions
        assert app.sessions[id].info.protocol == "websocket"
    with tab.back():
        clicked(tab, "more")
        assert tab.text("shown") == "6"
    with tab.back():
        clicked(tab, "more")
    assert told[:5] == [(what, id) for what in ("new", "gone", "back", "gone", "back")]


def test_a_session_made_before_any_browser_is_new_to_its_first_one(
    app: App, client: TestClient
) -> None:
    told: list[str] = []
    app.on_connect(lambda session: told.append("new"))
    app.on_reconnect(lambda session: told.append("back"))
    session = app.create_session(Counter({}))
    share = session.url.partition("=")[2]
    with LiveTab(client, share=share) as first:
        clicked(first, "more")  # which waits for whoever came before
        assert told == ["new"]
        with LiveTab(client, share=share) as second:
            clicked(second, "more")
            assert told == ["new", "back"]


def test_a_hook_that_fails_is_logged(
    app: App, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    app.on_connect(lambda session: 1 // 0)
    with LiveTab(client) as tab:
        clicked(tab, "more", "more")
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("how", ["close", "destroy"])
def test_the_application_may_send_browsers_away(app: App, client: TestClient, how: str) -> None:
    with LiveTab(client) as tab:
        (session,) = app.sessions.values()
        getattr(session, how)()
        assert closed(tab.socket) == 4411
        assert list(app.sessions) == ([session.id] if how == "close" else [])
        assert closes(tab.back()) == 4410


@pytest.mark.parametrize("is_away", [True, False])
def test_who_is_sent_away_begins_afresh_and_others_may_come(
    app: App, client: TestClient, is_away: bool
) -> None:
    with LiveTab(client) as tab:
        clicked(tab, "more")
        (session,) = app.sessions.values()
        with LiveTab(client, share=session.url.partition("=")[2]):
            pass
        if not is_away:
            session.close()
            assert closed(tab.socket) == 4411
    if is_away:
        session.close()
    assert closes(tab.back()) == 4410
    with renewed(client, tab.resume_secret) as again:
        assert (again.welcome["mode"], again.text("shown")) == ("fresh", "0")
    with LiveTab(client, share=session.url.partition("=")[2]) as other:
        joined(other)
        assert (other.welcome["mode"], other.text("shown")) == ("share", "1")


def test_who_was_sent_away_before_it_joined_is_kept_out_too() -> None:
    store = Lasting()
    with TestClient(site(store=store)) as before, LiveTab(before) as tab:
        clicked(tab, "more")
        (session,) = app_of(before).sessions.values()
        with LiveTab(before, share=session.url.partition("=")[2]) as other:
            secrets = tab.resume_secret, other.resume_secret
    with restarted(before, store) as client, renewed(client, secrets[1]) as other:
        late = renewed(client, secrets[0])  # its page is there, and it has not joined yet
        (session,) = app_of(client).sessions.values()
        session.close()
        assert closed(other.socket) == 4411
        assert closes(late) == 4410
        with renewed(client, secrets[0]) as again:
            assert again.welcome["mode"] == "fresh"


def test_a_session_whose_browsers_were_sent_away_ends_in_time() -> None:
    app, ended = site(session_timeout_s=0), queue.Queue[Session]()
    app.on_end(ended.put)
    with TestClient(app) as client, LiveTab(client) as tab:
        (session,) = app.sessions.values()
        session.close()
        assert closed(tab.socket) == 4411
        assert ended.get(timeout=5) is session


def test_reconstruct_sends_the_whole_tree_to_all(app: App, client: TestClient) -> None:
    with LiveTab(client) as tab:
        (session,) = app.sessions.values()
        session.reconstruct()
        assert tab.receive()[2:4] == [10, 0]
        clicked(tab, "more")
        assert tab.text("shown") == "1"
