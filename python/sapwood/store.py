"""Where the records of sessions are kept, so that a restart loses none.

A store maps short strings to bytes, each for some time. It needs no lock and no listing,
so that a server such as Redis can be one with its commands SET (PX), GET and DEL. What
is kept is bounded in number and in bytes: what was saved longest ago goes first.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import math
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

from sapwood.errors import StoreError
from sapwood.record import RECORD_BYTES_MAX

KEY_BYTES_MAX = 256
LOCKED_S = 5.0

_Result = TypeVar("_Result")


@runtime_checkable
class SessionStore(Protocol):
    """What keeps records of sessions; all methods may be called at the same time.

    Keys are strings of 1 to 256 bytes, records at most 96 KiB: ValueError for others.
    StoreError for a store that cannot be used at present.
    """

    async def load(self, key: str) -> bytes | None:
        """Return what was saved under *key* last, None if nothing is there any more."""

    async def save(self, key: str, record: bytes, ttl_s: float) -> None:
        """Keep *record* under *key* for *ttl_s* seconds, in place of what was there.

        A store that is durable has it on disk, or wherever it is safe, on return.
        """

    async def delete(self, key: str) -> None:
        """Forget what is kept under *key*, if there is anything."""

    async def close(self) -> None:
        """Let go of files and connections; nothing else may be called after it."""


class MemoryStore:
    """A store that ends with the process: for tests, and where no restart is survived.

    It holds at most *records_max* records and *bytes_max* bytes of keys and records.
    *clock* gives seconds. All methods are to be called in one thread.
    """

    def __init__(
        self,
        *,
        records_max: int = 10_000,
        bytes_max: int = 64 * 1024 * 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._records_max = records_max
        self._bytes_max = bytes_max
        self._clock = clock
        #: Records and when they expire, by key; what was saved last stands last.
        self._records: dict[bytes, tuple[bytes, float]] = {}
        self._bytes = 0
        #: What expires soonest stands first; also what is gone or was saved anew.
        self._expiries: list[tuple[float, bytes]] = []

    async def load(self, key: str) -> bytes | None:
        """Return what was saved under *key* last, None if nothing is there any more."""
        self._expire()
        record, _ = self._records.get(_key(key), (None, 0.0))
        return record

    async def save(self, key: str, record: bytes, ttl_s: float) -> None:
        """Keep *record* under *key* for *ttl_s* seconds, in place of what was there."""
        name = _key(key)
        _check(record, ttl_s)
        self._expire()
        self._drop(name)
        size = len(name) + len(record)
        while self._records and (
            len(self._records) >= self._records_max or self._bytes + size > self._bytes_max
        ):
            self._drop(next(iter(self._records)))
        expires_s = self._clock() + ttl_s
        self._records[name] = (bytes(record), expires_s)
        self._bytes += size
        heapq.heappush(self._expiries, (expires_s, name))
        if len(self._expiries) > 2 * len(self._records) + 64:
            self._expiries = [(it[1], name) for name, it in self._records.items()]
            heapq.heapify(self._expiries)

    async def delete(self, key: str) -> None:
        """Forget what is kept under *key*, if there is anything."""
        self._drop(_key(key))

    async def close(self) -> None:
        """Forget everything."""
        self._records.clear()
        self._expiries.clear()
        self._bytes = 0

    def _expire(self) -> None:
        now = self._clock()
        while self._expiries and self._expiries[0][0] <= now:
            expires_s, name = heapq.heappop(self._expiries)
            if self._records.get(name, (b"", math.inf))[1] == expires_s:
                self._drop(name)

    def _drop(self, name: bytes) -> None:
        gone = self._records.pop(name, None)
        if gone is not None:
            self._bytes -= len(name) + len(gone[0])


# The four bytes "Sapw": whose file it is; and the number of the schema below.
_APPLICATION_ID = 0x53617077
_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
  saved INTEGER PRIMARY KEY, -- counts up, so that what was saved longest ago is first
  key BLOB NOT NULL UNIQUE,
  record BLOB NOT NULL,
  expires REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS by_expiry ON records (expires);
-- How much is held; counting it anew for each record would read them all.
CREATE TABLE IF NOT EXISTS held (records INTEGER NOT NULL, bytes INTEGER NOT NULL);
INSERT INTO held SELECT 0, 0 WHERE NOT EXISTS (SELECT 1 FROM held);
CREATE TRIGGER IF NOT EXISTS more AFTER INSERT ON records BEGIN
  UPDATE held SET records = records + 1, bytes = bytes + length(new.key) + length(new.record);
END;
CREATE TRIGGER IF NOT EXISTS less AFTER DELETE ON records BEGIN
  UPDATE held SET records = records - 1, bytes = bytes - length(old.key) - length(old.record);
END;
"""


