"""`apply` is the way back from `TemplateDiff.encode`: law 1, through the public API."""

import pytest

import sapwood as sw

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


def test_an_error_says_which_operand_is_wrong() -> None:
    with pytest.raises(sw.PatchError, match="no such element or child, at operand 1"):
        sw.apply(sw.Template(HTML), '[0, "nobody", "x"]')
