"""Stores keep what they are given for as long as they are told, whatever happens."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
)

from sapwood import MemoryStore, SessionStore, SQLiteStore, StoreError
from sapwood.record import RECORD_BYTES_MAX
from sapwood.store import KEY_BYTES_MAX

RECORDS_MAX = 4
BYTES_MAX = 1000
KEYS = ["a", "b", "c", "d", "e", "é", "nul\0"]


class Clock:
    """A clock that somebody sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Stores(RuleBasedStateMachine):
    """A store beside a dict that is looked through whole each time."""

    keys = st.sampled_from(KEYS)
    sizes = st.sampled_from([0, 1, 300, 990, 1100])
    ttls = st.sampled_from([0.5, 1, 2, 10])

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.runner = asyncio.Runner()
        self.store = self.make()
        #: What is held, the oldest first: record and expiry by key.
        self.model: dict[str, tuple[bytes, float]] = {}

    def make(self) -> SessionStore:
        return MemoryStore(records_max=RECORDS_MAX, bytes_max=BYTES_MAX, clock=self.clock)

    def run_(self, work: Any) -> Any:
        return self.runner.run(work)

    def held(self) -> int:
        return sum(len(key.encode()) + len(it[0]) for key, it in self.model.items())

    def expire(self) -> None:
        now = self.clock.now
        self.model = {key: it for key, it in self.model.items() if it[1] > now}

    @rule(key=keys, size=sizes, fill=st.binary(max_size=2), ttl=ttls, later=st.sampled_from([0, 1]))
    def save(self, key: str, size: int, fill: bytes, ttl: float, later: float) -> None:
        # Not as `wait` does it, after which all keys are looked at: some expire unseen.
        self.clock.now += later
        record = fill + bytes(size)
        self.run_(self.store.save(key, record, ttl))
        self.expire()
        self.model.pop(key, None)
        size = len(key.encode()) + len(record)
        while self.model and (len(self.model) >= RECORDS_MAX or self.held() + size > BYTES_MAX):
            del self.model[next(iter(self.model))]
        self.model[key] = (record, self.clock.now + ttl)

    @rule(key=keys)
    def delete(self, key: str) -> None:
        self.run_(self.store.delete(key))
        self.model.pop(key, None)

    @rule(seconds=st.sampled_from([0.25, 0.5, 1, 5]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def holds_what_the_dict_holds(self) -> None:
        self.expire()
        for key in KEYS:
            expected, _ = self.model.get(key, (None, 0.0))
            assert self.run_(self.store.load(key)) == expected

    def teardown(self) -> None:
        self.run_(self.store.close())
        self.runner.close()


class SQLiteStores(Stores):
    """The same with a file, which is opened anew now and then, also twice."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        super().__init__()

    def make(self) -> SessionStore:
        path = Path(self.folder.name, "sessions.db")
        return SQLiteStore(path, records_max=RECORDS_MAX, bytes_max=BYTES_MAX, clock=self.clock)

    @rule()
    def open_anew(self) -> None:
        self.run_(self.store.close())
        self.store = self.make()

    @rule()
    def hand_over(self) -> None:
        old, self.store = self.store, self.make()
        self.holds_what_the_dict_holds()
        self.run_(old.close())

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


class TestMemoryStore(Stores.TestCase):
    """The machine with memory."""


class TestSQLiteStore(SQLiteStores.TestCase):
    """The machine with a file."""

    settings = settings(max_examples=40, stateful_step_count=25)


# --- What the machine cannot see -------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
async def sqlite(path: Path) -> AsyncIterator[SQLiteStore]:
    store = SQLiteStore(path)
    yield store
    await store.close()


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, path: Path) -> AsyncIterator[SessionStore]:
    made: SessionStore = MemoryStore() if request.param == "memory" else SQLiteStore(path)
    yield made
    await made.close()


def size_of(path: Path) -> int:
    return path.stat().st_size


def names_in(folder: Path) -> list[str]:
    return [it.name for it in folder.iterdir()]


def modes_in(folder: Path) -> list[int]:
    return [stat.S_IMODE(it.stat().st_mode) for it in folder.iterdir()]


@pytest.mark.parametrize(
    ("key", "is_good"),
    [("", False), ("k" * KEY_BYTES_MAX, True), ("é" * 129, False), ("\ud800", False)],
)
async def test_a_key_is_a_short_string(store: SessionStore, key: str, is_good: bool) -> None:
    for act in (store.save(key, b"x", 1), store.load(key), store.delete(key)):
        if is_good:
            await act
        else:
            with pytest.raises(ValueError, match=r"a key has|surrogates"):
                await act


async def test_a_record_has_at_most_96_kib(store: SessionStore) -> None:
    await store.save("k", bytes(RECORD_BYTES_MAX), 1)
    with pytest.raises(ValueError, match="at most 98304 bytes, not 98305"):
        await store.save("k", bytes(RECORD_BYTES_MAX + 1), 1)
    assert await store.load("k") == bytes(RECORD_BYTES_MAX)


@pytest.mark.parametrize("ttl_s", [0, -1, float("nan"), float("inf")])
async def test_a_time_to_live_is_a_positive_number(store: SessionStore, ttl_s: float) -> None:
    with pytest.raises(ValueError, match="positive number of seconds"):
        await store.save("k", b"x", ttl_s)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_what_has_expired_goes_before_what_is_old(kind: str, path: Path) -> None:
    clock = Clock()
    store: SessionStore = MemoryStore(records_max=2, clock=clock)
    if kind == "sqlite":
        store = SQLiteStore(path, records_max=2, clock=clock)
    await store.save("old", b"x", 60)
    await store.save("short", b"x", 1)
    clock.now += 1
    await store.save("new", b"x", 60)
    assert (await store.load("old"), await store.load("new")) == (b"x", b"x")
    await store.close()


async def test_memory_is_not_filled_by_saving_one_record_again_and_again() -> None:
    store = MemoryStore()
    for _ in range(1000):
        await store.save("k", b"x", 60)
    assert len(store._expiries) < 100


async def test_a_file_that_is_full_stays_as_large_as_it_is(path: Path) -> None:
    store = SQLiteStore(path, bytes_max=1_000_000)
    for n in range(100):
        await store.save(str(n), os.urandom(50_000), 60)
    await store.close()
    assert size_of(path) < 2_000_000


async def test_only_the_owner_may_read_the_file(sqlite: SQLiteStore, path: Path) -> None:
    await sqlite.save("k", b"x", 60)
    assert modes_in(path.parent) == [0o600] * 3  # with the -wal and the -shm


async def test_nothing_is_opened_before_it_is_used(path: Path) -> None:
    threads = threading.active_count()
    store = SQLiteStore(path)
    assert (threading.active_count(), names_in(path.parent)) == (threads, [])
    await store.close()


@pytest.mark.parametrize("value", ["7", "'text'", "1.5"])
async def test_what_is_no_record_counts_as_not_there(
    sqlite: SQLiteStore, path: Path, value: str
) -> None:
    await sqlite.save("k", b"x", 60)
    with closing(sqlite3.connect(path)) as file:
        file.execute(f"UPDATE records SET record = {value}")
        file.commit()
    assert await sqlite.load("k") is None


async def test_no_thread_and_no_file_is_left_after_close(path: Path) -> None:
    threads = threading.active_count()
    store = SQLiteStore(path)
    await store.save("k", b"x", 60)
    await store.close()
    await store.close()
    assert threading.active_count() == threads
    assert names_in(path.parent) == ["sessions.db"]


async def test_a_store_that_was_closed_opens_again(path: Path) -> None:
    store = SQLiteStore(path)
    await store.save("k", b"x", 60)
    await store.close()
    assert await store.load("k") == b"x"
    await store.close()


# --- Several processes, and the end of one ---------------------------------------------

SAVE_AND_DIE = """
import asyncio, os, signal, sys
from sapwood import SQLiteStore
async def main():
    store = SQLiteStore(sys.argv[1])
    await store.save("k", b"the last word", 60)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
SAVE_MANY = """
import asyncio, sys
from sapwood import SQLiteStore
async def main():
    store = SQLiteStore(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    for n in range(100):
        await store.save(f"{sys.argv[2]} {n}", sys.argv[2].encode(), 60)
        await store.save("both", sys.argv[2].encode() * 1000, 60)
    await store.close()
asyncio.run(main())
"""


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)


async def test_a_kill_right_after_save_loses_nothing(path: Path) -> None:
    with python(SAVE_AND_DIE, str(path)) as process:
        assert process.wait() == -signal.SIGKILL
    store = SQLiteStore(path)
    assert await store.load("k") == b"the last word"
    await store.close()


async def test_two_processes_make_and_share_a_file(sqlite: SQLiteStore, path: Path) -> None:
    with python(SAVE_MANY, str(path), "a") as a, python(SAVE_MANY, str(path), "b") as b:
        for process in (a, b):
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in (a, b):
            process.communicate("go\n")
        assert (a.returncode, b.returncode) == (0, 0)
    for name in ("a", "b"):
        found = [await sqlite.load(f"{name} {n}") for n in range(100)]
        assert found == [name.encode()] * 100
    assert await sqlite.load("both") in (b"a" * 1000, b"b" * 1000)
    with sqlite3.connect(path) as connection:
        counted = connection.execute("SELECT records, bytes FROM held").fetchone()
        real = "SELECT count(*), sum(length(key) + length(record)) FROM records"
        assert counted == connection.execute(real).fetchone() == (201, 2 * (390 + 100) + 1004)
    connection.close()


# --- A file that cannot be used --------------------------------------------------------


def garbage(path: Path) -> None:
    path.write_bytes(b"not a database" * 1000)


def damaged(path: Path) -> None:
    asyncio.run(_saved(path))
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))


