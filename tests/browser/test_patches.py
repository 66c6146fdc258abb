"""The client against the core: whatever Python does to a page, the browser's is the same.

A life is a page and what happens to it, by a seed. The client's own modules carry the
differences out in Chromium, and after each the document must be, node by node, what the
server has; elements that could stay must be the same objects as before.
"""

import json
import os
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from laboratory import enter
from sapwood import Element, Template, TemplateDiff, TreeError, _core
from shape import Whole, outline

LIVES = 60
# Seeds that once showed a fault: a field that was set to what it showed already.
FOUND = [594354]
STEPS = 10
CHECK = """async ([lives, prefix]) => {
  const { checkLife } = await import("/tests/shape.js");
  for (const life of JSON.parse(lives)) {
    const wrong = checkLife(life, prefix);
    if (wrong) return [life.seed, wrong];
  }
  return null;
}"""

# Without a foreignObject, for the same reason as CLOSED; the corpus has them.
HTML = """<!DOCTYPE html><html lang="en"><head><title>T</title><meta name="a"></head>
<body class="page">
  <h1>A <b>bold</b> title<!-- and a comment --></h1>
  <ul><li>one</li><li uuid="given">two</li><li uuid="-1">three</li></ul>
  <table><tbody><tr><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr></tbody></table>
  <form><input name="i" value="x"><input type="checkbox"><textarea>t</textarea>
  <select><option>a</option><option selected>b</option></select></form>
  <svg viewBox="0 0 9 9"><g><circle r="1"></circle></g>
  <desc><p>in</p></desc></svg>
  <math><mi>x</mi></math>
  <template><p>inert</p><template><b>more</b></template></template>
  <x-own>own</x-own>
</body></html>"""

TAGS = (
    "div",
    "p",
    "b",
    "ul",
    "li",
    "table",
    "tbody",
    "tr",
    "td",
    "select",
    "option",
    "textarea",
    "input",
    "svg",
    "g",
    "circle",
    "desc",
    "title",
    "math",
    "mi",
    "template",
    "x-own",
    "form",
    "button",
    "details",
    "pre",
    "a",
    "style",
)
# Nothing is moved into what does not show its children: no page does that, and Chromium
# 156 crashes when it comes to close one where `moveBefore` did.
CLOSED = frozenset({"textarea", "input", "select", "option", "style", "title"})
OPEN = [tag for tag in TAGS if tag not in CLOSED]
TEXTS = ("", " ", "a", "b", "\n  ", "<&\">'\\", "\u2028é🦀", "a", "0")
NAMES = ("id", "title", "class", "data-x", "constructor", "__proto__", "hidden", "xlink:href")


