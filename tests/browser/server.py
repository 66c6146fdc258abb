"""Servers as users start them, by the command line, for tests to look at and to kill."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

TIMEOUT_S = 15.0


class Server:
    """`sapwood run` on a free port, which it keeps when it is started again.

    What it writes goes to the file *log*.
    """

    def __init__(self, target: Path | str, *options: str, log: Path) -> None:
        self.log = log
        self.url = ""
        self._command = [str(Path(sys.executable).with_name("sapwood")), "run", str(target)]
        self._options = options
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Return when the server takes connections."""
        port = str(urlsplit(self.url).port or 0)
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [*self._command, "--port", port, *self._options],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, f"the server did not start: {line!r}, {self.log.read_text()}"
        self.url = found[0]
        self._await_connections()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server, as Ctrl+C does or, with SIGKILL, as a crash; it may be gone already."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdout is not None
        process.send_signal(how)
        try:
            process.wait(TIMEOUT_S)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def _await_connections(self) -> None:
        # The address is printed before the startup functions run and the port is opened.
        assert self._process is not None
        address = urlsplit(self.url)
        until = time.monotonic() + TIMEOUT_S
        while True:
            try:
                socket.create_connection((address.hostname, address.port), TIMEOUT_S).close()
                return
            except ConnectionRefusedError:
                running = self._process.poll() is None and time.monotonic() < until
                assert running, f"the server does not answer: {self.log.read_text()}"


Serve = Callable[..., Server]
