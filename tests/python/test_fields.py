"""Form fields: what they hold, by their HTML and as it was set, and how that is written."""

from __future__ import annotations

from typing import Any

import pytest

from sapwood import Element, Template


def body(html: str = "") -> Element:
    found = Template(f"<body>{html}</body>").querySelector("body")
    assert found
    return found


@pytest.mark.parametrize(
    ("html", "value"),
    [
        ("<input value=x>", "x"),
        ("<input>", ""),
        ("<textarea>\n a\nb</textarea>", " a\nb"),
        ("<select><option>a<option>b</select>", "a"),
        ("<select><option value=1>a<option selected value=2>b</select>", "2"),
        ("<select><option> two  words </select>", "two words"),
        ("<select></select>", ""),
        ("<select multiple><option selected>a<option>b<option selected>c</select>", ["a", "c"]),
        ("<li value=3>", "3"),
        ("<p>", ""),
    ],
)
def test_a_field_holds_what_its_html_says(html: str, value: object) -> None:
    assert body(html).children[0].value == value


@pytest.mark.parametrize(
    ("html", "value", "shown"),
    [
        ("<input value=x>", "y", '<input value="y">'),
        ("<input value=x>", None, "<input value>"),
        ("<textarea>x</textarea>", "<y>", "<textarea>\n&lt;y&gt;</textarea>"),
        (
            "<select><option>a</option><option selected>b</option></select>",
            "a",
            "<select><option selected>a</option><option>b</option></select>",
        ),
        (
            "<select multiple><option>a</option><option>b</option></select>",
            ["a", "b"],
            "<select multiple><option selected>a</option><option selected>b</option></select>",
        ),
        ("<li value=1></li>", 7, '<li value="7"></li>'),
    ],
)
def test_a_value_that_was_set_shows_in_the_html(html: str, value: Any, shown: str) -> None:
    field = body(html).children[0]
    field.value = value
    assert field.html == shown


@pytest.mark.parametrize("value", ["", "y", ["a", "b"]])
def test_a_value_reads_back_as_it_was_set(value: Any) -> None:
    made = Element("select", attrs={"multiple": isinstance(value, list)})
    made.value = value
    assert made.value == value


def test_a_number_becomes_a_value_as_text() -> None:
    made = Element("input")
    made.value = 1.5
    assert made.value == "1.5"


def test_a_box_is_ticked_as_its_html_says_until_it_is_set() -> None:
    box = body("<input type=checkbox checked>").children[0]
    before, box.checked = box.checked, False
    assert (before, box.checked, box.html) == (True, False, '<input type="checkbox">')


def test_a_ticked_box_shows_in_the_html() -> None:
    box = Element("input", attrs={"type": "checkbox"})
    box.checked = True
    assert box.html == '<input type="checkbox" checked>'


def test_the_value_of_a_box_is_what_it_stands_for() -> None:
    page = Template("<input type=checkbox name=c checked>")
    box = page.querySelector("input")
    assert box
    box.value = "yes"
    assert page.getFormValues() == {"c": "yes"}


def test_ticking_a_radio_button_clears_the_others_of_its_group() -> None:
    radios = "<input type=radio name=r value=p><input type=radio name=r value=q checked>"
    page = Template(f"<form>{radios}</form><form>{radios}</form>")
    page.querySelectorAll("input")[0].checked = True
    assert [radio.checked for radio in page.querySelectorAll("input")] == [True, False, False, True]
