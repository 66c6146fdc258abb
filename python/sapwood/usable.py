"""What a user of a browser can do with an element, for tests: what is refused, and why.

Only what the page's HTML says is looked at; what styles and scripts do is for a browser.
"""

from __future__ import annotations

from sapwood.element import Element
from sapwood.errors import TabError

#: What submits the form around it when it is clicked.
SUBMITS = 'button:not([type]), [type="submit"], input[type="image"]'
#: What a label can be for (HTML, 4.10.2).
LABELLED = "button, input:not([type=hidden]), meter, output, progress, select, textarea"

_DISABLED = "button:disabled, input:disabled, select:disabled, textarea:disabled, option:disabled"
_UNSEEN = "[hidden], [inert], template, input[type=hidden]"
_REQUIRED = "input:required, select:required, textarea:required"
# What nobody types text into.
_NO_TEXT = frozenset("button checkbox color file hidden image radio range reset submit".split())


def check_usable(element: Element) -> None:
    """Raise TabError if nobody can click the element, or do anything else with it."""
    for wrong, why in ((_DISABLED, "disabled"), (_UNSEEN, "hidden")):
        if element.closest(wrong) is not None:
            raise TabError(f"{said(element)} is {why}")


def check_text(field: Element, text: str) -> None:
    """Raise TabError if nobody can type *text* into a field."""
    if field.tag not in {"input", "textarea"} or kind_of(field) in _NO_TEXT:
        raise TabError(f"nobody types into {said(field)}")
    if field._attribute("readonly") is not None:
        raise TabError(f"{said(field)} is readonly")
    if field.tag == "input" and "\n" in text:
        raise TabError(f"{said(field)} has one line, and {text!r} has more")
    longest = field._attribute("maxlength") or ""
    if longest.isdigit() and len(text) > int(longest):
        raise TabError(f"{said(field)} takes {longest} characters, not {len(text)}")


def check_complete(form: Element, button: Element | None) -> None:
    """Raise TabError if a browser would not submit a form, since a required field is empty."""
    has_no_rules = form._attribute("novalidate") is not None
    if has_no_rules or (button is not None and button._attribute("formnovalidate") is not None):
        return
    for field in form.querySelectorAll(_REQUIRED):
        if field.closest(_DISABLED) is None and _is_empty(field):
            raise TabError(f"{said(form)} is not submitted: {said(field)} is required")


def chosen(field: Element, wanted: tuple[str, ...]) -> str | list[str]:
    """Return what a select holds when these options are chosen; raise TabError if none can be."""
    if field.tag != "select":
        raise TabError(f"{said(field)} is no select")
    options = field.querySelectorAll("option:enabled")
    values = [it._attribute("value") for it in options]
    texts = [" ".join(it.text.split()) for it in options]
    values = [text if value is None else value for value, text in zip(values, texts, strict=True)]
    found = []
    for name in wanted:
        names = values if name in values else texts
        if name not in names:
            raise TabError(f"{said(field)} has no option {name!r} to choose, but {texts}")
        found.append(values[names.index(name)])
    if field._attribute("multiple") is not None:
        return [str(it) for it in found]
    if len(found) != 1:
        raise TabError(f"{said(field)} takes one option, not {len(found)}")
    return str(found[0])


def is_box(field: Element) -> bool:
    """Say whether it is ticked, not filled in."""
    return kind_of(field) in {"checkbox", "radio"}


def kind_of(field: Element) -> str:
    """Return the type of an input; nothing for other elements."""
    return (field._attribute("type") or "text").lower() if field.tag == "input" else ""


def code_of(key: str) -> str:
    """Return which key of an English keyboard writes *key* (UI Events KeyboardEvent code)."""
    if key.isascii() and key.isalpha() and len(key) == 1:
        return f"Key{key.upper()}"
    if key.isascii() and key.isdigit():
        return f"Digit{key}"
    return "Space" if key == " " else key


def said(element: Element) -> str:
    """Return what an element is called in messages: its tag, with what tells it apart."""
    names = ("id", "name", "type", "href")
    told = ((name, element._attribute(name)) for name in names)
    return f"<{' '.join([element.tag, *(f'{name}={it}' for name, it in told if it)])}>"


def _is_empty(field: Element) -> bool:
    if kind_of(field) == "radio":
        return not any(each.checked for each in field._group())
    return not (field.checked if is_box(field) else field.value)
