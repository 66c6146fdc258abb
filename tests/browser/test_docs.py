"""The test in docs/testing.md that needs a browser does what it says there."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

DOCUMENT = Path(__file__).parents[2] / "docs" / "testing.md"


def test_the_test_with_a_browser_passes(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    (app,) = re.findall(r"^<!-- file: counter.py -->\n```python\n(.*?)^```", text, re.M | re.S)
    (code,) = re.findall(r"^<!-- not run: .* -->\n```python\n(.*?)^```", text, re.M | re.S)
    (tmp_path / "counter.py").write_text(app, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    names: dict[str, Any] = {}
    exec(compile(code, str(DOCUMENT), "exec"), names)
    names["test_a_click_counts_in_a_browser"](browser)