class SQLiteStore:
    """A store in one file, which several processes on one machine may share.

    What is saved survives the process, also a kill -9; of what was saved in the last
    moments before a power failure the end may be missing. Records expire by the time of
    day. The file holds what users did, so only its owner may read it. It must be on a
    local disk: SQLite's WAL mode does not work over a network.

    It holds at most *records_max* records and *bytes_max* bytes of keys and records.
    *clock* gives the seconds since 1970. All methods raise StoreError if the file cannot
    be used, or if another program locks it for over *locked_s* seconds.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        records_max: int = 100_000,
        bytes_max: int = 256 * 1024 * 1024,
        clock: Callable[[], float] = time.time,
        locked_s: float = LOCKED_S,
    ) -> None:
        self._path = Path(path).absolute()
        self._records_max = records_max
        self._bytes_max = bytes_max
        self._clock = clock
        self._locked_s = locked_s
        # Nothing is opened before it is used: what comes before may fork.
        self._connection: sqlite3.Connection | None = None
        self._thread: ThreadPoolExecutor | None = None

    async def load(self, key: str) -> bytes | None:
        """Return what was saved under *key* last, None if nothing is there any more."""
        name = _key(key)
        return await self._run(lambda connection: self._load(connection, name))

    async def save(self, key: str, record: bytes, ttl_s: float) -> None:
        """Keep *record* under *key* for *ttl_s* seconds; it is in the file on return."""
        name = _key(key)
        _check(record, ttl_s)
        await self._run(lambda connection: self._save(connection, name, record, ttl_s))

    async def delete(self, key: str) -> None:
        """Forget what is kept under *key*, if there is anything."""
        name = _key(key)
        await self._run(lambda connection: _delete(connection, name))

    async def close(self) -> None:
        """Let go of the file and the thread, after what is being done; the next use has others."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.get_running_loop().run_in_executor(thread, self._disconnect)
            thread.shutdown()

    # --- In the thread that owns the connection ------------------------------------

    async def _run(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "sapwood-store")

        def run() -> _Result:
            with _told(self._path):
                if self._connection is None:
                    self._connection = _connect(self._path, self._locked_s)
                return work(self._connection)

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)

    def _load(self, connection: sqlite3.Connection, name: bytes) -> bytes | None:
        found = connection.execute(
            # SQLite keeps what is no blob as well, and a file can be written to by others.
            "SELECT record FROM records WHERE key = ? AND expires > ? AND typeof(record) = 'blob'",
            (name, self._clock()),
        ).fetchone()
        return None if found is None else found[0]

    def _save(
        self, connection: sqlite3.Connection, name: bytes, record: bytes, ttl_s: float
    ) -> None:
        now = self._clock()
        size = len(name) + len(record)
        with _transaction(connection):
            connection.execute("DELETE FROM records WHERE expires <= ? OR key = ?", (now, name))
            while self._is_full(connection, size):
                connection.execute(
                    "DELETE FROM records WHERE saved = (SELECT min(saved) FROM records)"
                )
            connection.execute(
                "INSERT INTO records (key, record, expires) VALUES (?, ?, ?)",
                (name, record, now + ttl_s),
            )

    def _is_full(self, connection: sqlite3.Connection, size: int) -> bool:
        found = connection.execute("SELECT records, bytes FROM held").fetchone()
        records, held = int(found[0]), int(found[1])
        return records > 0 and (records >= self._records_max or held + size > self._bytes_max)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with _told(self._path):
                connection.close()


def _delete(connection: sqlite3.Connection, name: bytes) -> None:
    connection.execute("DELETE FROM records WHERE key = ?", (name,))


def _connect(path: Path, locked_s: float) -> sqlite3.Connection:
    # Made here, SQLite would let everybody read it. Never opened if it is there: closing
    # it again would give up the locks that this process has on it.
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, timeout=locked_s, isolation_level=None)
    try:
        _check_owner(connection, path)
        # With NORMAL the operating system has what was committed, and no process that is
        # killed can lose it; only a checkpoint waits for the disk.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        with _transaction(connection):
            for statement in _statements(_SCHEMA):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
    except BaseException:
        connection.close()
        raise
    return connection


def _check_owner(connection: sqlite3.Connection, path: Path) -> None:
    """Raise StoreError if the file is another program's."""
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if (owner, version) != (_APPLICATION_ID, _SCHEMA_VERSION) and (owner or version or tables):
        raise StoreError(
            f"{path} is a database of another program or of another version of Sapwood; "
            "give the session store a file of its own"
        )


def _statements(script: str) -> Iterator[str]:
    """Go through the statements of *script*, which `executescript` would commit one by one."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    # At once for writing: a transaction that begins with reading can fail to go on.
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        yield


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say of what goes wrong with the file how to mend it."""
    try:
        yield
    except sqlite3.Error as error:
        # Extended codes have the plain one in their lowest byte; our misuse has none.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        advice = _ADVICE.get(code, "see what SQLite says of it")
        raise StoreError(f"the session store {path}: {error}; {advice}") from error
    except OSError as error:
        raise StoreError(f"the session store {path}: {error.strerror}; {_UNREACHABLE}") from error


_UNREACHABLE = "its folder must be there, and be writable for this user"
_DAMAGED = (
    "move the file away, with those that end in -wal and -shm beside it, and start again: "
    "the sessions kept in it are lost"
)
_LOCKED = (
    "another program keeps it locked: end what has it open, such as a backup or a shell "
    "with an open transaction"
)
_ADVICE = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_CANTOPEN: _UNREACHABLE,
    sqlite3.SQLITE_READONLY: _UNREACHABLE,
    sqlite3.SQLITE_PERM: _UNREACHABLE,
    sqlite3.SQLITE_FULL: "make room on the disk",
    sqlite3.SQLITE_IOERR: "see that its disk is local, has room and works",
}


def _key(key: str) -> bytes:
    name = key.encode()
    if not 0 < len(name) <= KEY_BYTES_MAX:
        raise ValueError(f"a key has 1 to {KEY_BYTES_MAX} bytes, not {len(name)}")
    return name


def _check(record: bytes, ttl_s: float) -> None:
    if len(record) > RECORD_BYTES_MAX:
        raise ValueError(f"a record has at most {RECORD_BYTES_MAX} bytes, not {len(record)}")
    if not 0 < ttl_s < math.inf:
        raise ValueError(f"a record is kept for a positive number of seconds, not {ttl_s}")
