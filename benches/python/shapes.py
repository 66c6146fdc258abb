"""Compares the time of 2n with that of n, for many shapes of documents, edits and queries.

    shapes.py out.json [--smoke]

A growth of 2 is linear, one of 4 quadratic; `tests/rust/bounds` counts steps of the same
shapes instead, which no other process disturbs. Times are CPU times, the least of
several, n and 2n by turns; what seems to grow too much is looked at again, since a
quadratic shape is one each time and a disturbed one is not.
"""

import gc
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

import sapwood as sw
from sapwood import _core

ROUNDS, LEAST_S, LARGEST = 7, 0.008, 100_000
GROWTH_MAX, LOOKS = 2.5, 10
Run = Callable[[], object]


def main() -> None:
    out, is_smoke = Path(sys.argv[1]), "--smoke" in sys.argv
    growths = {}
    for name, shape in SHAPES.items():
        n, growths[name] = growth(shape, is_smoke)
        print(f"{growths[name]:5.2f} ×  n = {n:>7,}  {name}", flush=True)
    worst = max(growths, key=lambda name: growths[name])
    print(f"{len(growths)} shapes, the worst is {worst!r}: {growths[worst]:.2f} ×")
    figures = {"shapes_worst_ratio": growths[worst], "shapes_count": len(growths)}
    out.write_bytes(msgspec.json.format(msgspec.json.encode(figures)))


def growth(shape: Callable[[int], Run], is_smoke: bool) -> tuple[int, float]:
    """Return an n that takes long enough to be timed, and what 2n takes of it."""
    n = 250
    while not is_smoke and n < LARGEST and cpu_s(shape, n) < LEAST_S:
        n *= 2
    least = float("inf")
    for _ in range(1 if is_smoke else LOOKS):
        halves, wholes = [], []
        for _ in range(1 if is_smoke else ROUNDS):
            halves.append(cpu_s(shape, n))
            wholes.append(cpu_s(shape, 2 * n))
        least = min(least, min(wholes) / min(halves))
        if least <= GROWTH_MAX:
            break
    return n, least


def cpu_s(shape: Callable[[int], Run], n: int) -> float:
    run = shape(n)
    gc.collect()
    gc.disable()
    before = time.process_time()
    kept = run()
    took_s = time.process_time() - before
    gc.enable()
    del kept
    return took_s


# --- Documents: parsed, rendered, and parsed again ------------------------------------


def document(each: str, around: str = "{}") -> Callable[[int], Run]:
    """Make a shape of so many times *each*, in which `{n}` is the number."""

    def shape(n: int) -> Run:
        parts = [each.replace("{n}", str(i)) for i in range(n)] if "{n}" in each else [each] * n
        html = f"<main>{around.replace('{}', ''.join(parts))}"

        def run() -> object:
            tree = _core.Tree.parse(html, sw.Element)
            return tree, tree.render(uuids=True)

        return run

    return shape


DOCUMENTS = {
    "paragraphs": document("<p>some text</p>"),
    "mixed content": document("some <b>bold</b> and <i>more</i> text"),
    "many attributes": document("<p a={n} b c=x d e f=g h i j k>"),
    "many classes": document("c{n} ", "<p class='{}'>"),
    "a long text": document("words and words {n} ", "<p>{}</p>"),
    "a long attribute": document("words and words ", "<p title='{}'>"),
    "short texts": document("a<br>"),
    "long texts": document(f"<p>{'long ' * 60}</p>"),
    "comments": document("<!-- comment -->"),
    "a table": document("<tr><td>a<td>b", "<table>{}</table>"),
    "texts out of a table": document("x<tr>", "<table>{}"),
    "elements out of a table": document("<p>x</p><tr><td>", "<table>{}"),
    "formatting": document("<p><b>b<i>i</b>i</i>"),
    "entities": document("&amp;&lt;&#65;", "<p>{}</p>"),
    "items left open": document("<li>x", "<ul>{}"),
    "end tags of nothing": document("</p></b></x>"),
    "svg": document("<svg><g><path d='M0 0'/></g></svg>"),
    "options": document("<option value=x>y", "<select>{}</select>"),
    "templates": document("<template><p>x</template>"),
    "ids all equal": document("<p id=same>"),
    "ids all different": document("<p id=id{n}>"),
    "uuids given": document("<p uuid=given{n}>"),
}

# --- Edits: of a list, and the frame that brings a browser there ----------------------


def edit(change: Callable[[sw.Element], object], *, mixed: bool = False) -> Callable[[int], Run]:
    """Make a shape of what *change* does to a list of so many items."""

    def shape(n: int) -> Run:
        item = "<li id=i{n} class=row>text</li>" + ("between" if mixed else "")
        items = "".join(item.replace("{n}", str(i)) for i in range(n))
        template = sw.Template(f"<ul id=list>{items}</ul>")
        ul = template.querySelector("#list")
        old = template.clone

        def run() -> object:
            kept = change(ul)
            difference = sw.TemplateDiff()
            difference.track_differences(template, old)
            return kept, difference.encode(), difference.differences

        return run

    return shape


def element(i: int = 0) -> sw.Element:
    return sw.Element("li", f"new {i}", classes=["row"])


def insert_first(ul: sw.Element) -> None:
    for i in range(len(ul.children)):
        ul.children.insert(0, element(i))


def append_each(ul: sw.Element) -> None:
    for i in range(len(ul.children)):
        ul.children.append(element(i))


def pop_first(ul: sw.Element) -> None:
    for _ in range(len(ul.children)):
        ul.children.pop(0)