class Life:
    """A template and a source of chance that changes it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.template = Template(HTML)
        self.template._tree.normalize()

    def element(self, *, inner: bool = False) -> Element:
        """Choose an element; an inner one is not html, head or body."""
        elements = list(self.template.walk())
        if inner:
            elements = [e for e in elements if e.tag not in ("html", "head", "body")]
        return self.chance.choice(elements) if elements else self.body

    def parent(self) -> Element:
        """Choose an element to put others into."""
        return self.chance.choice([e for e in self.template.walk() if e.tag not in CLOSED])

    @property
    def body(self) -> Element:
        body = self.template.querySelector("body")
        assert body is not None
        return body

    def text(self) -> str:
        return self.chance.choice(TEXTS)

    def give_attribute(self, element: Element) -> None:
        name, value = self.chance.choice(NAMES), self.text()
        # An id is a word, or it is refused.
        element.attrs[name] = "".join(value.split()) if name == "id" else value

    def new(self, depth: int = 0) -> Element:
        tag = self.chance.choice(TAGS)
        content: list[Any] = []
        for _ in range(self.chance.randrange(4 - depth)):
            is_text = tag in CLOSED or self.chance.random() < 0.5
            content.append(self.text() if is_text else self.new(depth + 1))
        element = Element(tag, content)
        if self.chance.random() < 0.3:
            self.give_attribute(element)
        if element.tag in ("input", "textarea") and self.chance.random() < 0.5:
            element.value = self.chance.choice("xyz")
        return element

    def change(self) -> None:
        """Do one thing that the public API allows; what it refuses changes nothing."""
        with suppress(TreeError):
            self.chance.choice(CHANGES)(self)

    def set_text(self) -> None:
        self.element(inner=True).content = self.text()

    def set_content(self) -> None:
        element = self.element(inner=True)
        kept = list(element.children)
        self.chance.shuffle(kept)
        content: list[Any] = [*kept[: self.chance.randrange(3)], self.text(), self.new()]
        self.chance.shuffle(content)
        element.content = content

    def append(self) -> None:
        self.parent().children.append(self.new())

    def insert(self) -> None:
        children = self.parent().children
        children.insert(self.chance.randrange(len(children) + 1), self.new())

    def remove(self) -> None:
        self.element(inner=True).remove() if self.chance.random() < 0.5 else None

    def move(self) -> None:
        children = self.parent().children
        children.insert(self.chance.randrange(len(children) + 1), self.element(inner=True))

    def wrap(self) -> None:
        element = self.element(inner=True)
        if element is not self.body:
            wrapper = Element(self.chance.choice(OPEN))
            element.replace_with(wrapper)
            wrapper.content = [self.text(), element]

    def unwrap(self) -> None:
        element = self.element(inner=True)
        for child in list(element.children):
            element.parent.children.append(child) if element.parent else None

    def reverse(self) -> None:
        self.element(inner=True).children.reverse()

    def sort(self) -> None:
        self.element(inner=True).children.sort(key=lambda child: (child.text, child.uuid))

    def shuffle(self) -> None:
        element = self.element(inner=True)
        order = list(element.children)
        self.chance.shuffle(order)
        element.children = order[self.chance.randrange(2) :]

    def clear(self) -> None:
        self.element(inner=True).children.clear()

    def set_attribute(self) -> None:
        self.give_attribute(self.element())

    def drop_attribute(self) -> None:
        element = self.element()
        # A box that becomes a text field, or back, writes its own `value` attribute.
        if names := [name for name in element.attrs if name != "type"]:
            del element.attrs[self.chance.choice(names)]

    def show_or_hide(self) -> None:
        self.element(inner=True).show = self.chance.random() < 0.5

    def dress(self) -> None:
        element = self.element()
        element.classes.toggle(self.chance.choice("abc"))
        element.style["color"] = self.chance.choice(("red", "blue"))

    def retag(self) -> None:
        element = self.element(inner=True)
        # The `value` of an option, a button or a list item is an attribute.
        if element is not self.body and element.tag not in ("input", "textarea"):
            element.tag = self.chance.choice(OPEN)

    def listen(self) -> None:
        subscription = self.element().on("click", print)
        if self.chance.random() < 0.3:
            subscription.off()

    def hold(self) -> None:
        element = self.element(inner=True)
        if element.attrs.get("type") == "checkbox":
            element.checked = self.chance.random() < 0.5
        elif element.tag in ("input", "textarea"):
            element.value = self.chance.choice("xyz")

    def copy(self) -> None:
        copied = self.element(inner=True)
        if copied is not self.body and len(list(copied.walk())) < 20:
            self.parent().children.append(copied.clone)

    def replace(self) -> None:
        element = self.element(inner=True)
        if element is not self.body:
            element.replace_with(self.chance.choice((self.new(), "text")))


CHOICES = (Life.element, Life.parent, Life.text, Life.give_attribute, Life.new, Life.change)
CHANGES: list[Callable[[Life], None]] = [
    value for name, value in vars(Life).items() if name[0] != "_" and callable(value)
]
CHANGES = [c for c in CHANGES if c not in CHOICES]


def lived(seed: int) -> dict[str, Any]:
    """Return a page as HTML, and what the browser is sent at each step of its life."""
    life = Life(seed)
    old = life.template.clone
    html = old._tree.render(uuids=True)
    steps = [step(old, [])]
    versions = [old]
    for _ in range(STEPS):
        for _ in range(life.chance.choice((1, 1, 2, 5, 12))):
            life.change()
        now = life.template.clone
        # Now and then the page goes back to what it was before, or is sent whole.
        goal = life.chance.choice(versions) if life.chance.random() < 0.15 else now
        ops = Whole(goal).ops if life.chance.random() < 0.25 else difference(old, goal)
        steps.append(step(goal, ops))
        versions.append(goal)
        old = goal
    return {"seed": seed, "html": html, "steps": steps}


def difference(old: Template, new: Template) -> list[Any]:
    diff = TemplateDiff()
    diff.track_differences(new, old)
    found: list[Any] = json.loads(diff.encode())
    return found


def step(version: Template, ops: list[Any]) -> dict[str, Any]:
    whole = Whole(version)
    # What is sent is what the Python API shows.
    assert joined(outline(whole.shape[0])) == joined(content_of(version.root)), version
    return {"ops": ops, "shape": whole.shape, "properties": whole.properties}


def joined(parts: Iterator[Any]) -> list[Any]:
    """Return parts with texts as one that come after each other."""
    whole: list[Any] = []
    for part in parts:
        if whole and isinstance(part, str) and isinstance(whole[-1], str):
            whole[-1] += part
        else:
            whole.append(part)
    return whole


def content_of(element: Element) -> Iterator[Any]:
    yield element.tag, element.uuid, {n.lower(): v for n, v in element.attrs.items()}
    content = element.content
    for child in content if isinstance(content, list) else [content] if content else []:
        if isinstance(child, Element):
            yield from content_of(child) if child.show else ()
        else:
            yield child


@pytest.fixture(scope="module")
def laboratory(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    enter(page)
    yield page
    context.close()


def test_after_every_patch_the_document_is_what_the_server_has(laboratory: Page) -> None:
    # CI repeats itself, as with hypothesis; at a desk every run looks elsewhere.
    first = 0 if "CI" in os.environ else random.SystemRandom().randrange(1_000_000)
    lives = [lived(seed) for seed in [*FOUND, *range(first, first + LIVES)]]
    wrong = laboratory.evaluate(CHECK, [json.dumps(lives), _core.uuid_prefix()])
    assert wrong is None, f"seed {wrong[0]}: {wrong[1]}"


# --- What an update must not disturb --------------------------------------------

ROWS = """<!DOCTYPE html><html><head></head><body><ul id="list">
<li><input id="focused"></li>
<li><input id="typed"></li>
<li><div id="box" style="overflow: auto; height: 50px"><p style="height: 500px">x</p></div></li>
<li><details id="details"><summary>more</summary>x</details></li>
<li><input id="ticked" type="checkbox"><input id="one" type="radio" name="r"></li>
<li><select id="chosen"><option>a<option>b<option>c</select></li>
<li><div id="edited" contenteditable>some text</div></li>
<li><iframe id="frame" srcdoc="inside"></iframe></li>
</ul><ul id="other"></ul></body></html>"""

SHOW = """async ([html, prefix]) => {
  const { Page } = await import("/client/patch.js");
  const { default: more } = await import("/client/more.js");
  const parsed = new DOMParser().parseFromString(html, "text/html").documentElement;
  document.documentElement.replaceWith(document.adoptNode(parsed));
  window.page = Object.assign(new Page(document, prefix), { more });
  if (window.heard) return;
  window.heard = [];
  for (const type of ["focus", "blur", "change", "input"])
    addEventListener(type, ({ target }) => heard.push(type + " " + target.id), true);
}"""


class Shown:
    """A template in a page, without a server between them."""

    def __init__(self, page: Page, html: str) -> None:
        self.page = page
        self.template = Template(html)
        self._old = self.template.clone
        rendered = self.template._tree.render(uuids=True)
        page.evaluate(SHOW, [rendered, _core.uuid_prefix()])

    def __getitem__(self, id: str) -> Element:
        element = self.template.getElementById(id)
        assert element is not None
        return element

    def update(self, *, whole: bool = False) -> None:
        now = self.template.clone
        ops = Whole(now).ops if whole else difference(self._old, now)
        self.page.evaluate("ops => page.apply(ops)", ops)
        self._old = now


@pytest.fixture
def shown(laboratory: Page) -> Shown:
    return Shown(laboratory, ROWS)


def reverse(shown: Shown) -> None:
    shown["list"].children.reverse()
    shown.update()


def rotate(shown: Shown) -> None:
    for _ in shown["list"].children:
        shown["list"].children.append(shown["list"].children[0])
        shown.update()


def to_another_list(shown: Shown) -> None:
    shown["other"].children = list(shown["list"].children)
    shown.update()


def wrap_each_row(shown: Shown) -> None:
    for row in list(shown["list"].children):
        wrapper = Element("li")
        row.replace_with(wrapper)
        wrapper.children.append(row)
    shown.update()


def change_all_around(shown: Shown) -> None:
    for row in list(shown["list"].children):
        row.attrs["title"] = "new"
        row.children[0].attrs["data-new"] = "1"
        row.content = ["before", *row.children, "after", Element("b", "new")]
        row.replace_with(Element("li", "a new row"))
        shown["list"].children.append(row)
    shown.update()


def send_the_whole_page(shown: Shown) -> None:
    shown.update(whole=True)


def send_the_whole_page_in_another_order(shown: Shown) -> None:
    shown["list"].children.reverse()
    shown["list"].children.insert(3, Element("li", "new"))
    shown.update(whole=True)


CHANGES_AROUND = [
    reverse,
    rotate,
    to_another_list,
    wrap_each_row,
    change_all_around,
    send_the_whole_page,
    send_the_whole_page_in_another_order,
]


def select_in_field(page: Page) -> None:
    page.locator("#focused").press_sequentially("hello")
    page.evaluate("() => focused.setSelectionRange(1, 3, 'backward')")


def type_and_leave(page: Page) -> None:
    page.locator("#typed").fill("typed")
    page.locator("#focused").focus()


def scroll(page: Page) -> None:
    page.evaluate("() => { box.scrollTop = 123 }")


def open_details(page: Page) -> None:
    page.locator("summary").click()


def tick(page: Page) -> None:
    page.locator("#ticked").check()
    page.locator("#one").check()


def choose(page: Page) -> None:
    page.locator("#chosen").select_option("c")


def put_the_caret_into_text(page: Page) -> None:
    page.locator("#edited").focus()
    page.evaluate(
        "() => getSelection().setBaseAndExtent(edited.firstChild, 2, edited.firstChild, 6)"
    )


def live_in_a_frame(page: Page) -> None:
    page.evaluate("() => { frame.contentWindow.mark = 1 }")


STATES: dict[Callable[[Page], None], tuple[str, Any]] = {
    select_in_field: (
        "() => [document.activeElement.id, focused.value, focused.selectionStart,"
        " focused.selectionEnd, focused.selectionDirection]",
        ["focused", "hello", 1, 3, "backward"],
    ),
    type_and_leave: ("() => [typed.value, document.activeElement.id]", ["typed", "focused"]),
    scroll: ("() => box.scrollTop", 123),
    open_details: ("() => details.open", True),
    tick: ("() => [ticked.checked, one.checked]", [True, True]),
    choose: ("() => chosen.value", "c"),
    put_the_caret_into_text: (
        "() => [document.activeElement.id, String(getSelection())]",
        ["edited", "me t"],
    ),
    live_in_a_frame: ("() => frame.contentWindow.mark", 1),
}


@pytest.mark.parametrize("change", CHANGES_AROUND)
@pytest.mark.parametrize("do", STATES)
def test_an_update_does_not_undo_what_the_user_did(
    shown: Shown, do: Callable[[Page], None], change: Callable[[Shown], None]
) -> None:
    state, expected = STATES[do]
    do(shown.page)
    shown.page.evaluate("() => { heard.length = 0 }")
    change(shown)
    assert shown.page.evaluate(state) == expected
    # What the update itself does is no event of the user's.
    assert shown.page.evaluate("() => heard") == []


@pytest.fixture
def without_move_before(laboratory: Page) -> Iterator[None]:
    laboratory.evaluate(
        "() => { Element.prototype.kept = Element.prototype.moveBefore;"
        " delete Element.prototype.moveBefore }"
    )
    yield
    laboratory.evaluate("() => { Element.prototype.moveBefore = Element.prototype.kept }")


@pytest.mark.usefixtures("without_move_before")
@pytest.mark.parametrize("change", CHANGES_AROUND)
@pytest.mark.parametrize("do", [select_in_field, type_and_leave, tick, choose])
def test_older_browsers_keep_focus_and_values_too(
    shown: Shown, do: Callable[[Page], None], change: Callable[[Shown], None]
) -> None:
    state, expected = STATES[do]
    do(shown.page)
    change(shown)
    assert shown.page.evaluate(state) == expected


FOREIGN = """() => {
  const foreign = () => Object.assign(document.createElement("b"), { className: "foreign" });
  list.prepend(foreign());
  list.children[3].before(foreign(), foreign());
  list.append(foreign());
  document.body.append(foreign());
}"""
OURS = """async () => {
  const { shapeOf } = await import("/tests/shape.js");
  const copy = document.cloneNode(true);
  const foreign = copy.querySelectorAll(".foreign");
  foreign.forEach((element) => element.remove());
  return [shapeOf(copy), foreign.length];
}"""


@pytest.mark.parametrize("change", CHANGES_AROUND)
def test_elements_that_scripts_added_stay_and_are_not_counted(
    shown: Shown, change: Callable[[Shown], None]
) -> None:
    shown.page.evaluate(FOREIGN)
    change(shown)
    assert shown.page.evaluate(OURS) == [Whole(shown.template).shape, 5]


def test_a_whole_page_keeps_attributes_that_html_writes_in_lower_case(laboratory: Page) -> None:
    shown = Shown(laboratory, "<!DOCTYPE html><html><body><p id='p'></p></body></html>")
    shown["p"].attrs["dataFoo"] = "1"
    shown.update()
    shown.update(whole=True)
    assert laboratory.evaluate("() => p.getAttribute('datafoo')") == "1"


def test_a_page_that_somebody_else_serves_follows(laboratory: Page) -> None:
    page = Template("<p id=now>Now</p>")
    text = page.getElementById("now")
    assert text
    text.append(": ", Element("b", 1))
    shown = page.clone
    html, prefix = shown.render_with_uuids(), Element("p").uuid[:4]
    text.append(" and", " ", Element("b", 2, onclick=print))
    text.children[0].content = 3
    difference = TemplateDiff()
    difference.track_differences(page, shown)
    followed = """async ([html, prefix, ops]) => {
      const { Page } = await import("/client/patch.js");
      const page = new DOMParser().parseFromString(html, "text/html");
      new Page(page, prefix).apply(JSON.parse(ops));
      return page.getElementById("now").innerHTML.replace(/ uuid="\\w+"/g, "");
    }"""
    ops = difference.encode().decode()
    assert laboratory.evaluate(followed, [html, prefix, ops]) == (
        'Now: <b>3</b> and <b _onclick="">2</b>'
    )
