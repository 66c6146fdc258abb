"""What can go wrong, as exceptions.

SapwoodError
├── HandlerError         a handler that cannot be found or called
├── TemplateError        a template whose file or HTML cannot be used
├── AppError             an app that is set up wrongly
├── FrameError           a frame from a browser that is refused, with its close code
├── StateError           state of a session that cannot be kept
├── StoreError           a session store that cannot be used
├── WindowError          what a browser's window does not do or answer
│   └── WindowGone       its page was left, or its connection ended
├── TabError             what the user of a tab in a test cannot do
├── HtmlError            HTML over a limit
├── PatchError           ops that do not fit a tree
├── SelectorSyntaxError  not a selector
└── TreeError            a change that leaves no tree, or an element that was destroyed

The last four are raised by the core, and are ValueErrors too.
"""

__all__ = [
    "AppError",
    "FrameError",
    "HandlerError",
    "HtmlError",
    "PatchError",
    "SapwoodError",
    "SelectorSyntaxError",
    "StateError",
    "StoreError",
    "TabError",
    "TemplateError",
    "TreeError",
    "WindowError",
    "WindowGone",
]


class SapwoodError(Exception):
    """The base of all exceptions of Sapwood's own."""


class HandlerError(SapwoodError):
    """A handler that cannot be found, or that cannot be called with an event."""


class TemplateError(SapwoodError):
    """A template whose file cannot be read or whose HTML cannot be used."""


class AppError(SapwoodError):
    """An app that is set up in a way that cannot work."""


class FrameError(SapwoodError):
    """A frame from a browser that is refused.

    `code` is the WebSocket close code that docs/protocol.md gives for it.
    """

    def __init__(self, message: str, code: int = 4400) -> None:
        super().__init__(message)
        self.code = code


class StateError(SapwoodError):
    """State of a session that is no plain JSON data, or too much: where, and what is there."""


class StoreError(SapwoodError):
    """A session store that cannot be used: what is wrong with it and how to mend it."""


class WindowError(SapwoodError):
    """What a browser's window does not do or answer: what it was asked, and why not."""


class WindowGone(WindowError):
    """The window's page was left, or its connection ended, before it answered."""


class TabError(SapwoodError):
    """What a test wants of a tab and no user of a browser could do, or see: what, and why."""


class HtmlError(SapwoodError, ValueError):
    """HTML that is refused, and why."""


class PatchError(SapwoodError, ValueError):
    """Ops that cannot be carried out on this tree, and at which operand."""


class SelectorSyntaxError(SapwoodError, ValueError):
    """Not a selector: what is wrong, where, and how to mend it.

    `selector` is the whole text, `offset` the place in characters from its start.
    """

    selector: str
    offset: int


class TreeError(SapwoodError, ValueError):
    """A change that would not leave a tree, or an element that was destroyed."""
