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
    TemplateError,
    TreeError,
)
from sapwood.events import EventHandler
from sapwood.session import Session
from sapwood.template import Template

__all__ = [
    "App",
    "AppError",
    "Element",
    "EventHandler",
    "FrameError",
    "HandlerError",
    "HtmlError",
    "PatchError",
    "SapwoodError",
    "SelectorSyntaxError",
    "Session",
    "Subscription",
    "Template",
    "TemplateDiff",
    "TemplateError",
    "TreeError",
    "apply",
]
