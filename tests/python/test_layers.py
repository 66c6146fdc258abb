"""Imports point down the layers, in Python and in Rust."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / "python" / "sapwood"
RUST = ROOT / "rust"

# From the bottom up; names in one line know nothing of each other.
LAYERS = """
_core
errors logs
events views record metrics foreign questions
attributes
copies
element
template
diff protocol
connection
session
handoff metrics places store watchdog workers
sessions
origin signing static window
doors
dispatch keeping responses
pages presence
joining
conversation
stream websocket
app
inmemory replica usable
visit
pacing testing
cli
"""
PLACES = {name: at for at, line in enumerate(LAYERS.split("\n")) for name in line.split()}
# Up to the session nothing waits, reads a clock, or draws a random number.
PURE = [name for name in PLACES if PLACES[name] <= PLACES["session"] and name != "_core"]
IMPURE = frozenset("starlette asyncio anyio time secrets random socket uvicorn".split())


def imports(module: str, *, also_for_types: bool = False) -> set[str]:
    """Return the full names that a module of ours imports."""
    tree = ast.parse((PYTHON / f"{module}.py").read_text())
    skipped: set[ast.AST] = set()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            skipped.update(ast.walk(node) if not also_for_types else ())
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"a relative import in {module}"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def ours(module: str) -> set[str]:
    """Return the modules of ours that a module imports."""
    parts = [name.split(".") for name in imports(module)]
    return {part[1] for part in parts if part[0] == "sapwood" and part[1:]} & PLACES.keys()


def test_every_module_has_its_place() -> None:
    modules = {path.stem for path in PYTHON.glob("*.py")} - {"__init__"}
    assert modules | {"_core"} == PLACES.keys()


@pytest.mark.parametrize("module", [name for name in PLACES if name != "_core"])
def test_a_module_imports_only_those_below_it(module: str) -> None:
    upward = {name for name in ours(module) if PLACES[name] >= PLACES[module]}
    assert upward == set()


@pytest.mark.parametrize("module", PURE)
def test_up_to_the_session_nothing_waits_or_reads_a_clock(module: str) -> None:
    roots = {name.split(".")[0] for name in imports(module, also_for_types=True)}
    assert roots & IMPURE == set()


def test_the_package_itself_only_re_exports() -> None:
    body = ast.parse((PYTHON / "__init__.py").read_text()).body
    kinds = {type(node) for node in body[1:]}
    assert kinds == {ast.ImportFrom, ast.Assign}


# --- Rust ----------------------------------------------------------------------------

ORDER = re.findall(r"^(?:pub )?mod (\w+);", (RUST / "lib.rs").read_text(), re.MULTILINE)


def code(path: Path) -> str:
    """Return a Rust file without its comments and its tests."""
    text = path.read_text().partition("#[cfg(test)]")[0]
    return re.sub(r"//.*", "", text)


def test_lib_lists_every_rust_file() -> None:
    files = {path.stem for path in RUST.glob("*.rs")} | {
        path.parent.name for path in RUST.glob("*/mod.rs")
    }
    assert files - {"lib"} == set(ORDER)


@pytest.mark.parametrize("module", [name for name in ORDER if name != "python"])
def test_a_rust_module_uses_only_those_above_it_in_lib(module: str) -> None:
    files = [RUST / f"{module}.rs", *(RUST / module).glob("*.rs")]
    text = "\n".join(code(file) for file in files)
    used = set(re.findall(r"crate::(\w+)", text))
    for group in re.findall(r"crate::\{([^}]*)\}", text):
        used |= set(re.findall(r"(?:^|,)\s*(\w+)", group))
    allowed = set(ORDER[: ORDER.index(module) + 1])
    assert used & set(ORDER) <= allowed


def test_only_files_in_the_folder_python_name_pyo3() -> None:
    named = {path.relative_to(RUST) for path in RUST.rglob("*.rs") if "pyo3" in code(path)}
    assert {path.parts[0] for path in named} == {"python"}
