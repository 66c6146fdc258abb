"""Finds a Chromium that runs, and as a script installs one if there is none.

Tests never skip for want of a browser: `make test` runs this file first, and
a test that finds none fails.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str:
    """Return the path of the first Chromium that can tell its version.

    Call it before Playwright is started: it may have to ask Playwright.
    """
    for path in _candidates():
        if _runs(path):
            return path
    raise RuntimeError(f"no Chromium that runs: looked for {', '.join(NAMES)} and Playwright's own")


def install_chromium() -> str:
    """Install Chromium from Debian or else from Playwright; return its path."""
    if _is_debian() and _apt_get("update"):
        _apt_get("install", "-y", "--no-install-recommends", "chromium")
    try:
        return find_chromium()
    except RuntimeError:
        # Its dependencies can be had on some systems only, and may be there already.
        _playwright("install", "--with-deps", "chromium") or _playwright("install", "chromium")
    return find_chromium()


def _candidates() -> Iterator[str]:
    yield from filter(None, map(shutil.which, NAMES))
    with sync_playwright() as playwright:
        yield playwright.chromium.executable_path


def _runs(path: str) -> bool:
    # Ubuntu's chromium-browser is a stub that only asks for a snap, so being there is not enough.
    if not Path(path).exists():
        return False
    return subprocess.run([path, "--version"], capture_output=True).returncode == 0


def _is_debian() -> bool:
    release = Path("/etc/os-release")
    return release.exists() and "ID=debian" in release.read_text().splitlines()


def _apt_get(*arguments: str) -> bool:
    as_root = () if os.geteuid() == 0 else ("sudo", "--non-interactive")
    return _succeeds(*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", *arguments)


def _playwright(*arguments: str) -> bool:
    return _succeeds(sys.executable, "-m", "playwright", *arguments)


def _succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL).returncode == 0
    except FileNotFoundError:
        return False


def main() -> None:
    try:
        path = find_chromium()
    except RuntimeError:
        path = install_chromium()
    print(f"browser tests use {path}")


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(f"{error}; install Chromium by hand and run again")
