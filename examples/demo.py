"""All examples in one app: each is mounted below a page that shows what they are.

`make demo` serves it.
"""

import inspect
from pathlib import Path

import clock
import counter
import order
import poll
import table
import todo

import sapwood as sw

HERE = Path(__file__).parent

app = sw.App()
app.static("/static", "static")

index = sw.Template("demo.html", shared=True)


def card(name, about):
    """Return what the index says of an example: what it is, what to try, how it is written."""
    what, tries = about.split("\n\n")
    return sw.Element(
        "section",
        [
            sw.Element("h2", sw.Element("a", name.capitalize(), attrs={"href": f"{name}/"})),
            sw.Element("p", what),
            sw.Element("p", tries, classes=["soft"]),
            source(f"{name}.py"),
            source(f"{name}.html"),
        ],
    )


def source(file):
    """Return the text of a file, to be unfolded; as content it needs no escaping."""
    code = sw.Element("code", (HERE / file).read_text(encoding="utf-8"))
    return sw.Element(
        "details",
        [
            sw.Element("summary", file),
            # Who cannot use a mouse scrolls what has focus.
            sw.Element("pre", code, attrs={"tabindex": 0, "role": "region", "aria-label": file}),
        ],
    )


for example in (counter, todo, order, clock, table, poll):
    app.mount(f"/{example.__name__}", example.app)
    index.querySelector("#examples").children.append(
        card(example.__name__, inspect.getdoc(example))
    )


@app.route("/")
def home():
    """Show the index."""
    return index
