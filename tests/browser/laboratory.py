"""A blank page with the client's modules in reach, to try single parts of them in.

It needs no server: the browser is handed the files themselves.
"""

from pathlib import Path

from playwright.sync_api import Page, Route

import sapwood

ADDRESS = "https://laboratory.test"
FOLDERS = {
    "client": Path(sapwood.__file__).parent / "client",
    "tests": Path(__file__).parent,
}
BLANK = "<!DOCTYPE html><title>Laboratory</title><body></body>"


def enter(page: Page) -> None:
    """Open the blank page; its scripts may `import("/client/patch.js")`."""
    page.route(f"{ADDRESS}/**", _fulfill)
    page.goto(ADDRESS)


def _fulfill(route: Route) -> None:
    folder, _, name = route.request.url.removeprefix(f"{ADDRESS}/").partition("/")
    if folder in FOLDERS:
        route.fulfill(path=FOLDERS[folder] / name, content_type="text/javascript")
    else:
        route.fulfill(body=BLANK, content_type="text/html; charset=utf-8")
