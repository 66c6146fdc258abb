"""The page of the simulated world, whose handlers say in the session's state that they ran."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dom
from sapwood import Element, EventHandler, Template, WindowGone, _core

if TYPE_CHECKING:
    from simulated.world import World

HTML = """<body><p id=shown>0</p>
<button id=add _onclick=add></button><button id=turn _onclick=turn></button>
<button id=clear _onclick=clear></button><button id=slow _onclick=slow></button>
<button id=write _onclick=write></button><button id=point _onclick=point></button>
<button id=bad _onclick=bad></button><button id=much _onclick=much></button>
<button id=ask _onclick=ask></button><button id=aside _onclick=aside></button>
<p _onclick=slow><button id=half _onclick=bad></button></p>
<ul id=rows _onclick=pick></ul><p id=marks></p><input id=field><p id=filler></p></body>"""
#: What users click on at random; what `aside` lets pass may run twice after a restart.
BUTTONS = ("add", "turn", "clear", "slow", "write", "point", "bad", "much", "ask", "half")


class Board(Template):
    """The page of the world: every handler says in the session's state that it ran."""

    def __init__(self, world: World, state: dict[str, Any]) -> None:
        # No two processes have the same page: nothing of it may have the same ids.
        super().__init__(HTML.replace("</body>", f"<!--{world.processes}--></body>"))
        self.world = world
        self.state = state
        if "lineage" not in state:
            state.update(lineage=world.name("lineage"), done=[])
        self.lineage: str = state["lineage"]
        #: Versions and what they show; the field's values in the order in which it had them.
        self.history: dict[int, Any] = {}
        self.values: list[str] = []
        #: Those of them that an event brought which was carried out.
        self.brought: set[str] = set()
        self.version = 0
        world.boards.append(self)
        self["body"].attrs["data-lineage"] = self.lineage
        self["#shown"].content = len(state["done"])
        self.publish()

    def __getitem__(self, selector: str) -> Any:
        found = self.querySelector(selector)
        assert found, selector
        return found

    def publish(self) -> None:
        """Make all that changed a version that the world knows."""
        self.version = self.world.count("version")
        self["body"].attrs["data-version"] = self.version
        self.note_value()
        self.update()
        self.history[self.version] = self._published.fork()

    def shown_by(self, version: int) -> Any:
        """Return what a browser shows of a version."""
        tree = self.history[version]
        if isinstance(tree, _core.Tree):
            whole = _core.Sync(tree).cut_whole(tree, 0)
            page = dom.whole(whole, _core.uuid_prefix())
            tree = self.history[version] = shape(page.document)
        return tree

    def note_value(self) -> None:
        """Note what the field holds, if it is something new."""
        value = str(self["#field"].value)
        if not self.values or self.values[-1] != value:
            self.world.promises.holds(
                value not in self.brought, f"{value!r} came back in place of {self.values[-1:]}"
            )
            self.values.append(value)

    # --- Handlers --------------------------------------------------------------------

    def _ran(self, e: EventHandler) -> int:
        """Note that a click is being carried out; what else it does follows at once."""
        self.note_value()
        number: int = e.event_data["n"]
        self.world.ran(self, number)
        self.brought.update(self.world.clicks[number].texts)
        self.state["done"].append(number)
        self["#shown"].content = len(self.state["done"])
        return number

    async def add(self, e: EventHandler) -> None:
        number = self._ran(e)
        row = self._row(number)
        self["#rows"].children.insert(number % (1 + len(self["#rows"].children)), row)
        self.publish()

    @staticmethod
    def _row(number: int) -> Any:
        return Element("li", f"row {number}", id=f"row{number}")

    async def turn(self, e: EventHandler) -> None:
        self._ran(e)
        self["#rows"].children.reverse()
        self.publish()

    async def clear(self, e: EventHandler) -> None:
        self._ran(e)
        self["#rows"].children.clear()
        self.publish()

    async def slow(self, e: EventHandler) -> None:
        self.note_value()
        self["#shown"].content = "working"
        self.publish()
        await self.world.gate()
        self._ran(e)
        self.publish()

    async def aside(self, e: EventHandler) -> None:
        self.note_value()
        async with e.unlocked():
            await self.world.gate()
        self._ran(e)
        self.publish()

    async def write(self, e: EventHandler) -> None:
        self._ran(e)
        self["#field"].value = self.world.name("server")
        self.publish()

    async def point(self, e: EventHandler) -> None:
        self._ran(e)
        self.mark()
        self.publish()

    def mark(self) -> None:
        """Have every browser focus something, once."""
        mark = Element("a", id=self.world.name("mark"))
        self["#marks"].children.append(mark)
        mark.focus()
        self.world.called(self, mark.uuid)

    async def bad(self, e: EventHandler) -> None:
        self.note_value()
        raise ValueError("as it was told to")

    async def much(self, e: EventHandler) -> None:
        number = self._ran(e)
        self["#filler"].content = chr(ord("a") + number % 26) * 70_000
        self.publish()

    async def ask(self, e: EventHandler) -> None:
        self.note_value()
        question = self.world.asks(e.connection, e.event_data["n"])
        try:
            answer = await e.window.prompt(question.text)
        except WindowGone:
            self.world.nobody_answers(question)
        except TimeoutError:
            pass
        else:
            self.world.is_answered(question, answer)
        self._ran(e)
        self.publish()

    async def pick(self, e: EventHandler) -> None:
        self._ran(e)
        if e.target.tag == "li":
            e.target.remove()
        self.publish()


def shape(document: dom.Node) -> Any:
    """Return what is the server's of a page, without what the user may own."""
    return dom.shape(_bare(document))


def _bare(node: dom.Node) -> dom.Node:
    copy = dom.Node(node.tag, node.namespace, node.uuid)
    copy.attributes = {it: value for it, value in node.attributes.items() if it != "value"}
    for child in node.children:
        if isinstance(child, dom.Leaf):
            copy.put(len(copy.children), child)
        elif child.uuid is not None:
            copy.put(len(copy.children), _bare(child))
    return copy
