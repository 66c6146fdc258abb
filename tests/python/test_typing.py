"""What `_core.pyi` says of the compiled core is so, and handlers are looked at by mypy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_stub_agrees_with_the_core() -> None:
    # Which of its classes can be bases of one class together (PEP 800) nobody asks.
    options = ["--concise", "--ignore-disjoint-bases"]
    command = [sys.executable, "-m", "mypy.stubtest", "sapwood._core", *options]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


HANDLERS = """
import sapwood as sw
def none() -> None: ...
def one(e: sw.EventHandler) -> None: ...
async def later(e: sw.EventHandler) -> None: ...
def optional(e: sw.EventHandler, step: int = 1) -> None: ...
def two(e: sw.EventHandler, step: int) -> None: ...
def number(n: int) -> None: ...
button = sw.Element("button", onclick=lambda e: print(e.type))
for handler in (none, one, later, optional):
    button.on("click", handler)
button.on("click", two)
button.onclick = number
sw.Element("button", onclick="none")
"""


def test_a_handler_that_cannot_be_called_is_a_type_error(tmp_path: Path) -> None:
    (tmp_path / "page.py").write_text(HANDLERS)
    command = [sys.executable, "-m", "mypy", "--strict", str(tmp_path / "page.py")]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    wrong = [line.split(":")[1] for line in done.stdout.splitlines() if ": error:" in line]
    assert wrong == ["12", "13", "14"], done.stdout + done.stderr
