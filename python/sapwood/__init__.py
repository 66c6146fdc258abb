"""Live web pages written in Python."""

from sapwood.app import App
from sapwood.diff import TemplateDiff, apply
from sapwood.element import Element, Subscription
from sapwood.errors import (
    AppError,
    FrameError,
    HandlerError,
    HtmlError,
    PatchError,
    SapwoodError,
    SelectorSyntaxError,
    StateError,
    StoreError,
    TabError,
    TemplateError,
    TreeError,
    WindowError,
    WindowGone,
)
from sapwood.events import EventHandler, policy
from sapwood.logs import LogFormatter
from sapwood.questions import WindowInfo
from sapwood.session import Session
from sapwood.store import MemoryStore, SessionStore, SQLiteStore
from sapwood.template import Template
from sapwood.window import Answer, Window

__all__ = [
    "Answer",
    "App",
    "AppError",
    "Element",
    "EventHandler",
    "FrameError",
    "HandlerError",
    "HtmlError",
    "LogFormatter",
    "MemoryStore",
    "PatchError",
    "SQLiteStore",
    "SapwoodError",
    "SelectorSyntaxError",
    "Session",
    "SessionStore",
    "StateError",
    "StoreError",
    "Subscription",
    "TabError",
    "Template",
    "TemplateDiff",
    "TemplateError",
    "TreeError",
    "Window",
    "WindowError",
    "WindowGone",
    "WindowInfo",
    "apply",
    "policy",
]
