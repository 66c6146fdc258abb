"""What browser tests share: a Chromium, tabs in it, and servers started as users start them.

Tests ask for `page` (a tab), `open_tab` (for more of them) and `serve` (the command line).
Whatever the pages of a test complain about in the console stands in `problems`.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from chromium import find_chromium
from line import Live
from notebook import notebook
from person import Person
from server import Serve, Server

EXAMPLES = Path(__file__).parents[2] / "examples"
TIMEOUT_MS = 15_000
ARGUMENTS = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

expect.set_options(timeout=TIMEOUT_MS)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serve a file with the command line until the test ends: `serve(path, "--reload").url`."""
    with ExitStack() as stack:

        def start(target: Path | str, *options: str) -> Server:
            server = Server(target, *options, log=tmp_path / "server.log")
            stack.callback(server.stop)
            server.start()
            return server

        yield start


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server of examples/demo.py for all tests that only look at it."""
    server = Server(EXAMPLES / "demo.py", log=tmp_path_factory.mktemp("demo") / "server.log")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=ARGUMENTS,
            # Browsers of people have it, so what goes back is to be seen with it.
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        browser.close()


@pytest.fixture
def problems() -> list[str]:
    """What the pages of this test complained about: errors, and what the policy refused."""
    return []


@pytest.fixture
def context(browser: Browser, problems: list[str]) -> Iterator[BrowserContext]:
    """A browser with no history and no cookies."""
    context = browser.new_context()
    context.on("console", lambda said: said.type == "error" and problems.append(said.text))
    context.on("weberror", lambda raised: problems.append(str(raised.error)))
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A tab."""
    return context.new_page()


@pytest.fixture
def live() -> Iterator[Live]:
    """The page of notebook.py, on a line that can fail."""
    with Live(notebook()) as live:
        yield live


@pytest.fixture
def person(context: BrowserContext, live: Live) -> Person:
    """Somebody with a tab for it, whose page waits not long before it tries again."""
    context.add_init_script("Math.random = () => 0.1")
    return Person(context.new_page(), live.url)


@pytest.fixture
def open_tab(context: BrowserContext) -> Callable[[str], Page]:
    """Open a page in a tab of its own and wait until it is live."""

    def open_tab(url: str) -> Page:
        page = context.new_page()
        page.goto(url)
        expect(page.locator("html")).to_have_attribute("data-sapwood", "online")
        return page

    return open_tab
