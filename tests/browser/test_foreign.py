"""What scripts add to a page: how the server is told, and what comes of its answer."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from alone import Alone

BODY = (
    '<h1 uuid="Own14">Title</h1>'
    '<ul uuid="Own15"><li uuid="Own16">one</li>text<li uuid="Own17">two</li></ul>'
)
# Remembers what scripts made, and what becomes of it.
WATCH = """() => {
  window.made = [...document.querySelectorAll(".made")];
  window.moved = 0;
  const observer = new MutationObserver((records) => { window.moved += records.length });
  observer.observe(document.body, { childList: true, subtree: true });
}"""
STATE = """() => [moved, made.every((each) => each.isConnected && each.hasAttribute("uuid"))]"""


@pytest.fixture
def alone(page: Page) -> Alone:
    page.add_init_script("Math.random = () => 0.01")
    alone = Alone(page, BODY)
    alone.open()
    alone.join()
    alone.welcome()
    return alone


def add(alone: Alone, html: str, selector: str = "ul", place: str = "beforeend") -> None:
    alone.page.evaluate(
        "([html, selector, place]) =>"
        " document.querySelector(selector).insertAdjacentHTML(place, html)",
        [html, selector, place],
    )


def sync(alone: Alone) -> tuple[list[Any], list[Any]]:
    """Let a script ask for the sync; return its fields and what is foreign."""
    alone.page.evaluate("() => sapwood.resync()")
    _, fields, foreign = alone.take(lambda frame: frame[0] == -4)
    return fields, foreign


def numbered(foreign: list[Any]) -> list[Any]:
    """Return the same with each made id written as its number, after a look at its form."""
    ids: list[str] = []
    for item in foreign:
        if isinstance(item, str) and item.startswith("~"):
            assert re.fullmatch(r"~[0-9a-z]{13,}", item)
            ids.append(item)
    assert len(set(ids)) == len(ids)
    return [f"~{ids.index(item)}" if item in ids else item for item in foreign]


def answer(alone: Alone, foreign: list[Any], s: int = 1) -> None:
    """Send all of it back, as the server does that takes it."""
    ops: list[Any] = []
    position = 0
    while position < len(foreign):
        parent, before, count = foreign[position : position + 3]
        end = position + 3
        for _ in range(count):
            end = end_of(foreign, end)
        ops += [5, parent, before, count, *foreign[position + 3 : end]]
        position = end
    alone.say(s, 0, *ops)
    alone.take(lambda frame: frame == [-1, s])


def end_of(items: list[Any], position: int) -> int:
    """Return where the node that begins at *position* ends."""
    if items[position] in (-1, -2):
        return position + 2
    position += 2
    if isinstance(items[position], list):
        position += 1
    children = items[position]
    position += 1
    for _ in range(children if isinstance(children, int) else 0):
        position = end_of(items, position)
    return position


def test_each_run_of_foreign_nodes_is_an_insert(alone: Alone) -> None:
    add(alone, "<i>a</i><i>b</i>", "li", "beforebegin")
    add(alone, "<b>c</b>", "li:last-of-type", "beforebegin")
    add(alone, "<u>d</u>")
    fields, foreign = sync(alone)
    assert fields == []
    assert numbered(foreign) == [
        *[5, 6, 2, "i", "~0", 1, -1, "a", "i", "~1", 1, -1, "b"],
        *[5, 7, 1, "b", "~2", 1, -1, "c"],
        *[5, 0, 1, "u", "~3", 1, -1, "d"],
    ]


def test_before_a_text_the_index_says_which(alone: Alone) -> None:
    add(alone, "<i></i>", "li", "afterend")
    assert numbered(sync(alone)[1]) == [5, -2, 1, "i", "~0", 0]


def test_what_is_in_them_is_told_with_its_attributes_and_namespaces(alone: Alone) -> None:
    html = '<div class="c" id="d">x<!--note--><svg viewBox="0 0 1 1"><a href="#"/></svg></div>'
    add(alone, html, "h1", "afterend")
    assert numbered(sync(alone)[1]) == [
        *[3, 5, 1, "div", "~0", ["class", "c", "id", "d"], 3],
        *[-1, "x", -2, "note", "svg", "~1", ["viewBox", "0 0 1 1"], 1, "a", "~2", ["href", "#"], 0],
    ]


@pytest.mark.parametrize(
    "html",
    [
        "<i data-sapwood-ignore>x</i>",
        "<script>1</script><style></style><link><meta><base>",
        "<iframe></iframe><object></object><embed><template><b></b></template>",
        "<noscript>x</noscript><!-- comment -->",
        "<div><b uuid='Own1zz'>the server's own inside of a script's</b></div>",
        "<div>" + "<b>" * 300 + "</div>",
        f"<b title='{'x' * 65_537}'></b>",
        f"<b {'n' * 129}></b>",
        "<b " + " ".join(f"a{n}" for n in range(129)) + "></b>",
    ],
)
def test_the_server_is_not_told_of(alone: Alone, html: str) -> None:
    add(alone, html)
    assert sync(alone)[1] == []


def test_an_ignored_subtree_is_left_alone(alone: Alone) -> None:
    alone.page.evaluate("() => document.querySelector('ul').dataset.sapwoodIgnore = ''")
    add(alone, "<i>x</i>")
    assert sync(alone)[1] == []


def test_what_could_run_a_script_stays_behind(alone: Alone) -> None:
    html = "<p onclick='x' ONINPUT='y' _onclick='z' srcdoc='s' nonce='n' title='t'>"
    add(alone, html + "<script>1</script><b data-sapwood-ignore></b><i></i></p>")
    assert numbered(sync(alone)[1]) == [5, 0, 1, "p", "~0", ["title", "t"], 1, "i", "~1", 0]


def test_twenty_thousand_nodes_are_told_and_not_one_more(alone: Alone) -> None:
    add(alone, "<div>" + "<i></i>" * 19_999 + "</div><b></b>")
    foreign = sync(alone)[1]
    assert (foreign[2], len(foreign)) == (1, 3 + 20_000 * 3)


def test_what_the_server_takes_is_the_element_that_is_there(alone: Alone) -> None:
    add(alone, '<i class="made">a</i><i class="made">b<b class="made"></b></i>', "li", "afterend")
    add(alone, '<p class="made">c</p>', "h1", "beforebegin")
    alone.page.evaluate(WATCH)
    foreign = sync(alone)[1]
    alone.page.evaluate("() => { made[0].title = 'newer' }")
    answer(alone, foreign)
    assert alone.page.evaluate(STATE) == [0, True]
    assert alone.page.evaluate("() => made[0].title") == "newer"


def test_what_the_server_took_is_an_element_like_any_other(alone: Alone) -> None:
    add(alone, '<i class="made">a</i>')
    alone.page.evaluate(WATCH)
    foreign = sync(alone)[1]
    answer(alone, foreign)
    alone.say(2, 0, 0, foreign[4], "changed", 8, foreign[4], 5, 6)
    expect(alone.page.locator("ul > :first-child")).to_have_text("changed")
    assert alone.page.evaluate("() => made[0] === document.querySelector('ul').firstChild")


def test_indexes_count_it_from_then_on(alone: Alone) -> None:
    add(alone, '<i class="made">a</i>', "ul", "afterbegin")
    answer(alone, sync(alone)[1])
    alone.say(2, 0, 1, 5, 2, "the text")
    expect(alone.page.locator("ul")).to_have_text("aonethe texttwo")


def test_what_stands_in_another_order_by_now_is_put_where_the_server_has_it(alone: Alone) -> None:
    add(alone, '<i class="made">a</i><i class="made">b</i>')
    alone.page.evaluate(WATCH)
    foreign = sync(alone)[1]
    alone.page.evaluate("() => made[0].before(made[1])")
    answer(alone, foreign)
    expect(alone.page.locator("ul")).to_have_text("onetexttwoab")


def test_what_the_server_does_not_take_stays_foreign_and_keeps_its_made_id(alone: Alone) -> None:
    add(alone, '<i class="made">a</i>')
    first, second = sync(alone)[1], sync(alone)[1]
    assert first == second
    assert alone.page.evaluate("() => document.querySelector('i').hasAttribute('uuid')") is False


def test_the_whole_tree_may_bring_it_too(alone: Alone) -> None:
    add(alone, '<i class="made">a</i>')
    alone.page.evaluate(WATCH)
    foreign = sync(alone)[1]
    items = ["li", 6, "one", -1, "text", "li", 7, "two", *foreign[3:]]
    alone.fill(1, [2, "h1", 4, "Title", "ul", 5, 4, *items])
    assert alone.page.evaluate(STATE) == [0, True]


def test_fields_that_a_script_changed_are_told(page: Page) -> None:
    alone = Alone(page, '<input uuid="Own14" id="field">')
    alone.open()
    alone.join()
    alone.welcome()
    page.evaluate("() => { field.value = 'by a script' }")
    assert sync(alone) == ([4, "by a script"], [])


def test_a_join_tells_of_what_was_there_before_it(page: Page) -> None:
    alone = Alone(page, BODY + "<aside>added</aside>")
    alone.open()
    join = alone.join()
    assert numbered(join["foreign"]) == [3, 0, 1, "aside", "~0", 1, -1, "added"]
