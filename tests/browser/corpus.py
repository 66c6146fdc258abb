"""The vectors in tests/corpus/, whose README says what they are and what must hold."""

import json
from pathlib import Path
from typing import Any

from sapwood import Template, _core

FOLDER = Path(__file__).parents[1] / "corpus"
DIFFERENCES = (
    "text",
    "attributes",
    "children",
    "forms",
    "namespaces",
    "ids",
    "whole",
    "hidden",
    "calls",
)

Vector = dict[str, Any]

# A counter is one of ours only once it was given, and vectors name some up to 1,000.
Template("<p>" * 1000)


def vectors(*names: str) -> list[Vector]:
    """Return the vectors of these files, with this process's prefix for every `~`."""
    prefix = _core.uuid_prefix()
    found = []
    for name in names:
        text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
        found += json.loads(text.replace('"~', f'"{prefix}'))
    assert found
    return found


def document(html: str) -> str:
    """Return the document that the HTML of a vector is, or is in the body of."""
    if html.startswith("<!DOCTYPE"):
        return html
    head = '<!DOCTYPE html><html uuid="html"><head uuid="head"></head>'
    return f'{head}<body uuid="body">{html}</body></html>'
