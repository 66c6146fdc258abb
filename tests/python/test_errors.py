"""All of Sapwood's exceptions have one base, and the core's are ValueErrors as before."""

from __future__ import annotations

import pytest

import sapwood as sw
from sapwood import errors

ALL = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("error", ALL, ids=lambda error: error.__name__)
def test_an_exception_is_a_sapwood_error(error: type[Exception]) -> None:
    assert issubclass(error, sw.SapwoodError)
    assert getattr(sw, error.__name__) is error


def test_what_the_core_raises_is_a_sapwood_error_and_a_value_error() -> None:
    page = sw.Template("<p>")
    br = sw.Element("br")
    for act, error in (
        (lambda: page.querySelector("["), sw.SelectorSyntaxError),
        (lambda: br.append("x"), sw.TreeError),
        (lambda: sw.apply(page, "[99]"), sw.PatchError),
    ):
        with pytest.raises(error) as raised:
            act()
        assert isinstance(raised.value, sw.SapwoodError)
        assert isinstance(raised.value, ValueError)
