"""The Python layer against the vectors in tests/corpus/."""

import json
from typing import Any

import pytest

from corpus import DIFFERENCES, Vector, document, vectors
from sapwood import Element, Template, TemplateDiff

RENDERED = vectors("render")


def name_of(vector: Vector) -> str:
    return str(vector["name"])


class Page(Template):
    """What the handlers in the vectors are methods of."""

    def handle(self) -> None: ...

    def other(self) -> None: ...


def page(vector: Vector, key: str) -> Page:
    template = Page(document(vector[key]))
    for uuid, properties in vector.get(f"{key}_properties", {}).items():
        element = template._tree.find(uuid)
        for name, value in properties.items():
            setattr(element, name, value)
    for uuid, method, arguments in vector.get(f"{key}_calls", []):
        find(template, uuid)._call(method, json.dumps(arguments, separators=(",", ":")))
    for element in [find(template, uuid) for uuid in vector.get(f"{key}_hidden", [])]:
        element.show = False
    return template


def find(template: Page, uuid: str) -> Element:
    (found,) = (element for element in template.walk() if element.uuid == uuid)
    return found


@pytest.mark.parametrize(
    "vector", [v for v in vectors(*DIFFERENCES) if v.get("diff", True)], ids=name_of
)
def test_the_difference_of_two_pages_is_the_ops_of_their_vector(vector: Vector) -> None:
    diff = TemplateDiff()
    diff.track_differences(page(vector, "to"), page(vector, "from"))
    assert json.loads(diff.encode()) == vector["ops"]


def make(described: Any) -> Element:
    tag, attributes, *children = described
    element = Element(tag, [make(c) if isinstance(c, list) else c for c in children])
    for name, value in attributes.items():
        if name.startswith("."):
            setattr(element, name[1:], value)
        elif name.startswith("_on"):
            element._set_attribute(name, value)  # as a page's HTML has it
        else:
            element.attrs[name] = value
    return element


@pytest.mark.parametrize("vector", RENDERED, ids=name_of)
def test_an_element_is_written_as_its_vector_says(vector: Vector) -> None:
    assert make(vector["tree"]).html == vector["html"]


def describe(element: Element) -> list[Any]:
    content = element.content if isinstance(element.content, list) else [element.content]
    children = [describe(c) if isinstance(c, Element) else c for c in content if c != ""]
    return [element.tag, dict(element.attrs), *children]


@pytest.mark.parametrize("vector", RENDERED, ids=name_of)
def test_what_is_written_reads_back_as_what_it_was(vector: Vector) -> None:
    again = Page(document(vector["html"]))
    body = again.querySelector("body")
    expected = make(vector.get("parsed", vector["tree"]))
    assert body is not None
    assert [describe(child) for child in body.children] == [describe(expected)]
