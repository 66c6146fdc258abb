"""What scripts added to a page, as far as the server takes it: elements, never behaviour.

A browser tells of it in the nodes of docs/protocol.md. All of it is a stranger's word:
only elements and attributes that are listed here come into the tree, only with ids that
a browser makes, and only beside what is there. What is not listed is left out with all
in it; what no browser of ours would send is refused.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

import msgspec

from sapwood.errors import FrameError

NODES_MAX = 20_000
DEPTH_MAX = 256
ATTRIBUTES_MAX = 128
NAME_BYTES_MAX = 128
VALUE_BYTES_MAX = 64 * 1024
# A child that is told by its index is counted out in the tree, for each element anew.
INDEXES_MAX = 1_000_000

INSERT, TEXT, COMMENT = 5, -1, -2

_MADE_ID = re.compile(r"~[0-9a-z]{13,63}")

# None that runs, loads or frames anything by itself, is read as raw text, or is about
# the whole page; of SVG what draws.
TAGS = frozenset(
    "a abbr address area article aside audio b bdi bdo blockquote br button canvas caption cite "
    "code col colgroup data datalist dd del details dfn dialog div dl dt em fieldset figcaption "
    "figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr i img input ins kbd label legend li "
    "main mark menu meter nav ol optgroup option output p picture pre progress q rp rt ruby s "
    "samp search section select small source span strong sub summary sup table tbody td textarea "
    "tfoot th thead time tr track u ul var video wbr "
    "svg circle ellipse g line path polygon polyline rect text tspan".split()
)
# None that acts on other elements, takes the focus, or has several addresses in it.
ATTRIBUTES = frozenset(
    "align alt autocomplete checked class cols colspan contenteditable controls datetime decoding "
    "default dir disabled download draggable enctype enterkeyhint for headers height hidden high "
    "hreflang id inert inputmode kind label lang list loading loop low max maxlength method min "
    "minlength multiple muted name novalidate open optimum placeholder playsinline preload "
    "readonly rel required reversed role rows rowspan scope selected size span spellcheck srclang "
    "start step tabindex target title translate type valign value width wrap "
    "cx cy d dx dy fill-opacity fill-rule font-size font-weight opacity points "
    "preserveAspectRatio r rx ry stroke-dasharray stroke-dashoffset stroke-linecap "
    "stroke-linejoin stroke-opacity stroke-width text-anchor transform viewBox x x1 x2 y y1 "
    "y2".split()
)
# What handlers are debounced by, and what is ours, has a name of this kind too.
_MORE_ATTRIBUTES = re.compile(r"aria-[a-z]+|data-(?!on|sapwood)[a-z0-9_.-]+")
URLS = frozenset("action cite href poster src".split())
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_SAFE_SCHEME = re.compile(
    r"(?:https?|mailto|tel):|data:image/(?:png|gif|jpeg|webp)[;,]", re.IGNORECASE
)
# What a URL parser passes over, in front or anywhere (URL standard, 4.4).
_PASSED_OVER = re.compile(r"[\x00-\x20]")
STYLES = frozenset("fill stroke style".split())
# What loads something, and what could hide that: at-rules, escapes, IE's expressions.
_UNSAFE_STYLE = re.compile(r"[@\\]|(?:url|src|image|image-set)\s*\(|expression", re.IGNORECASE)


def check_foreign(parts: list[Any]) -> list[str]:
    """Return, as ops, what of *parts* the server takes: each an insert of one element.

    *parts* is `[parent, before, count, nodes…]` again and again, as docs/protocol.md has
    it; child indexes in it count what the server knows of, and nothing that is told here.
    The ops are in an order in which they are right one after the other, whichever of
    them do not fit a tree. Raises FrameError for what is malformed or over a limit.
    """
    reader = _Reader(parts)
    runs = []
    while reader.at < len(parts):
        runs.append(reader.run())
    # The last place comes first: what goes in there moves no place before it.
    return [op for run in reversed(runs) for op in run]


class _Reader:
    """Goes through *parts* once, from front to back."""

    def __init__(self, parts: list[Any]) -> None:
        self._parts = parts
        self.at = 0
        self._nodes = 0
        self._indexes = 0
        self._ids: set[str] = set()

    def run(self) -> list[str]:
        """Return the ops for elements that stand side by side."""
        parent = _known_id(self._next())
        before = self._next()
        if type(before) is not int or not -(2**53) < before <= 0:
            before = _known_id(before)
        trees = (self._tree() for _ in range(self._count()))
        ops = [
            msgspec.json.encode([INSERT, parent, before, 1, *nodes]).decode()
            for nodes in trees
            if nodes
        ]
        if type(before) is str or before >= 0:
            return ops
        self._indexes -= before * len(ops)
        if self._indexes > INDEXES_MAX:
            _refuse("too many foreign nodes are told by an index")
        # The child goes on by one when something is put before it; what was put there
        # then has its index, and the next one goes before that.
        return ops[::-1]

    def _tree(self) -> list[Any]:
        """Return one element with all that may be in it; nothing if it is left out."""
        out: list[Any] = [0]
        # For each element that is open: how many children are to be read, and where
        # those that are kept are counted; None if the element is left out.
        open: list[tuple[int, int | None]] = [(1, 0)]
        while open:
            left, counted = open.pop()
            if left == 0:
                continue
            open.append((left - 1, counted))
            if len(open) > DEPTH_MAX:
                _refuse(f"foreign nodes are over {DEPTH_MAX} deep")
            inside = self._node(out, counted)
            if inside is not None:
                open.append(inside)
        return out[1:]

    def _node(self, out: list[Any], counted: int | None) -> tuple[int, int | None] | None:
        """Read a node and add it to *out* if it is kept; return what is open then."""
        self._count_node()
        head = self._next()
        if type(head) is int and head in (TEXT, COMMENT):
            data = self._string()
            # Between the server's own nodes only elements are taken.
            if counted:
                out[counted] += 1
                # A comment keeps its place, for the sake of indexes, and says nothing.
                out += [head, data if head == TEXT else ""]
            return None
        tag, id = _name(head), self._made_id()
        attributes = self._attributes()
        children = self._next()
        is_kept = counted is not None and _is_allowed_tag(tag)
        if is_kept and counted is not None:
            out[counted] += 1
            out += [tag, id, attributes] if attributes else [tag, id]
        if type(children) is str:
            self._count_node()
            if is_kept:
                out.append(_text(children))
            return None
        if type(children) is not int or children < 0:
            _refuse("the children of a foreign node are a text or a number")
        if is_kept:
            out.append(0)
        return children, len(out) - 1 if is_kept else None

    def _attributes(self) -> list[str]:
        """Return those that are kept."""
        if self.at >= len(self._parts) or type(self._parts[self.at]) is not list:
            return []
        pairs = self._next()
        if len(pairs) % 2 or len(pairs) > 2 * ATTRIBUTES_MAX:
            _refuse(f"foreign attributes are pairs of name and value, at most {ATTRIBUTES_MAX}")
        kept = []
        for at in range(0, len(pairs), 2):
            name, value = _name(pairs[at]), _text(pairs[at + 1])
            if _is_allowed(name, value):
                kept += [name, value]
        return kept

    def _made_id(self) -> str:
        id = self._next()
        if type(id) is not str or not _MADE_ID.fullmatch(id) or id in self._ids:
            _refuse("the id of a foreign node is one that the browser made for it")
        self._ids.add(id)
        return id

    def _count_node(self) -> None:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            _refuse(f"more than {NODES_MAX} foreign nodes")

    def _count(self) -> int:
        count = self._next()
        if type(count) is not int or count < 0:
            _refuse("a count is a number from 0 on")
        return count

    def _string(self) -> str:
        return _text(self._next())

    def _next(self) -> Any:
        if self.at >= len(self._parts):
            _refuse("foreign nodes end too soon")
        self.at += 1
        return self._parts[self.at - 1]


def _is_allowed_tag(written: str) -> bool:
    namespace, space, tag = written.partition(" ")
    return (tag if space and namespace in ("html", "svg") else written) in TAGS


def _is_allowed(name: str, value: str) -> bool:
    if name in URLS:
        url = _PASSED_OVER.sub("", value)
        return not _SCHEME.match(url) or bool(_SAFE_SCHEME.match(url))
    if name in STYLES:
        return not _UNSAFE_STYLE.search(value)
    return name in ATTRIBUTES or bool(_MORE_ATTRIBUTES.fullmatch(name))


def _known_id(value: Any) -> int | str:
    """Return the id of an element that the server has; the document is none."""
    if type(value) is str and 0 < len(value) <= 256:
        return _text(value)
    if type(value) is not int or not 0 < value < 2**53:
        _refuse("what is foreign stands in an element with a uuid")
    return value


def _name(value: Any) -> str:
    if type(value) is not str or not 0 < _bytes(value) <= NAME_BYTES_MAX:
        _refuse(f"a foreign name is a string of 1 to {NAME_BYTES_MAX} bytes")
    return value


def _text(value: Any) -> str:
    if type(value) is not str or _bytes(value) > VALUE_BYTES_MAX:
        _refuse(f"a foreign value is a string of at most {VALUE_BYTES_MAX} bytes")
    # As a parser has it: HTML cannot hold this one character.
    return value.replace("\0", "\ufffd")


def _bytes(text: str) -> int:
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        _refuse("half a surrogate pair, which is no character")


def _refuse(message: str) -> NoReturn:
    raise FrameError(message)
