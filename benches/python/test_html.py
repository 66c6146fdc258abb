"""Three documents in and out, beside the parsers and writers that Python has."""

import lxml.html
import pages
import pytest
import turbohtml
from selectolax.lexbor import LexborHTMLParser

import sapwood as sw
from sapwood import _core

# Each with how often it has the tag that it has most of.
DOCUMENTS = {
    "article": (pages.article(pages.SECTIONS_OF_100_KB), "<li", 2 * pages.SECTIONS_OF_100_KB),
    "table": (pages.html(pages.ROWS_OF_1_MB), "<td", 4 * pages.ROWS_OF_1_MB),
    "deep": (pages.deep(pages.LEVELS_OF_400_KB), "<span", pages.LEVELS_OF_400_KB),
}
# Sapwood refuses what is deeper than browsers go, unless told not to.
DEPTH = 1 << 20
# lxml drops it, and can be told only to drop what is deeper than 2,048.
PAIRS = [
    (who, document)
    for document in DOCUMENTS
    for who in ("sapwood", "selectolax", "lxml", "turbohtml")
    if (who, document) != ("lxml", "deep")
]

PARSERS = {
    # Not `Template`, which parses a text only once; uuids are given here as well.
    "sapwood": lambda html: _core.Tree.parse(html, sw.Element, depth=DEPTH),
    "selectolax": LexborHTMLParser,
    "lxml": lxml.html.document_fromstring,
    "turbohtml": turbohtml.parse,
}
WRITERS = {
    "sapwood": lambda tree: tree.render(uuids=False),
    "selectolax": lambda tree: tree.html,
    "lxml": lambda tree: lxml.html.tostring(tree, encoding="unicode"),
    "turbohtml": lambda tree: tree.html,
}


@pytest.mark.parametrize(("who", "document"), PAIRS)
def test_parse(measure, who, document):
    html, tag, count = DOCUMENTS[document]
    parse = PARSERS[who]
    tree = measure(
        f"parse_{document}_mb_s",
        lambda: parse(html),
        unit="MB/s",
        who=who,
        amount=len(html.encode()),
    )
    assert WRITERS[who](tree).count(tag) == count


@pytest.mark.parametrize(("who", "document"), PAIRS)
def test_render(measure, who, document):
    html, tag, count = DOCUMENTS[document]
    tree = PARSERS[who](html)
    write = WRITERS[who]
    written = measure(
        f"render_{document}_mb_s",
        lambda: write(tree),
        unit="MB/s",
        who=who,
        amount=len(html.encode()),
    )
    assert written.count(tag) == count


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
