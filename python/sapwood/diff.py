"""The difference of two trees, for whoever wants to see or send it."""

from __future__ import annotations

from sapwood import _core
from sapwood.element import Element
from sapwood.errors import PatchError
from sapwood.template import Template
from sapwood.views import said

Operation = tuple[str | None, ...]


class TemplateDiff:
    """What leads from one template, or element, to another.

    Two versions of one template (`old = template.clone`) are compared at the price of
    what changed; others are compared element by element, by uuid.
    """

    __slots__ = ("_patch",)

    def __init__(self) -> None:
        self._patch: _core.Patch | None = None

    def track_differences(self, new: Template | Element, old: Template | Element) -> None:
        """Find what leads from *old* to *new*; raise TypeError if that is nothing to compare."""
        self._patch = _core.diff(_tree(new), _tree(old))

    @property
    def differences(self) -> dict[str, dict[str, str]]:
        """What happened to which element: uuid → `{"status": "Added" | "Changed" | "Removed"}`."""
        found = self._tracked().differences()
        return {uuid: {"status": status} for uuid, status in found.items()}

    @property
    def operations(self) -> list[Operation]:
        """The steps in their order: a name as in docs/protocol.md, then its operands.

        Elements are named by uuid (None is the document, or the end of a list), new
        nodes are HTML.
        """
        return self._tracked().operations()

    def encode(self) -> bytes:
        """Return the steps as a browser gets them: a flat JSON array in UTF-8."""
        return self._tracked().encode()

    def _tracked(self) -> _core.Patch:
        if self._patch is None:
            raise ValueError("nothing to tell yet: call track_differences(new, old) first")
        return self._patch


def apply(template: Template, ops: bytes | str) -> None:
    """Carry out on *template* what `TemplateDiff.encode` returned, as a browser does.

    Elements keep their objects, by uuid. Raises PatchError if *ops* are not such, or
    do not fit this template; it is then as it was before.
    """
    if not isinstance(template, Template):
        raise TypeError(f"ops are applied to a Template, not {said(template)}")
    if not isinstance(ops, bytes | str):
        raise TypeError(f"ops are bytes or a string, as encode() returns them, not {said(ops)}")
    try:
        text = ops if isinstance(ops, str) else ops.decode()
    except UnicodeDecodeError as error:
        raise PatchError(f"ops are JSON in UTF-8: {error}") from None
    _core.apply(template._tree, text)


def _tree(of: Template | Element) -> _core.Tree:
    if isinstance(of, Element):
        return of._subtree()
    if not isinstance(of, Template):
        raise TypeError(f"what is compared is a Template or an Element, not {said(of)}")
    return of._tree
