"""Tests of live pages, without a browser and without a network.

    with Tab(app, "/") as tab:
        tab.click("#more")
        assert tab.text("#count") == "1"

A `Tab` loads the page from the real app, joins its session by the real protocol and follows
its patches: what it shows is what a browser would. Only what happens in a browser alone is
not there: scripts, styles, layout. All calls wait until the server has done its part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from sapwood.app import App
from sapwood.connection import CLOSED
from sapwood.element import Element
from sapwood.errors import TabError
from sapwood.events import NOT_BUBBLING
from sapwood.replica import Dialog
from sapwood.session import Session
from sapwood.template import Template
from sapwood.usable import (
    LABELLED,
    SUBMITS,
    check_complete,
    check_text,
    check_usable,
    chosen,
    code_of,
    is_box,
    kind_of,
    said,
)
from sapwood.visit import Visit

__all__ = ["Dialog", "Tab", "TabError"]

_ANSWERS: dict[str, tuple[type, ...]] = {
    "alert": (type(None),),
    "confirm": (bool,),
    "prompt": (str, type(None)),
}


class Tab:
    """A browser's tab that shows a page of *app*, to be used in a `with`.

    *path* is what stands in the address bar, with query and fragment; that of another
    tab's `session.url` joins its session. *headers* go with each request. Whatever is
    waited for has *timeout_s* seconds. Each tab is a browser of its own, with its cookies.

    The app runs in a thread beside the test, from the first of its tabs to the last, startup
    functions included. If it has no secret or no host, it has some for that time.

    An element is named by a selector that selects just one, or as an `Element`, of the tab
    or of the session's template. Where the page has no such element, or no user could do
    what is wanted, TabError says why. What a handler raises is raised by the call that made
    the event, or by the next one that waits. TimeoutError says what did not happen in time.
    """

    def __init__(
        self,
        app: App,
        path: str = "/",
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 5.0,
    ) -> None:
        self._app = app
        self._path = path
        self._headers = headers or {}
        self._timeout_s = timeout_s
        self._entered: Visit | None = None

    def __enter__(self) -> Self:
        visit = Visit(self._app, self._headers, self._timeout_s)
        try:
            visit.load(self._path)
        except BaseException:
            visit.end()
            raise
        self._entered = visit
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        visit, self._entered = self._visit, None
        try:
            if error is None:
                visit.catch_up()
                visit.raise_failures(is_over=True)
        finally:
            visit.end()

    @property
    def _visit(self) -> Visit:
        if self._entered is None:
            raise TabError("a tab is open inside of its with: `with Tab(app) as tab:`")
        return self._entered

    # --- What the page shows -----------------------------------------------------------

    def querySelector(self, selector: str) -> Element | None:
        """Return the first element of the page that *selector* selects.

        It is the page's and not the template's: it follows what is published, and changing
        it changes nothing. See `Template.querySelector`.
        """
        self._visit.catch_up()
        return self._visit.page.tree.query(selector)

    def querySelectorAll(self, selector: str) -> list[Element]:
        """Return all elements of the page that *selector* selects, in document order."""
        self._visit.catch_up()
        return self._visit.page.tree.query_all(selector)

    def text(self, selector: str | Element) -> str:
        """Return all text in an element."""
        return self._one(selector).text

    def value(self, selector: str | Element) -> str | list[str]:
        """Return what a field holds, with what was typed."""
        return self._one(selector).value

    @property
    def html(self) -> str:
        """The page as HTML, without what Sapwood adds to it."""
        self._visit.catch_up()
        return self._visit.page.tree.render(uuids=False)

    @property
    def path(self) -> str:
        """Path and query of the page, after redirects and links."""
        self._visit.catch_up()
        return self._visit.page.url

    @property
    def status(self) -> str:
        """`"online"`, `"offline"`, or `"closed"` if the app has closed the session.

        The words are those of `html[data-sapwood]` in a browser.
        """
        self._visit.catch_up()
        if self._visit.is_online:
            return "online"
        return "closed" if self._visit.code == CLOSED else "offline"

    @property
    def dialog(self) -> Dialog | None:
        """What the user is asked by `e.window`, and has not answered; the first, if several."""
        self._visit.catch_up()
        return next(iter(self._visit.page.dialogs.values()), None)

    # --- The server's side -------------------------------------------------------------

    @property
    def session(self) -> Session:
        """The session on the server; raises TabError if it has ended."""
        found = self._visit.server.session(self._visit.session_id)
        if found is None:
            raise TabError(f"the session of {self.path} has ended")
        return found

    @property
    def template(self) -> Template:
        """The session's template: what is published, and maybe more."""
        return self.session.template

    # --- What the user does --------------------------------------------------------------

    def click(self, selector: str | Element) -> None:
        """Click an element, and do what browsers do then.

        A box is ticked, a submit button submits its form, a label clicks what it is for,
        and a link that leads somewhere is followed when its handlers have ended.
        """
        self._click(self._usable(selector))

    def type(self, selector: str | Element, text: str) -> None:
        """Put *text* into a field in place of what is there, and leave it.

        What hears `input` or `change` is told once each; otherwise the next event tells.
        """
        field = self._usable(selector)
        check_text(field, text)
        self._edit(field, text)

    def check(self, selector: str | Element, on: bool = True) -> None:
        """Tick a checkbox or radio button, or with *on* False untick it; nothing if it is so."""
        field = self._usable(selector)
        if not is_box(field):
            raise TabError(f"{said(field)} is no box to tick")
        if field.checked == on:
            return
        if not on and kind_of(field) == "radio":
            raise TabError(f"{said(field)} is unticked by ticking another one")
        self._click(field)

    def select(self, selector: str | Element, *options: str) -> None:
        """Choose the options of a select, each by its value or its text, and no other ones.

        What hears `input` or `change` is told once each; otherwise the next event tells.
        """
        field = self._usable(selector)
        self._edit(field, chosen(field, options))

    def submit(self, selector: str | Element) -> None:
        """Submit a form as its user does: by its first submit button, if it has one."""
        form = self._usable(selector)
        if form.tag != "form":
            raise TabError(f"{said(form)} is no form")
        self._submit_as_user(form)
        self._visit.settle()

    def press(self, key: str, on: str | Element = "body") -> None:
        """Press and release a key, named as in the DOM: `"a"`, `"Enter"`, `"ArrowUp"`.

        Enter in an input submits its form, as in browsers, and clicks a button or a link; a
        space clicks a button or a box. No other key does anything but its events: text is
        written by `type`.
        """
        target = self._usable(on)
        data = {"key": key, "code": code_of(key)}
        is_heard = self._fire(target, "keydown", data)
        form = target.closest("form") if key == "Enter" and target.tag == "input" else None
        clicks = "button, a[href]" if key == "Enter" else "button, [type=checkbox], [type=radio]"
        is_click = form is None and key in {"Enter", " "} and target.matches(clicks)
        if form is not None:
            self._submit_as_user(form)
        if is_click:
            self._click(target)
        elif not self._fire(target, "keyup", data) and not is_heard and form is None:
            self._refuse_unheard(target, "keydown")
        self._visit.settle()

    def send(
        self,
        type: str,
        selector: str | Element,
        data: Mapping[str, Any] | None = None,
        *,
        wait: bool = True,
    ) -> None:
        """Let any event happen, with what its `event_data` is to be, and nothing but the event.

        With *wait* False its handlers may still run on return; `until` waits for what they do.
        """
        target = self._usable(selector)
        if not self._fire(target, type, data):
            self._refuse_unheard(target, type)
        if wait:
            self._visit.settle()

    def answer(self, value: str | bool | None = None) -> None:
        """Answer the dialog that is open: True or False, a text or None, None to an alert.

        Until then nothing else can be done in the page, and whatever waited goes on.
        """
        dialog = self.dialog
        if dialog is None:
            raise TabError("no dialog is open")
        if not isinstance(value, _ANSWERS[dialog.kind]):
            raise TabError(f"{value!r} is no answer to {dialog}")
        self._visit.send(self._visit.page.answer(value))
        self._visit.settle()

    # --- Waiting, coming and going -------------------------------------------------------

    def until(self, condition: Callable[[], object], *, timeout_s: float | None = None) -> None:
        """Wait until *condition* returns something true.

        It is called whenever the page has got something new, and 20 times a second for what
        is not in the page. TimeoutError says what the page shows.
        """
        self._visit.until(condition, self._timeout_s if timeout_s is None else timeout_s)

    def open(self, path: str) -> None:
        """Load another page in this tab, as by the address bar; *path* may be relative."""
        self._visit.follow(path)

    def reload(self) -> None:
        """Load the page again, as F5 does: it goes on with its session.

        What was typed and not told, and what was clicked while the tab was offline, stays.
        """
        self._visit.load(self._visit.page.url, self._visit.page)

    def drop(self) -> None:
        """Lose the connection. What the user does from now on is kept until `connect`."""
        self._visit.drop()

    def connect(self) -> None:
        """Connect again, and wait until what was done meanwhile is handled.

        A session that is gone, because the server restarted or nobody came back in time, is
        asked for anew, as browsers do; TabError names the events that were lost with it.
        """
        self._visit.connect()

    def restart(self, app: App | None = None) -> None:
        """Stop the server as SIGTERM does, start it again and connect; other tabs do so later.

        With *app* that one is served from then on, to all tabs: one with the same store and
        secret is what a new process has. The same app keeps what its module holds.
        """
        self._visit.server.restart(app or self._visit.server.app)
        self._visit.connect()

    # --- Elements ----------------------------------------------------------------------

    def _one(self, selector: str | Element) -> Element:
        """Return the element that is meant."""
        self._visit.catch_up()
        tree = self._visit.page.tree
        if isinstance(selector, Element):
            element = None if selector._is_destroyed else tree.find(selector.uuid)
            if element is None:
                raise TabError(f"{selector!r} is not in the page")
            return element
        elements = tree.query_all(selector)
        if len(elements) != 1:
            found = f"{len(elements)} are" if elements else f"none is{self._why(selector)}"
            raise TabError(f"{selector!r} is to select one element of the page: {found} there")
        return elements[0]

    def _why(self, selector: str) -> str:
        """Say what the server knows of an element that the page has not."""
        with suppress(TabError):
            known = self.template.querySelector(selector)
            if known is not None:
                why = "an update() is missing" if known._is_shown else "its show is False"
                return f" (the template has it: {why})"
        return ""

    def _usable(self, selector: str | Element) -> Element:
        """Return an element that a user can do something with."""
        element = self._one(selector)
        if dialogs := list(self._visit.page.dialogs.values()):
            raise TabError(f"a dialog is open, answer it first: {dialogs[0]}")
        if self._visit.code == CLOSED:
            raise TabError("the app has closed the session")
        check_usable(element)
        return element

    def _fire(self, target: Element, type: str, data: Mapping[str, Any] | None = None) -> bool:
        """Let an event happen, if anything in the page hears it; say whether it does."""
        each: Element | None = target
        while each is not None and each._attribute(f"_on{type}") is None:
            each = None if type in NOT_BUBBLING else each.parent
        if each is not None:
            self._visit.happen(target, type, data, f"{type} on {said(target)}")
        return each is not None

    def _refuse_unheard(self, target: Element, type: str) -> None:
        around = "" if type in NOT_BUBBLING else " or anything around it"
        raise TabError(f"{said(target)}{around} has no handler for {type}")

    def _edit(self, field: Element, value: str | list[str]) -> None:
        self._visit.page.edit(field, value)
        self._fire(field, "input")
        self._fire(field, "change")
        self._visit.settle()

    def _click(self, element: Element) -> None:
        """Click, and do what the browser does by itself."""
        control = element.closest("a[href], button, input, label") or element
        is_ticked = is_box(control) and not (kind_of(control) == "radio" and control.checked)
        if is_ticked:
            self._visit.page.edit(control, not control.checked)
        is_heard = self._fire(element, "click")
        if is_ticked:
            self._fire(control, "input")
            self._fire(control, "change")
        labelled, form, link = self._labelled(control), control.closest("form"), _link(control)
        if labelled is not None:
            self._click(self._usable(labelled))
        elif form is not None and control.matches(SUBMITS):
            self._submit(form, control)
        elif not (is_heard or is_box(control) or link):
            self._refuse_unheard(element, "click")
        self._visit.settle()
        if link:
            self._visit.follow(link)

    def _labelled(self, label: Element) -> Element | None:
        """Return what a label is for."""
        if label.tag != "label":
            return None
        target = label._attribute("for")
        return self._visit.page.tree.by_id(target) if target else label.querySelector(LABELLED)

    def _submit_as_user(self, form: Element) -> None:
        button = form.querySelector(SUBMITS)
        if button is None:
            self._submit(form, None)
        else:
            self._click(self._usable(button))

    def _submit(self, form: Element, button: Element | None) -> None:
        """Submit a form, if what it holds is complete."""
        check_complete(form, button)
        is_named = button is not None and button._attribute("name")
        data = {"submitter": button.uuid} if button is not None and is_named else None
        if not self._fire(form, "submit", data) and form._attribute("method") != "dialog":
            # The browser would leave the page, and send the form as HTML says.
            self._refuse_unheard(form, "submit")


def _link(control: Element) -> str:
    """Return where a click leads; nothing if that is nowhere."""
    href = control._attribute("href") if control.tag == "a" else None
    return "" if href is None or href.startswith("#") else href
