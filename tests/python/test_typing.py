"""What `_core.pyi` says of the compiled core is so."""

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
