"""The live sessions of an app, found by the secret that lets a browser come back.

Each welcome hands out a new secret; the one before stays good until the new one is
used, because the answer that carried it may have been lost.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from sapwood.errors import FrameError
from sapwood.handoff import digest
from sapwood.session import Session

SESSIONS_MAX = 10_000
SESSIONS_OF_BROWSER_MAX = 100


class Sessions:
    """Sessions by the hash of their resume tokens; *token* gives a fresh secret."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token
        self._by_secret: dict[bytes, Session] = {}
        #: Each session's secrets: the one in use and the newest.
        self._secrets: dict[Session, list[bytes]] = {}
        self._of_browser: dict[str, dict[Session, None]] = {}

    def add(self, session: Session) -> None:
        """Take a session in, in place of an old one that nobody is connected to if need be.

        Raises FrameError (1013) if there are too many that somebody is connected to.
        """
        own = [it for it in self._of_browser.get(session.browser, ()) if session.browser]
        self._make_room(own, SESSIONS_OF_BROWSER_MAX)
        self._make_room(self._secrets, SESSIONS_MAX)
        self._secrets[session] = []
        self._of_browser.setdefault(session.browser, {})[session] = None

    def _make_room(self, sessions: Collection[Session], limit: int) -> None:
        if len(sessions) < limit:
            return
        idle = next((it for it in sessions if not it.connection.is_open), None)
        if idle is None:
            raise FrameError(f"more than {limit} sessions", 1013)
        self.remove(idle)

    def secret(self, session: Session) -> str:
        """Return a new secret for *session*; the one it was found by stays good."""
        secret = self._token()
        self._secrets[session].append(digest(secret))
        self._by_secret[digest(secret)] = session
        return secret

    def find(self, secret: str, browser: str) -> Session | None:
        """Return the session that *secret* is for, if it is this browser's."""
        used = digest(secret)
        session = self._by_secret.get(used)
        if session is None or session.browser != browser:
            return None
        # The other one is of the past, or of an answer that never arrived.
        for other in self._secrets[session]:
            if other != used:
                del self._by_secret[other]
        self._secrets[session] = [used]
        return session

    def remove(self, session: Session) -> None:
        """Forget a session and destroy it."""
        for secret in self._secrets.pop(session, []):
            del self._by_secret[secret]
        own = self._of_browser.get(session.browser, {})
        own.pop(session, None)
        if not own:
            self._of_browser.pop(session.browser, None)
        session.destroy()

    def __len__(self) -> int:
        return len(self._secrets)

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._secrets))

    def __contains__(self, session: object) -> bool:
        return session in self._secrets
