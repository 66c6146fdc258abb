"""Finds or makes the session that a join is for.

A browser that is known comes back to its session; one whose page was just loaded has the
session that the page was made for. Whoever brings nothing that is good learns nothing
but that, and asks for its page again over HTTP, as anybody may or may not.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sapwood.connection import SUPERSEDED, Connection
from sapwood.errors import FrameError
from sapwood.handoff import Page, Start
from sapwood.metrics import ResyncReason
from sapwood.protocol import Join, Synced, Welcome
from sapwood.session import Session

if TYPE_CHECKING:
    from sapwood.app import App


_REASONS: dict[str, ResyncReason] = {
    "share": "shared",
    "restored": "restored",
    "fresh": "fresh",
}


async def let_in(app: App, join: Join, browser: str) -> tuple[Connection, Welcome]:
    """Return the connection for *join*, and its welcome.

    Raises FrameError: 4410 if nothing waits for it, 1013 if there are too many.
    """
    connection, token = None, join.token
    if join.resume is not None:
        connection = app.registry.find(join.resume, browser, number=join.number)
    if connection is not None:
        mode, sequence = "resume", _resume(app, join, connection)
    elif token and (connection := app.registry.find_claimed(token, browser, join.number)):
        mode, sequence = _welcome_again(app, connection), 0
    else:
        (mode, connection), sequence = await _enter(app, join, browser), 0
    session, epoch = connection.session, connection.epoch
    session.joining += 1
    try:
        # A page that was loaded anew names the fields of the page before it, whose ids mean
        # nothing, or something else, to any other session.
        if mode == "resume" or join.resume is None:
            connection.take_fields(join.fields)
        if join.foreign:
            session.arrived(Synced(foreign=join.foreign), connection)
        secret = app.registry.secret(connection)
        # Before the browser has the secret: it must be good after a restart too.
        await app.keeper.try_to_save(session)
        if connection not in session.connections:
            raise FrameError("the session ended meanwhile", 4410)
        if not connection.is_current(epoch):
            raise FrameError("a newer socket of this tab joined meanwhile", SUPERSEDED)
    except BaseException:
        # Else whoever has the newer socket says when it has left.
        if connection.is_current(epoch):
            app.presence.left(connection)
        raise
    finally:
        session.joining -= 1
    return connection, Welcome(mode, sequence, connection.told, secret, app.debug)


def _resume(app: App, join: Join, connection: Connection) -> int:
    """Let a browser come back; return the last patch that its page has."""
    if join.token is None:
        if not connection.resume(join.sequence):
            app.metrics.resync("behind")
        return join.sequence
    # The page was loaded anew in the same tab; what it was rendered from is not needed.
    app.handoff.claim(join.token, connection.browser)
    connection.resume(None)
    app.metrics.resync("reloaded")
    return 0


def _welcome_again(app: App, connection: Connection) -> str:
    """Let a page in that did not hear that it was let in; return how it was welcomed."""
    assert connection.claim is not None
    mode = connection.claim.mode
    # What was rendered is patch 0; a page that is to be filled waits for that.
    if not connection.resume(0 if mode == "handoff" else None):
        app.metrics.resync("behind" if mode == "handoff" else _REASONS[mode])
    return mode


async def _enter(app: App, join: Join, browser: str) -> tuple[str, Connection]:
    """Return the mode and the new connection of a page that comes into a session."""
    page = await _page(app, join, browser)
    start = page.start
    # What waits comes first: between looking for a session and making it nobody may join.
    is_outdated = await _is_outdated(app, start)
    shared = app.registry.find_shared(join.share) if join.share is not None else None
    restored = app.registry.get(start.session_id)
    if shared is not None and shared.route == page.path:
        mode = "share"
        connection = shared.attach(shared.template._published.fork(), browser=browser)
    elif restored is not None:
        if restored.closings != start.closings:
            raise FrameError("the session sent its browsers away after this page was made", 4410)
        mode = start.mode
        version = restored.template._published.fork()
        connection = restored.attach(version, browser=browser, handled=start.handled)
    elif is_outdated:
        # Another tab has restored it since, and was the last one there.
        raise FrameError("the session went on and ended after this page was made", 4410)
    else:
        mode = start.mode
        session = new_session(app, page)
        connection = session.attach(page.version, browser=browser, handled=start.handled)
    session = connection.session
    session.absent = tuple(it for it in session.absent if it != start.tab)
    app.registry.connect(connection)
    if join.token is not None:
        app.registry.claimed(connection, join.token, mode, join.number)
    if mode != "handoff":
        connection.fill()
        app.metrics.resync(_REASONS[mode])
    if start.tab is not None:
        # If this welcome is lost, the tab comes back with the secret it has.
        connection.former = start.tab.secrets
        connection.restore(start.tab.reports)
    return mode, connection


async def _is_outdated(app: App, start: Start) -> bool:
    """Say whether the session that a page was made from has gone on since."""
    return bool(start.version) and start.version != await app.keeper.version(start.session_id)


async def _page(app: App, join: Join, browser: str) -> Page:
    """Return the page that a join's token claims."""
    is_remembered = join.resume is not None and (
        join.token is None or await app.keeper.find(join.resume, browser) is not None
    )
    page = None
    if join.token is not None and not is_remembered:
        page = app.handoff.claim(join.token, browser)
    if page is None:
        raise FrameError("neither a session nor a page waits for this", 4410)
    return page


def new_session(app: App, page: Page) -> Session:
    """Make the session of a page that was loaded."""
    session = Session(
        page.start.session_id or secrets.token_hex(8),
        page.template,
        page.path,
        state=page.start.state,
        debug=app.debug,
        app=app,
    )
    session.absent = tuple(page.start.absent)
    session.declares_state = page.start.declares_state
    app.registry.add(session)
    return session
