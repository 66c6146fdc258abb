"""What can go wrong, as exceptions.

SapwoodError
├── HandlerError      a handler that cannot be found or called
├── TemplateError     a template whose file or HTML cannot be used
├── AppError          an app that is set up wrongly
└── FrameError        a frame from a browser that is refused, with its close code

From the core come subclasses of ValueError: HtmlError (HTML over a limit), PatchError
(ops that do not fit a tree), SelectorSyntaxError (not a selector) and TreeError (a
change that leaves no tree, or an element that was destroyed).
"""

from sapwood._core import HtmlError, PatchError, SelectorSyntaxError, TreeError

__all__ = [
    "AppError",
    "FrameError",
    "HandlerError",
    "HtmlError",
    "PatchError",
    "SapwoodError",
    "SelectorSyntaxError",
    "TemplateError",
    "TreeError",
]


class SapwoodError(Exception):
    """The base of all exceptions that Sapwood's Python layer raises itself."""


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
