"""The live sessions of an app, found by the secrets that let browsers come back.

Each welcome hands out a new secret; the one before stays good until the new one is
used, because the answer that carried it may have been lost. Only hashes are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from sapwood.connection import Claim, Connection
from sapwood.errors import FrameError
from sapwood.handoff import digest
from sapwood.session import Session

SESSIONS_MAX = 10_000
SESSIONS_OF_BROWSER_MAX = 100
# Of those, how many tabs may share one session.
CONNECTIONS_MAX = 100


class Sessions:
    """Sessions by id, and their connections by the hash of their secrets.

    *token* gives a fresh secret; *ended* is told of each session that is forgotten, and has
    its connections still.
    """

    def __init__(
        self, token: Callable[[], str], ended: Callable[[Session], None] = lambda session: None
    ) -> None:
        self._token = token
        self._ended = ended
        self._by_id: dict[str, Session] = {}
        self._by_secret: dict[bytes, Connection] = {}
        #: Each connection's secrets: the one in use and the newest.
        self._secrets: dict[Connection, list[bytes]] = {}
        #: Those whose page may join again with the token that it was claimed by.
        self._by_token: dict[bytes, Connection] = {}
        self._by_share: dict[bytes, Session] = {}
        self._shares: dict[Session, tuple[str, bytes]] = {}
        #: The oldest first; a dict would take four times as much, and it is mostly one.
        self._of_browser: dict[str, list[Connection]] = {}

    def add(self, session: Session) -> None:
        """Take a session in, in place of an old one that nobody is connected to if need be.

        Raises FrameError (1013) if there are too many that somebody is connected to.
        """
        self._make_room(self._by_id.values(), SESSIONS_MAX)
        self._by_id[session.id] = session

    def connect(self, connection: Connection) -> None:
        """Take a session's new connection in; raise FrameError (1013) if there are too many."""
        browser = connection.browser
        own = {it.session: None for it in self._of_browser.get(browser, ()) if browser}
        own.pop(connection.session, None)
        try:
            self._make_room(own, SESSIONS_OF_BROWSER_MAX)
            if len(connection.session.connections) > CONNECTIONS_MAX:
                raise FrameError(f"more than {CONNECTIONS_MAX} browsers in one session", 1013)
        except FrameError:
            connection.session.detach(connection)
            if not (connection.session.connections or connection.session.is_kept):
                self.remove(connection.session)
            raise
        self._secrets[connection] = []
        self._of_browser.setdefault(browser, []).append(connection)

    def _make_room(self, sessions: Collection[Session], limit: int) -> None:
        if len(sessions) < limit:
            return
        idle = next(
            (it for it in list(sessions) if not (it.is_connected or it.is_kept or it.joining)), None
        )
        if idle is None:
            raise FrameError(f"more than {limit} sessions", 1013)
        self.remove(idle)

    def secret(self, connection: Connection) -> str:
        """Return a new secret for a connection; the one it was found by stays good."""
        # The id says under which key a store has the session that nobody has in memory.
        secret = f"{connection.session.id}.{self._token()}"
        self._secrets[connection].append(digest(secret))
        self._by_secret[digest(secret)] = connection
        return secret

    def secrets_of(self, connection: Connection) -> list[bytes]:
        """Return the hashes of the secrets that are good for a connection."""
        return list(self._secrets.get(connection, ()))

    def find(self, secret: str, browser: str, *, number: int = 0) -> Connection | None:
        """Return the connection that *secret* is for, if it is this browser's.

        Raises FrameError (4410) for a join that is older, by its *number*, than the last
        one with this secret: it was late, and the browser has given its socket up.
        """
        used = digest(secret)
        connection = self._by_secret.get(used)
        if connection is None or connection.browser != browser:
            return None
        if used == self._secrets[connection][0] and 0 < number < connection.joined:
            raise FrameError("a newer join of this tab was faster", 4410)
        connection.joined = number
        # The other one is of the past, or of an answer that never arrived.
        for other in self._secrets[connection]:
            if other != used:
                del self._by_secret[other]
        self._secrets[connection] = [used]
        connection.former = ()
        return connection

    def claimed(self, connection: Connection, token: str, mode: str, number: int) -> None:
        """Let the page that *token* has claimed come again until its welcome was heard."""
        connection.claim = Claim(digest(token), mode, number)
        self._by_token[connection.claim.key] = connection

    def find_claimed(self, token: str, browser: str, number: int) -> Connection | None:
        """Return the connection of a page whose welcome was lost, if it is this browser's.

        Raises FrameError (4410) for a join that is older, by its *number*, than the last.
        """
        connection = self._by_token.get(digest(token))
        if connection is None or connection.browser != browser:
            return None
        assert connection.claim is not None
        if 0 < number < connection.claim.number:
            raise FrameError("a newer join of this page was faster", 4410)
        connection.claim = connection.claim._replace(number=number)
        return connection

    def heard(self, connection: Connection) -> None:
        """Note that the page has heard its welcome: its token is good no more."""
        if connection.claim is not None:
            del self._by_token[connection.claim.key]
            connection.claim = None

    def share(self, session: Session) -> str:
        """Return the secret by which any browser may join a session, the same each time."""
        if session not in self._shares:
            secret = self._token()
            self._shares[session] = secret, digest(secret)
            self._by_share[digest(secret)] = session
        return self._shares[session][0]

    def find_shared(self, secret: str) -> Session | None:
        """Return the session that may be joined by *secret*."""
        return self._by_share.get(digest(secret))

    def get(self, id: str) -> Session | None:
        """Return the session with this id."""
        return self._by_id.get(id)

    def disconnect(self, connection: Connection) -> None:
        """Forget a connection for good."""
        self.heard(connection)
        for secret in self._secrets.pop(connection, []):
            del self._by_secret[secret]
        own = self._of_browser.get(connection.browser, [])
        if connection in own:
            own.remove(connection)
        if not own:
            self._of_browser.pop(connection.browser, None)
        connection.session.detach(connection)

    def remove(self, session: Session) -> None:
        """Forget a session and all its connections."""
        if self._by_id.pop(session.id, None) is None:
            return
        self._ended(session)
        session.forget()
        for connection in session.connections:
            self.disconnect(connection)
        _, share = self._shares.pop(session, ("", b""))
        self._by_share.pop(share, None)

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._by_id.values()))

    def __contains__(self, session: object) -> bool:
        return isinstance(session, Session) and self._by_id.get(session.id) is session