def pop_last(ul: sw.Element) -> None:
    for _ in range(len(ul.children)):
        ul.children.pop()


def rotate(ul: sw.Element) -> None:
    for _ in range(len(ul.children) // 2):
        ul.children.append(ul.children.pop(0))


def remove_every_second(ul: sw.Element) -> None:
    for child in list(ul.children)[::2]:
        child.remove()


def append_and_remove(ul: sw.Element) -> None:
    for i in range(len(ul.children)):
        ul.children.append(element(i))
        ul.children[-1].remove()


def set_by_index(ul: sw.Element) -> None:
    for i in range(len(ul.children)):
        ul.children[i].content = i


def replace_by_index(ul: sw.Element) -> None:
    for i in range(len(ul.children)):
        ul.children[i] = element(i)


def wrap_each(ul: sw.Element) -> None:
    for child in list(ul.children):
        wrapper = sw.Element("li")
        child.replace_with(wrapper)
        wrapper.children.append(child)


def unwrap_each(ul: sw.Element) -> None:
    for child in list(ul.children):
        child.replace_with(child.text)


def move_inside(ul: sw.Element) -> None:
    items = list(ul.children)
    for outer, inner in zip(items[::2], items[1::2], strict=False):
        outer.children.append(inner)


def shuffle(ul: sw.Element) -> None:
    items = list(ul.children)
    random.Random(7).shuffle(items)
    ul.children = items


def keep_versions(ul: sw.Element) -> list[_core.Tree]:
    versions = []
    for i, child in enumerate(ul.children):
        child.content = i
        versions.append(ul._tree.fork())
    return versions


def each(does: Callable[[sw.Element], object]) -> Callable[[sw.Element], None]:
    def change(ul: sw.Element) -> None:
        for child in ul.children:
            does(child)

    return change


def again(does: Callable[[sw.Element, int], object]) -> Callable[[sw.Element], None]:
    """Do something to the first item, as often as there are items."""

    def change(ul: sw.Element) -> None:
        first = ul.children[0]
        for i in range(len(ul.children)):
            does(first, i)

    return change


def clicked() -> None:
    """Handle nothing."""


EDITS = {
    "nothing": edit(lambda ul: None),
    "each text": edit(each(lambda it: setattr(it, "content", "changed"))),
    "each attribute": edit(each(lambda it: it.attrs.update(title="set"))),
    "each class": edit(each(lambda it: it.classes.toggle("on"))),
    "each style": edit(each(lambda it: it.style.update(color="red"))),
    "each tag": edit(each(lambda it: setattr(it, "tag", "p"))),
    "each handler": edit(each(lambda it: it.on("click", clicked))),
    "each place": edit(each(lambda it: (it.parent, it.matches(".row"), it.closest("ul")))),
    "one text again and again": edit(again(lambda it, i: setattr(it, "content", i))),
    "one attribute again and again": edit(again(lambda it, i: it.attrs.update(title=i))),
    "names of their own": edit(
        again(lambda it, i: it.attrs.update({f"data-{i}": i}) or it.attrs.clear())
    ),
    "one class on and off": edit(again(lambda it, i: it.classes.toggle("on"))),
    "handlers on and off": edit(again(lambda it, i: it.on("click", clicked).off())),
    "reverse": edit(lambda ul: ul.children.reverse()),
    "reverse among texts": edit(lambda ul: ul.children.reverse(), mixed=True),
    "sort": edit(lambda ul: ul.children.sort(key=lambda it: str(hash(it.id)))),
    "shuffle": edit(shuffle),
    "shuffle among texts": edit(shuffle, mixed=True),
    "rotate": edit(rotate),
    "insert first": edit(insert_first),
    "append": edit(append_each),
    "extend": edit(lambda ul: ul.children.extend(element(i) for i in range(len(ul.children)))),
    "take from the front": edit(pop_first),
    "take from the end": edit(pop_last),
    "remove every second": edit(remove_every_second),
    "remove every second among texts": edit(remove_every_second, mixed=True),
    "append and remove": edit(append_and_remove),
    "set by index": edit(set_by_index),
    "replace by index": edit(replace_by_index),
    "wrap each": edit(wrap_each),
    "unwrap each": edit(unwrap_each, mixed=True),
    "move half into the other": edit(move_inside),
    "replace all": edit(
        lambda ul: setattr(ul, "content", [element(i) for i in range(len(ul.children))])
    ),
    "each text among texts": edit(
        lambda ul: setattr(ul, "content", [*ul.content, "more"]), mixed=True
    ),
    "clear": edit(lambda ul: ul.children.clear()),
    "clear what is held": edit(
        lambda ul: (kept := list(ul.children), ul.children.clear()) and kept
    ),
    "clone": edit(lambda ul: ul.clone),
    "keep every version": edit(keep_versions),
    "walk": edit(lambda ul: list(ul.walk())),
}

# --- Queries --------------------------------------------------------------------------

SELECTORS = (
    "li #i7 [id$='7'] .row li+li li:last-child li:nth-child(2n+1) li:nth-last-child(3n) "
    "li:nth-of-type(5n) ul:has(>.none) li:has(b) li:not(#i3) .none~li"
).split()


def query(selector: str) -> Callable[[int], Run]:
    def shape(n: int) -> Run:
        items = "".join(f"<li id=i{i} class=row>text</li>" for i in range(n))
        template = sw.Template(f"<ul>{items}</ul>")
        return lambda: template.querySelectorAll(selector)

    return shape


SHAPES = DOCUMENTS | EDITS | {f"query {selector}": query(selector) for selector in SELECTORS}

if __name__ == "__main__":
    main()
