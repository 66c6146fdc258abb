"""A page: HTML with handlers, as a tree that Python changes and browsers follow.

A template holds two versions of its tree: the one that is worked on, and the one that
was published by the last `update()`. Browsers are only ever sent published versions,
so half-finished changes never show.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache
from os import PathLike
from pathlib import Path
from typing import NoReturn, Protocol, Self, SupportsIndex

from sapwood import _core
from sapwood.copies import COPIERS, carry_over, copier
from sapwood.element import Element
from sapwood.errors import HandlerError, HtmlError, TemplateError, TreeError
from sapwood.events import Handler, check_handler
from sapwood.views import said


class Follower(Protocol):
    """Whoever is told that a template was published: a connection to a browser."""

    def before_publish(self) -> None:
        """Take what was published so far; the next version is about to replace it."""

    def after_publish(self) -> None:
        """Take note that there is something new."""


class Template:
    """A page made from HTML: a file beside the class, or a string that begins with `<`.

    Handlers in the HTML (`<button _onclick="increment">`) name methods of the class.
    Each browser tab gets a template of its own; with `shared=True` one template may be
    returned to many tabs, which all see the same.

    Raises TypeError if *source* is neither, TemplateError if the file cannot be read or the
    HTML is over a limit, HandlerError if a handler is named that the class does not have.
    """

    def __init__(self, source: str | Path, *, shared: bool = False) -> None:
        parsed = _load(source, lambda: _folder_of(type(self)))
        self.shared = shared
        self._tree = parsed.tree.fork()
        if type(self) not in parsed.checked:
            self._check_names(parsed)
            parsed.checked.add(type(self))

    # What a page that somebody looks at needs, and a version kept for comparing does not.

    @cached_property
    def _published(self) -> _core.Tree:
        return self._fork()

    @cached_property
    def _followers(self) -> set[Follower]:
        return set()

    @cached_property
    def _publishing_lock(self) -> threading.RLock:
        """Guards what is published and what followers take of it, not the tree itself."""
        # In one step, so that two threads that come first get the same one.
        lock: threading.RLock = self.__dict__.setdefault("_publishing_lock", threading.RLock())
        return lock

    _pristine: Self | None = None

    # --- Finding ---------------------------------------------------------------

    def querySelector(self, selector: str, *, foreign: bool = False) -> Element | None:
        """Return the first element that *selector* selects; the same object every time.

        Selectors are those of Selectors Level 4, with case rules and states as HTML has
        them: `:checked`, `:disabled`, `:enabled`, `:required`, `:optional`, `:read-only`,
        `:read-write`, `:placeholder-shown`, `:link`, `:any-link`, `:lang()`. What a user
        typed or ticked counts. States that only a browser knows, such as `:hover` and
        `:focus`, and pseudo-elements are errors, except inside of `:is()` and `:where()`,
        which forgive. What a `template` element holds is found only from inside of it, and
        is not looked at by `:has()` and `:empty`. Classes and ids are compared with case,
        also in a page without a doctype, where a browser in quirks mode would not.

        What a browser told of, which may be forged, is left out as if it were not there,
        unless *foreign* asks for it; see `Element.is_foreign`.

        Raises SelectorSyntaxError, with the place in `offset`, for what is no selector
        or has more than 16,384 bytes, 32 nested brackets or 128 combined parts.
        """
        return self._tree.query(selector, foreign)

    def querySelectorAll(self, selector: str, *, foreign: bool = False) -> list[Element]:
        """Return all elements that *selector* selects, in document order.

        See `querySelector` for what a selector may be. Raises SelectorSyntaxError.
        """
        return self._tree.query_all(selector, foreign)

    def getElementById(self, id: str, *, foreign: bool = False) -> Element | None:
        """Return the first element with this `id`; a foreign one only if *foreign* asks for it."""
        return self._tree.by_id(id, foreign)

    @property
    def root(self) -> Element:
        """The element `html`; raises TreeError if it was taken out."""
        roots = self._tree.roots()
        if not roots:
            raise TreeError(f"{self!r} has no element any more")
        return roots[0]

    def walk(self) -> Iterator[Element]:
        """Go through all elements, parents first."""
        return self.root.walk()

    def getFormValues(self, *, foreign: bool = False) -> dict[str, str | list[str]]:
        """Return what the named, enabled fields hold that are shown, as a form would send them.

        Several boxes of one name give the list of those that are ticked. Fields that a
        browser told of are left out unless *foreign* asks for them.
        """
        values: dict[str, str | list[str]] = {}
        boxes: dict[str, list[Element]] = {}
        for field in self._tree.query_all(_FIELDS, foreign):
            kind = (field.attrs.get("type") or "").lower() if field.tag == "input" else ""
            if kind in _BUTTONS or not field._is_shown:
                continue
            name = field.attrs["name"]
            if kind == "checkbox":
                boxes.setdefault(name, []).append(field)
            elif kind != "radio" or field.checked:
                values[name] = field.attrs.get("value", "on") if kind == "radio" else field.value
        for name, group in boxes.items():
            ticked = [box.attrs.get("value", "on") for box in group if box.checked]
            if len(group) > 1:
                values[name] = ticked
            elif ticked:
                values[name] = ticked[0]
        return values

    # --- Versions --------------------------------------------------------------

    def update(self) -> None:
        """Publish the tree as it is now, and send every browser what changed for it.

        May be called from any thread.
        """
        with self._publishing_lock:
            # What a user typed is published already, though not everybody was told.
            is_new = not self._tree.same_version(self._published)
            if is_new:
                for follower in self._followers:
                    follower.before_publish()
                self._published = self._fork()
            followers = list(self._followers) if is_new or self.shared else []
        for follower in followers:
            follower.after_publish()

    def _fork(self) -> _core.Tree:
        """Return the version to publish now."""
        if self.shared or self._followers:
            # What is to be called is for those who are there. The only browser of a page
            # that is still being made comes later.
            self._tree.tell_calls()
        return self._tree.fork()

    @property
    def clone(self) -> Self:
        """An independent copy, at the price of a few reference counts.

        What attributes and handlers hold of this template they hold of the clone: elements,
        also those that are in no page now, lists, dicts, sets and tuples of them, and
        methods. Any other object is shared.
        """
        copy = object.__new__(type(self))
        fork, copy.__dict__, stateful = self._tree.fork_with(self.__dict__, _LIVE)
        copy._tree = fork

        apart: dict[int, Element] = {}

        def copy_of(value: object) -> object:
            if value is self:
                return copy
            if not isinstance(value, Element) or value._is_destroyed:
                return value
            own = value._in_version(self._tree, fork)
            if own is not None:
                return own
            if id(value) not in apart and (top := value._outermost).tag != "html":
                pairs = top._copies(as_is=True)
                apart.update((id(original), copied) for original, copied in pairs)
                carry_over(pairs, copied)
            return apart.get(id(value), value)

        copied = copier(copy_of)
        for name, value in copy.__dict__.items():
            # Elements of this tree have their copies already.
            is_left = value is self.__dict__.get(name)
            if is_left and (type(value) in COPIERS or isinstance(value, Element | Template)):
                copy.__dict__[name] = copied(value)
        carry_over(stateful, copied)
        return copy

    def __copy__(self) -> Self:
        return self.clone

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError(
            f"{self!r} is a live page, it can be neither pickled nor deep-copied; clone it"
        )

    def _hand_out(self) -> Self:
        """Return the template for one more page: itself, or a clone of what it was at first."""
        if "_tree" not in self.__dict__:
            name = type(self).__name__
            raise TemplateError(f"{name} has no HTML: call super().__init__(…) in its __init__")
        if self.shared:
            return self
        with self._publishing_lock:
            if self._pristine is None:
                # With its attributes and handlers: the first visitor may change these too.
                self._pristine = self.clone
                return self
            return self._pristine.clone

    # --- Rendering -------------------------------------------------------------

    @property
    def html(self) -> str:
        """The page as HTML, without what Sapwood adds to it."""
        return self._tree.render(uuids=False)

    def render_with_uuids(self) -> str:
        """Render the page for a browser that ops are to change from here on.

        Texts that lie side by side become one here too, as they do in the browser. So
        render a clone, and keep it as what the browser has.
        """
        self._tree.normalize()
        return self._tree.render(uuids=True)

    def _render_page(self, head_end: str, nonce: str) -> tuple[str, _core.Tree]:
        """Render what is published; return the HTML and the version that it shows."""
        with self._publishing_lock:
            if not self.shared:
                self.update()
            version = self._published.fork()
        # The browser that parses the page will join texts that lie side by side.
        version.normalize()
        return version.render(uuids=True, head_end=head_end, nonce=nonce), version

    # --- Events ----------------------------------------------------------------

    def _method(self, name: str) -> Handler:
        """Return the method that HTML calls *name*; raise HandlerError if there is none.

        An element may have come from another template, with that one's names.
        """
        method = None if name.startswith("_") else getattr(self, name, None)
        if method is None:
            raise HandlerError(f"{type(self).__name__} has no public method {name!r}")
        return check_handler(method)

    def _check_names(self, parsed: _Parsed) -> None:
        cls = type(self)
        for where, name in parsed.handlers:
            if not name.startswith("_") and callable(getattr(cls, name, None)):
                check_handler(getattr(self, name))
                continue
            own = [n for n in dir(cls) if n[0] != "_" and not hasattr(Template, n)]
            known = ", ".join(n for n in own if callable(getattr(cls, n))) or "none are defined"
            raise HandlerError(f"{where} names no public method of {cls.__name__}; it has: {known}")

    def __repr__(self) -> str:
        if "_tree" not in self.__dict__:
            return f"<{type(self).__name__} that was not made: super().__init__() did not run>"
        return f"<{type(self).__name__} of {len(self._tree)} nodes>"


_BUTTONS = frozenset({"submit", "button", "reset", "image"})

_FIELDS = "input[name]:enabled, select[name]:enabled, textarea[name]:enabled"

# What a clone does not take over from its template.
_LIVE = frozenset({"_tree", "_published", "_followers", "_publishing_lock", "_pristine"})


class _Parsed:
    """A parsed source: its tree, the handlers it names, and the classes that have them all."""

    def __init__(self, html: str, origin: str) -> None:
        self.checked: set[type[Template]] = set()
        try:
            self.tree = _core.Tree.parse(html, Element)
        except (HtmlError, UnicodeEncodeError) as error:  # UTF-8 has no lone surrogate
            raise TemplateError(f"{origin}: {error}") from error
        self.handlers = [
            (f"{attribute}={name!r} on <{tag}> in {origin}", name)
            for tag, attribute, name in self.tree.handler_attributes()
        ]


_SOURCE = "a template is a path beside the class's file, or HTML that begins with '<'"


def _load(source: str | Path, folder: Callable[[], Path]) -> _Parsed:
    if not isinstance(source, str | PathLike):
        raise TypeError(f"{_SOURCE}, not {said(source)}")
    if isinstance(source, str) and source.lstrip().startswith("<"):
        return _parse(source, "the HTML")
    if not str(source).strip():
        raise TemplateError(f"{_SOURCE}, not {source!r}")
    path = folder() / source
    try:
        stat = path.stat()
        return _parse_file(path, stat.st_mtime_ns, stat.st_size)
    except (OSError, ValueError) as error:  # a path with a NUL is a ValueError
        reason = getattr(error, "strerror", None) or error
        raise TemplateError(
            f"cannot read the template {str(path)!r}: {reason}; {_SOURCE}"
        ) from error


@lru_cache(maxsize=128)
def _parse(html: str, origin: str) -> _Parsed:
    return _Parsed(html, origin)


@lru_cache(maxsize=128)
def _parse_file(path: Path, _mtime_ns: int, _size: int) -> _Parsed:
    data = path.read_bytes()
    try:
        html = _core.decode(data)
    except HtmlError as error:
        raise TemplateError(f"{path}: {error}") from error
    return _Parsed(html, str(path))


def _folder_of(cls: type[Template]) -> Path:
    """Return the folder of the file that defines *cls*, or that made a bare Template."""
    if cls is not Template:
        file = getattr(sys.modules.get(cls.__module__), "__file__", None)
        return Path(file).parent if file else Path.cwd()
    frame = sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    file = frame.f_globals.get("__file__")
    return Path(file).parent if file else Path.cwd()
