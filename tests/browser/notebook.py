"""An app whose page has what people leave in pages: typed text, scrolling, things opened.

Its state is what was pressed, in order, so each event that ran twice, not at all, or too
early can be seen in the page. With NOTEBOOK_STORE in the environment, the path of a file,
the state is kept in that file.
"""

import asyncio
import json
import os
from typing import Any

from sapwood import App, EventHandler, SQLiteStore, Template

# Long enough for a server to be stopped meanwhile, and shorter than its patience.
SLOWLY_S = 0.5

HTML = """<!DOCTYPE html><html><head><title>Notebook</title><link rel="icon" href="data:,"></head>
<body><h1 id="ran"></h1>
<button id="a" _onclick="press">a</button><button id="b" _onclick="press">b</button>
<button id="c" _onclick="press_slowly">c</button>
<button id="s" _onclick="share">share</button><p id="url"></p>
<button id="ask" _onclick="tell">ask</button><p id="known"></p>
<input id="silent" name="silent"><input id="heard" name="heard" _oninput="hear">
<p id="echo"></p>
<form id="chat" _onsubmit="say"><input id="line"></form><p id="said"></p>
<details id="more"><summary>more</summary>text</details>
<div id="box" style="overflow: auto; height: 40px"><p style="height: 900px">tall</p></div>
</body></html>"""


class Notebook(Template):
    """A page that writes down what was pressed."""

    def __init__(self, state: dict[str, Any]) -> None:
        super().__init__(HTML)
        self.state = state
        self.write("ran", state.get("ran", ""))
        self.write("said", state.get("said", ""))

    def write(self, id: str, text: str) -> None:
        element = self.getElementById(id)
        assert element is not None
        element.content = text

    def press(self, e: EventHandler) -> None:
        self.state["ran"] = self.state.get("ran", "") + e.target.id
        self.write("ran", self.state["ran"])
        e.update()

    async def press_slowly(self, e: EventHandler) -> None:
        await asyncio.sleep(SLOWLY_S)
        self.press(e)

    def tell(self, e: EventHandler) -> None:
        """Write what the server knows of the fields."""
        self.write("known", json.dumps(self.getFormValues()))
        e.update()

    def share(self, e: EventHandler) -> None:
        """Write where another browser can join."""
        self.write("url", e.session.url)
        e.update()

    def say(self, e: EventHandler) -> None:
        """Take a line, as a chat does, and make room for the next one."""
        line = self.getElementById("line")
        assert line is not None
        self.state["said"] = f"{self.state.get('said', '')}[{line.value}]"
        line.value = ""
        self.write("said", self.state["said"])
        e.update()

    def hear(self, e: EventHandler) -> None:
        self.write("echo", str(e.target.value))
        e.update()


def notebook(**settings: Any) -> App:
    """Return an app with a notebook at `/`."""
    app = App(debug=True, secret="long-but-not-much-of-a-secret-for-it-stands-here", **settings)

    @app.route("/")
    def index(state: dict[str, Any]) -> Notebook:
        return Notebook(state)

    return app


_path = os.environ.get("NOTEBOOK_STORE")
app = notebook(store=SQLiteStore(_path) if _path else None)
