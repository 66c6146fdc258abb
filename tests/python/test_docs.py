"""What the documents show runs: Python blocks, the files beside them, and make targets.

A block after `<!-- file: name -->` is written to that file, for the blocks after it to
find and import. A Python block that defines an `app` (or `live`, `site`) is imported, and its
"/" fetched; any other is executed. Then its functions called `test_…` are called. `<!-- not
run: reason -->` before a block says why it is not. A command that serves an app is read as
the command line reads it.
"""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import uvicorn
from starlette.testclient import TestClient

from sapwood import App
from sapwood.cli import main

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>file|not run): (?P<said>.*?) -->\n)?"
    r"^```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A block of code in a document."""

    document: Path
    line: int
    language: str
    code: str
    mark: str | None
    said: str

    def __str__(self) -> str:
        return f"{self.document.name} line {self.line}"


def blocks(document: Path) -> list[Block]:
    text = document.read_text(encoding="utf-8")
    return [
        Block(
            document,
            text.count("\n", 0, found.start("code")) + 1,
            found["language"],
            found["code"],
            found["mark"],
            found["said"] or "",
        )
        for found in _BLOCK.finditer(text)
    ]


BLOCKS = [block for document in DOCUMENTS for block in blocks(document)]
PYTHON = [block for block in BLOCKS if block.language == "python"]
SHELL = [block for block in BLOCKS if block.language in {"sh", "console", "bash", "shell"}]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def files_before(block: Block) -> list[Block]:
    """Return the files that the document has shown so far, this one included."""
    before = [each for each in BLOCKS if each.document == block.document]
    return [each for each in before if each.mark == "file" and each.line <= block.line]


def run(block: Block, folder: Path) -> dict[str, Any]:
    """Run a block as a module whose file lies in *folder*."""
    for file in files_before(block):
        (folder / file.said).write_text(file.code, encoding="utf-8")
    name = f"block_of_{block.document.stem}_{block.line}"
    module = ModuleType(name)
    module.__file__ = str(folder / f"{name}.py")
    sys.modules[name] = module
    try:
        # Lines count as in the document.
        code = "\n" * (block.line - 1) + block.code
        exec(compile(code, str(block.document), "exec"), module.__dict__)
    finally:
        del sys.modules[name]
    return module.__dict__


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_a_python_block_runs(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if block.mark == "not run":
        pytest.skip(block.said)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        check(run(block, tmp_path))
    finally:
        for name, module in list(sys.modules.items()):
            if Path(getattr(module, "__file__", None) or "/").is_relative_to(tmp_path):
                del sys.modules[name]


def check(names: dict[str, Any]) -> None:
    """Fetch the pages of the apps that a block has made, and call its tests."""
    app = names.get("app")
    if isinstance(app, App):
        with TestClient(app) as client:
            page = client.get("/")
        assert page.status_code == 200
        # "/" of an app that is documented is a live page.
        assert '<meta name="sapwood"' in page.text
    for name in [it for it in names if it.startswith("test_")]:
        names[name]()
    sites = [each for each in names.values() if hasattr(each, "router") and each is not app]
    for site in sites:
        paths = [route.path for route in site.router.routes if hasattr(route, "app")]
        for path in paths:
            assert TestClient(site).get(f"{path}/").status_code == 200


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_a_make_target_that_is_named_exists(block: Block) -> None:
    named = set(re.findall(r"^\$? ?make ([a-z-]+)", block.code, re.MULTILINE))
    assert named <= TARGETS


def served_by(block: Block) -> list[tuple[str, str]]:
    """Return the commands that serve, in a shell, a systemd unit or a container file's list."""
    return re.findall(r"\b(sapwood run|uvicorn) (.*)", re.sub(r'[]["\',]', "", block.code))


@pytest.mark.parametrize("block", [it for it in BLOCKS if served_by(it)], ids=str)
def test_a_command_that_serves_is_understood(block: Block) -> None:
    for command, arguments in served_by(block):
        program = uvicorn.main if command == "uvicorn" else main.commands["run"]
        program.make_context(command, shlex.split(arguments, comments=True)).close()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_make_target_in_the_text_exists(document: Path) -> None:
    named = set(re.findall(r"`make ([a-z-]+)", document.read_text(encoding="utf-8")))
    assert named <= TARGETS


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_link_to_a_file_finds_it(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", document.read_text(encoding="utf-8"))
    missing = [link for link in links if not (document.parent / link).exists()]
    assert missing == []
