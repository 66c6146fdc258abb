"""What the strictest headers leave of a live page: all of it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Error, Page, expect

from line import Live
from sapwood import App, Element, EventHandler, Template

HTML = """<!DOCTYPE html><html><head><title>T</title>
<link rel="icon" href="data:,"><style>p { color: red }</style></head><body>
<button id="all" _onclick="change">change</button><button id="fail" _onclick="fail">fail</button>
<input id="field"><ul id="list"><li>one</li><li>two</li></ul><div id="box"></div></body></html>"""


class Strict(Template):
    """A page that a handler changes in every way there is."""

    def __init__(self) -> None:
        super().__init__(HTML)

    def change(self, e: EventHandler) -> None:
        rows, box, field = (self.querySelector(it) for it in ("#list", "#box", "#field"))
        assert rows is not None
        assert box is not None
        assert field is not None
        rows.children.reverse()
        rows.children.append(Element("li", ["three ", Element("b", "<img onerror=alert(1)>")]))
        box.children.append(Element("svg", Element("circle", attrs={"r": "5"})))
        box.children.append(Element("style", "#box { color: blue }"))
        box.children.append(Element("template", Element("i", "inert")))
        box.style["width"] = "7px"
        box.attrs["title"] = "changed"
        field.value = "set"
        field.focus()
        e.update()

    def fail(self) -> None:
        raise ZeroDivisionError


@pytest.fixture
def strict(page: Page) -> Iterator[Page]:
    """A page whose scripts may make no code, and no markup, of strings."""
    app = App(debug=True, trusted_types=True)
    app.route("/")(Strict)
    with Live(app) as live:
        page.goto(live.url)
        expect(page.locator("html")).to_have_attribute("data-sapwood", "online")
        yield page


def test_a_page_lives_under_trusted_types(strict: Page, problems: list[str]) -> None:
    strict.locator("#all").click()
    expect(strict.locator("li")).to_have_text(["two", "one", "three <img onerror=alert(1)>"])
    expect(strict.locator("#field")).to_have_value("set")
    expect(strict.locator("#field")).to_be_focused()
    expect(strict.locator("#box")).to_have_css("color", "rgb(0, 0, 255)")
    expect(strict.locator("#box")).to_have_css("width", "7px")
    strict.locator("#fail").click()
    expect(strict.get_by_role("alert")).to_contain_text("ZeroDivisionError")
    strict.evaluate("() => sapwood.resync()")
    strict.locator("#all").click()
    expect(strict.locator("li")).to_have_count(4)
    assert problems == []


@pytest.mark.parametrize(
    "code",
    [
        "document.body.innerHTML = '<b>markup</b>'",
        "document.body.setAttribute('onclick', 'code()')",
        "document.createElement('script').text = 'code()'",
        "trustedTypes.createPolicy('other', {})",
    ],
)
def test_trusted_types_are_enforced(strict: Page, code: str) -> None:
    # Else the test above would say nothing.
    with pytest.raises(Error, match=r"TrustedHTML|TrustedScript|Policy"):
        strict.evaluate(f"() => {{ {code} }}")


@pytest.mark.parametrize("trusted", [True, False])
def test_a_script_that_is_inserted_runs_unless_types_are_trusted(page: Page, trusted: bool) -> None:
    app, template = App(trusted_types=trusted), Template(HTML.replace("_onclick", "data-x"))
    box = template.querySelector("#box")
    assert box is not None
    app.route("/")(lambda: template)
    with Live(app) as live:
        page.goto(live.url)
        expect(page.locator("html")).to_have_attribute("data-sapwood", "online")
        box.children.append(Element("script", "document.title = 'ran'"))
        box.children.append(Element("p", "and then"))
        template.update()
        expect(page.locator("#box p")).to_have_text("and then")
        assert page.title() == ("T" if trusted else "ran")


def test_a_page_may_not_see_or_hear_who_looks_at_it(strict: Page, problems: list[str]) -> None:
    may = "name => document.featurePolicy.allowsFeature(name)"
    names = ["camera", "microphone", "geolocation", "usb", "payment", "fullscreen"]
    assert [name for name in names if strict.evaluate(may, name)] == ["fullscreen"]
    # The browser knows each header that it was sent.
    assert problems == []