async def _saved(path: Path) -> None:
    store = SQLiteStore(path)
    await store.save("k", bytes(20_000), 60)
    await store.close()


def another_program(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE accounts (name)")
    connection.close()


def another_version(path: Path) -> None:
    asyncio.run(_saved(path))
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 2")
    connection.close()


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "advice"),
    [
        (garbage, "move the file away"),
        (damaged, "move the file away"),
        (another_program, "give the session store a file of its own"),
        (another_version, "give the session store a file of its own"),
        (folder, "its folder must be there"),
    ],
)
def test_a_file_that_is_no_store_is_told_with_what_to_do(
    path: Path, spoil: Callable[[Path], None], advice: str
) -> None:
    spoil(path)
    before = path.read_bytes() if path.is_file() else b""

    async def use() -> None:
        store = SQLiteStore(path)
        try:
            await store.save("other", b"x", 60)
        finally:
            await store.close()

    with pytest.raises(StoreError) as raised:
        asyncio.run(use())
    assert str(path) in str(raised.value)
    assert advice in str(raised.value)
    assert (path.read_bytes() if path.is_file() else b"") == before


async def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "none" / "sessions.db")
    with pytest.raises(StoreError, match="its folder must be there"):
        await store.load("k")
    await store.close()


async def test_a_locked_file_is_told_and_works_again_when_it_is_free(path: Path) -> None:
    store = SQLiteStore(path, locked_s=0.05)
    await store.save("k", b"1", 60)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another program keeps it locked"):
        await store.save("k", b"2", 60)
    assert await store.load("k") == b"1"  # reading goes on
    other.close()
    await store.save("k", b"3", 60)
    assert await store.load("k") == b"3"
    await store.close()
