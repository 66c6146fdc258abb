"""A table of 1 MB in and out, beside the parsers and writers that Python has."""

import lxml.html
import pages
import pytest
import turbohtml
from selectolax.lexbor import LexborHTMLParser

import sapwood as sw
from sapwood import _core

HTML = pages.html(pages.ROWS_OF_1_MB)

PARSERS = {
    # Not `Template`, which parses a text only once; uuids are given here as well.
    "sapwood": lambda: _core.Tree.parse(HTML, sw.Element),
    "selectolax": lambda: LexborHTMLParser(HTML),
    "lxml": lambda: lxml.html.document_fromstring(HTML),
    "turbohtml": lambda: turbohtml.parse(HTML),
}
WRITERS = {
    "sapwood": lambda tree: tree.render(uuids=False),
    "selectolax": lambda tree: tree.html,
    "lxml": lambda tree: lxml.html.tostring(tree, encoding="unicode"),
    "turbohtml": lambda tree: tree.html,
}


@pytest.mark.parametrize("who", PARSERS)
def test_parse(measure, who):
    parse = PARSERS[who]
    tree = measure("parse_table_mb_s", parse, unit="MB/s", who=who, amount=len(HTML.encode()))
    assert "name 10189" in WRITERS[who](tree)


@pytest.mark.parametrize("who", WRITERS)
def test_render(measure, who):
    tree = PARSERS[who]()
    write = WRITERS[who]
    html = measure(
        "render_table_mb_s", lambda: write(tree), unit="MB/s", who=who, amount=len(HTML.encode())
    )
    assert html.count("<td") == 4 * pages.ROWS_OF_1_MB


def test_diff_of_strangers(measure):
    """Two trees of 10,000 rows with the same uuids and no history in common."""
    new = sw.Template(pages.html(10_000))
    old = sw.Template(new._tree.render(uuids=True))
    old.querySelector("#row500 td").content = "was other"

    def run() -> bytes:
        difference = sw.TemplateDiff()
        difference.track_differences(new, old)
        return difference.encode()

    assert len(measure("diff_strangers_10k", run, unit="ms")) < 100
