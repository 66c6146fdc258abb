"""The registry of sessions: bounded, and whoever is connected is not thrown out."""

from __future__ import annotations

from itertools import count

import pytest

from sapwood import FrameError, Template
from sapwood.connection import Connection
from sapwood.session import Session
from sapwood.sessions import SESSIONS_OF_BROWSER_MAX, Sessions


def registry() -> Sessions:
    numbers = count()
    return Sessions(lambda: f"secret {next(numbers)}")


numbers = count()


def connected(sessions: Sessions, browser: str = "b") -> Connection:
    template = Template("<p>")
    session = Session(f"id {next(numbers)}", template, "/")
    sessions.add(session)
    connection = session.attach(template._published, browser=browser)
    sessions.connect(connection)
    return connection


def test_a_browser_with_too_many_sessions_loses_the_oldest_that_nobody_is_connected_to() -> None:
    sessions = registry()
    all_of_them = [connected(sessions) for _ in range(SESSIONS_OF_BROWSER_MAX)]
    all_of_them[0].open(lambda: None)
    connected(sessions)
    assert len(sessions) == SESSIONS_OF_BROWSER_MAX
    assert all_of_them[0].session in sessions
    assert all_of_them[1].session not in sessions


def test_a_browser_that_is_connected_too_often_is_refused() -> None:
    sessions = registry()
    for _ in range(SESSIONS_OF_BROWSER_MAX):
        connected(sessions).open(lambda: None)
    with pytest.raises(FrameError) as refused:
        connected(sessions)
    assert refused.value.code == 1013
    assert len(sessions) == SESSIONS_OF_BROWSER_MAX
    connected(sessions, "another")


def test_a_session_that_is_removed_is_found_no_more() -> None:
    sessions = registry()
    connection = connected(sessions)
    secret, share = sessions.secret(connection), sessions.share(connection.session)
    assert sessions.find(secret, "b") is connection
    assert sessions.find_shared(share) is connection.session
    sessions.remove(connection.session)
    found = sessions.find(secret, "b"), sessions.find_shared(share), len(sessions)
    assert found == (None, None, 0)
