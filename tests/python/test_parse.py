"""HTML in: files in any encoding, and fragments by the core alone."""

from pathlib import Path

import pytest

import sapwood as sw
from sapwood import _core
from sapwood.errors import HtmlError, TemplateError


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("<p>é€</p>".encode(), "é€"),
        ("<p>é€</p>".encode("utf-8-sig"), "é€"),
        (b"\xff\xfe" + "<p>é€</p>".encode("utf-16-le"), "é€"),
        ("<meta charset=windows-1252><p>é€</p>".encode("cp1252"), "é€"),
        ("<meta charset=latin1><p>é€</p>".encode("cp1252"), "é€"),
        (
            "<meta http-equiv=Content-Type content='text/html; charset=shift_jis'><p>あ".encode(
                "shift_jis"
            ),
            "あ",
        ),
    ],
)
def test_a_file_is_read_in_the_encoding_that_it_declares(
    tmp_path: Path, data: bytes, text: str
) -> None:
    (tmp_path / "page.html").write_bytes(data)
    paragraph = sw.Template(tmp_path / "page.html").querySelector("p")
    assert paragraph is not None
    assert paragraph.text == text


def test_wrong_bytes_are_refused_with_file_encoding_and_place(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_bytes(b"<meta charset=shift_jis>\x82\xa0\x82")
    with pytest.raises(TemplateError, match=r"page\.html: not Shift_JIS, at byte 26"):
        sw.Template(tmp_path / "page.html")


def fragment(html: str, context: str, namespace: str = "html") -> str:
    tree = _core.Tree.parse_fragment(html, context, sw.Element, namespace=namespace)
    return tree.render(uuids=False)


def test_a_fragment_reads_as_its_context_has_it() -> None:
    assert fragment("<tr><td>x", "tbody") == "<tr><td>x</td></tr>"
    assert fragment("<tr><td>x", "div") == "x"
    assert fragment("<g/>x", "div") == "<g>x</g>"
    assert fragment("<g/>x", "svg", "svg") == "<g></g>x"


def test_elements_of_a_fragment_have_uuids_and_objects() -> None:
    tree = _core.Tree.parse_fragment("<li id=a>1<li>2", "ul", sw.Element)
    first, second = tree.roots()
    assert first.uuid != second.uuid
    assert tree.query("#a") is first
    assert len(tree) == 5


def test_fragments_keep_the_budget_and_know_three_namespaces() -> None:
    with pytest.raises(HtmlError, match="512 deep in each other, at byte 2555"):
        fragment("<div>" * 600, "div")
    with pytest.raises(ValueError, match='namespace is "xml"; it can be "html", "svg" or "math"'):
        fragment("x", "div", "xml")


def test_two_fragments_differ_by_what_changed() -> None:
    """The core alone: parse, query, diff."""
    old = _core.Tree.parse_fragment("<li>1<li>2", "ul", sw.Element)
    new = old.fork()
    item = new.query("li:last-child")
    assert item is not None
    item.content = "3"
    patch = _core.diff(new, old)
    assert [operation[0] for operation in patch.operations()] == ["text"]


def test_half_a_pair_of_surrogates_is_refused_with_its_place() -> None:
    with pytest.raises(TemplateError, match=r"the HTML: .*position 4.*surrogates"):
        sw.Template("<p>é\ud800")
