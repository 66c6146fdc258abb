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
    TemplateError,
    TreeError,
)
from sapwood.events import EventHandler, policy
from sapwood.session import Session
from sapwood.store import MemoryStore, SessionStore, SQLiteStore
from sapwood.template import Template

__all__ = [
    "App",
    "AppError",
    "Element",
    "EventHandler",
    "FrameError",
    "HandlerError",
    "HtmlError",
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
    "Template",
    "TemplateDiff",
    "TemplateError",
    "TreeError",
    "apply",
    "policy",
]
