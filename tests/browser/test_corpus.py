"""The client's `patch.js` against the vectors in tests/corpus/, in a real page."""

import json

import pytest
from playwright.sync_api import Page

from corpus import DIFFERENCES, Vector, document, vectors
from laboratory import enter
from sapwood import _core

CHECK = """async ([check, vectors, prefix]) => {
  const shape = await import("/tests/shape.js");
  return JSON.parse(vectors)
    .map((vector) => [vector.name, shape[check](vector, prefix)])
    .filter(([, wrong]) => wrong);
}"""


@pytest.fixture
def laboratory(page: Page) -> Page:
    enter(page)
    return page


def whole(vector: Vector) -> Vector:
    """Write out the documents that a vector speaks of."""
    documents = {key: document(vector[key]) for key in ("from", "to") if key in vector}
    return {**vector, **documents}


def check(page: Page, how: str, given: list[Vector]) -> None:
    # As a string, which the page parses: Playwright's own way of passing values knows
    # no `__proto__`.
    sent = json.dumps([whole(vector) for vector in given])
    wrong = page.evaluate(CHECK, [how, sent, _core.uuid_prefix()])
    assert not wrong, "\n".join(f"{name}:\n    {what}" for name, what in wrong)


@pytest.mark.parametrize("name", DIFFERENCES)
def test_the_ops_of_a_vector_lead_from_one_page_to_the_other(laboratory: Page, name: str) -> None:
    check(laboratory, "checkDifference", vectors(name))


def test_what_must_be_refused_is_refused(laboratory: Page) -> None:
    check(laboratory, "checkRefusal", vectors("refused"))


def test_what_is_written_is_read_by_a_browser_as_it_was(laboratory: Page) -> None:
    check(laboratory, "checkRendering", vectors("render"))
