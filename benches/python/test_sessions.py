"""What a new page costs that was parsed before."""

import pages

import sapwood as sw

HTML = pages.html(1000)


class Page(sw.Template):
    def __init__(self) -> None:
        super().__init__(HTML)


def test_new_session(measure):
    """The template that a route makes for one more tab, its HTML in the cache."""
    Page()

    def run() -> None:
        for _ in range(1000):
            Page()

    measure("new_session_us", run, unit="µs", amount=1000)


def test_fork(measure):
    tree = Page()._tree

    def run() -> None:
        for _ in range(1000):
            tree.fork()

    measure("fork_us", run, unit="µs", amount=1000)
