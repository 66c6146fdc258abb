"""The live sessions of an app, found by the secret that lets a browser come back.

Each welcome hands out a new secret; the one before stays good until the new one is
used, because the answer that carried it may have been lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sapwood.handoff import digest
from sapwood.session import Session


class Sessions:
    """Sessions by the hash of their resume tokens; *token* gives a fresh secret."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token
        self._by_secret: dict[bytes, Session] = {}
        #: Each session's secrets: the one in use and the newest.
        self._secrets: dict[Session, list[bytes]] = {}

    def add(self, session: Session) -> None:
        """Take a session in."""
        self._secrets[session] = []

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
        session.destroy()

    def __len__(self) -> int:
        return len(self._secrets)

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._secrets))

    def __contains__(self, session: object) -> bool:
        return session in self._secrets
