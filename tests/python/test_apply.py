"""`apply` is the way back from `TemplateDiff.encode`: law 1, through the public API."""

import itertools
import json
import weakref
from typing import Any

import pytest

import sapwood as sw
from sapwood import _core

HTML = "<ul id=list><li>one</li><li>two</li></ul><p>text</p>"


def encoded(new: sw.Template, old: sw.Template) -> bytes:
    difference = sw.TemplateDiff()
    difference.track_differences(new, old)
    return difference.encode()


def test_what_one_copy_became_the_other_becomes_by_its_difference() -> None:
    page = sw.Template(HTML)
    replica = page.clone
    items = page.querySelector("#list")
    assert items
    items.children.reverse()
    items.children.append(sw.Element("li", "three", classes=["new"]))
    items.children[0].content = "TWO"
    sw.apply(replica, encoded(page, replica))
    assert replica.html == page.html
    assert encoded(page, replica) == b"[]"


def test_elements_keep_their_objects_and_those_that_went_are_void() -> None:
    page = sw.Template(HTML)
    replica = page.clone
    first, second = replica.querySelectorAll("li")
    page.querySelectorAll("li")[0].remove()
    sw.apply(replica, encoded(page, replica))
    assert replica.querySelector("li") is second
    assert second.text == "two"
    with pytest.raises(sw.TreeError, match="<Element li> was destroyed"):
        first.text  # noqa: B018


def test_elements_keep_their_objects_when_the_whole_page_is_filled_again() -> None:
    page = sw.Template("<title>T</title><p id=a></p><button>+</button>")
    replica = page.clone
    kept = replica.querySelectorAll("*")
    first = page.querySelector("#a")
    assert first
    first.content = "1"
    # The text is a new node, and so those that come after it are others than before.
    filled = json.loads(_core.Sync(page._tree).cut_whole(page._tree, 0))[2:]
    sw.apply(replica, encoded(page, replica))
    sw.apply(replica, json.dumps(filled))
    assert replica.querySelectorAll("*") == kept
    assert [it.html for it in kept[-2:]] == ['<p id="a">1</p>', "<button>+</button>"]


def test_a_refused_patch_leaves_everything_as_it_was() -> None:
    page = sw.Template(HTML)
    before, item = page.html, page.querySelector("li")
    known = page.querySelector("p")
    assert known
    for ops in ("", "{}", '[0, "nobody", "x"]', f'[0, "{known.uuid}", "x", 99]', b"\xff"):
        with pytest.raises(sw.PatchError):
            sw.apply(page, ops)
    assert page.html == before
    assert page.querySelector("li") is item


def test_html_of_different_doctypes_and_comments_leads_from_one_to_the_other() -> None:
    tops = ("", "<!doctype html>", "<!--x-->", "<!--y--><!doctype html><!--z-->")
    for new, old in itertools.product(tops, repeat=2):
        page, replica = sw.Template(f"{new}<p>2"), sw.Template(f"{old}<p>1")
        sw.apply(replica, encoded(page, replica))
        undeclared = [it.html.replace("<!DOCTYPE html>", "") for it in (replica, page)]
        assert undeclared[0] == undeclared[1]


@pytest.mark.parametrize(
    ("ops", "wrong"),
    [
        ([0, 0, "x"], "document"),
        ([2, 0, "class", "x"], "document"),
        ([3, 0, "class"], "document"),
        ([4, 0, "value", "x"], "document"),
        ([6, 0], "document"),
        ([8, 0, "p", 0], "document"),
        ([9, 0, "p", []], "document"),
        ([11, 0, "focus", []], "document"),
        ([2, "p", "uuid", "x"], "name"),
        ([3, "p", "uuid"], "name"),
        ([2, "p", "a b", "x"], "name"),
        ([2, "p", ".value", "x"], "name"),
        ([4, "p", "a>b", "x"], "name"),
        ([9, "p", "a b", []], "name"),
        ([5, "p", 0, 1, "b onclick=x", "new", 0], "name"),
        ([5, "p", 0, 1, "b", "p", 0], "uuid"),
        ([5, "p", 0, 2, "b", "new", 0, "b", "new", 0], "uuid"),
        ([5, "p", 0, 1, "b", "", 0], "uuid"),
        ([5, "p", 0, 1, "b", "{}1", 0], "uuid"),
        ([5, "p", 0, 1, "b", "{}zzzzzz", 0], "uuid"),
        ([5, "p", 0, 1, "b", 2**48 - 1, 0], "uuid"),
        ([5, "p", 0, 1, "b", 2**48 + 5, 0], "uuid"),
        ([5, "p", 0, 1, "b", 2**64 - 1, 0], "uuid"),
        ([5, "p", 0, 1, 0, 0], "not an op"),
    ],
    ids=str,
)
def test_ops_that_no_difference_has_are_refused(ops: list[Any], wrong: str) -> None:
    page = sw.Template('<p uuid="p">text</p>')
    before = page.html
    text = json.dumps(ops).replace("{}", _core.uuid_prefix())
    with pytest.raises(sw.PatchError, match=wrong):
        sw.apply(page, text)
    assert page.html == before


def test_what_ends_by_ops_may_use_the_page_when_it_goes() -> None:
    page = sw.Template("".join(f"<p>{n}</p>" for n in range(300)))
    replica = page.clone
    gone = []
    first = replica.querySelectorAll("p")[0]
    watch = weakref.ref(first, lambda _: gone.append(replica.querySelectorAll("p")[0].text))
    page.querySelectorAll("p")[0].remove()
    del first
    sw.apply(replica, encoded(page, replica))
    replica.querySelectorAll("p")[-1].destroy()
    assert (watch(), gone) == (None, ["1"])


def test_an_error_says_which_operand_is_wrong() -> None:
    with pytest.raises(sw.PatchError, match="no such element or child, at operand 1"):
        sw.apply(sw.Template(HTML), '[0, "nobody", "x"]')
