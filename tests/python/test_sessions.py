"""The registry of sessions: bounded, and whoever is connected is not thrown out."""

from __future__ import annotations

from itertools import count

import pytest

from sapwood import FrameError, Template
from sapwood.session import Session
from sapwood.sessions import SESSIONS_OF_BROWSER_MAX, Sessions


def registry() -> Sessions:
    numbers = count()
    return Sessions(lambda: f"secret {next(numbers)}")


def session(browser: str = "b") -> Session:
    template = Template("<p>")
    version = template._published
    return Session("id", template, "/", version, browser=browser, debug=False)


def test_a_browser_with_too_many_sessions_loses_the_oldest_that_nobody_is_connected_to() -> None:
    sessions = registry()
    all_of_them = [session() for _ in range(SESSIONS_OF_BROWSER_MAX)]
    for each in all_of_them:
        sessions.add(each)
    all_of_them[0].connection.open(lambda: None)
    sessions.add(session())
    assert len(sessions) == SESSIONS_OF_BROWSER_MAX
    assert all_of_them[0] in sessions
    assert all_of_them[1] not in sessions


def test_a_browser_that_is_connected_too_often_is_refused() -> None:
    sessions = registry()
    for _ in range(SESSIONS_OF_BROWSER_MAX):
        each = session()
        each.connection.open(lambda: None)
        sessions.add(each)
    with pytest.raises(FrameError) as refused:
        sessions.add(session())
    assert refused.value.code == 1013
    sessions.add(session("another"))


def test_a_session_that_is_removed_is_found_no_more() -> None:
    sessions = registry()
    each = session()
    sessions.add(each)
    secret = sessions.secret(each)
    assert sessions.find(secret, "b") is each
    sessions.remove(each)
    assert (sessions.find(secret, "b"), len(sessions)) == (None, 0)
