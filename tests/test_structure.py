"""Promises about the structure of the code: who imports whom, where torch is, how long things are."""

import ast
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "rdslab"
MODULES = sorted(PACKAGE.rglob("*.py"))
BESIDE = [path for folder in ("tests", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]
ROWS = [
    "errors",
    "registry records times files comparable",
    "source node stats",
    "spec yamlio sampling",
    "blocks",
    "options netfile",
    "resolve",
    "identity",
    "network",
    "promises",
    "cost fold data drawing",
    "measure",
    "train space",
    "search",
    "report",
    "verify",
    "api",
    "cli",
    "__main__",
]
RANK = {name: rank for rank, row in enumerate(ROWS) for name in row.split()}
WITHOUT_TORCH = [
    "rdslab",
    "rdslab.errors",
    "rdslab.registry",
    "rdslab.records",
    "rdslab.times",
    "rdslab.comparable",
    "rdslab.files",
    "rdslab.spec",
    "rdslab.yamlio",
    "rdslab.stats",
    "rdslab.report",
    "rdslab.search.plan",
    "rdslab.search.ledger",
    "rdslab.cli",
]

every_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))


def _row(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def _imports(path: Path) -> Iterator[str]:
    """Every module that is imported anywhere in a file, inside functions and for types too, by its full name."""
    package = ["rdslab", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            start = ".".join(filter(None, [above, node.module or ""]))
            yield start
            yield from (f"{start}.{alias.name}" for alias in node.names if start == "rdslab")


@every_module
def test_a_module_imports_only_from_the_rows_above_it(path: Path) -> None:
    row = _row(path)
    if row == "__init__":  # the public names, loaded when they are used
        return
    assert row in RANK, f"{row} has no place in the order of DESIGN: {' < '.join(ROWS)}"
    ours = {name.split(".")[1] for name in _imports(path) if name.startswith("rdslab.")} - {row}
    wrong = sorted(name for name in ours if name in RANK and RANK[name] >= RANK[row])
    assert not wrong, f"{path.relative_to(ROOT)} imports {', '.join(wrong)}, which stands not above it"


@every_module
def test_nothing_imports_torchvision(path: Path) -> None:
    assert not any(name.partition(".")[0] == "torchvision" for name in _imports(path))


@pytest.mark.parametrize("module", WITHOUT_TORCH)
def test_torch_is_not_loaded_by(module: str) -> None:
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"there is no {module}")
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("path", [*MODULES, *BESIDE], ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_longer_than_250_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 250


@every_module
def test_no_function_is_longer_than_40_lines(path: Path) -> None:
    long = {
        node.name: length
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > 40
    }
    assert not long


@every_module
def test_a_module_is_called_for_what_it_holds_and_says_it_first(path: Path) -> None:
    assert path.stem not in ("utils", "util", "helpers", "common", "misc", "core", "base", "manager")
    assert not path.stem.startswith(("base_", "manager"))
    assert not {"core", "utils", "common"} & set(path.relative_to(PACKAGE).parts)
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", sorted((PACKAGE / "blocks").glob("*.py")), ids=lambda path: path.stem)
def test_a_signature_of_a_block_names_its_options(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not [f.name for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) and f.args.kwarg]
    assert "__future__" not in set(_imports(path)), "shapes are checked at run time: annotations must not be text"


def _tool(name: str) -> str:
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.mark.parametrize("words", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_ruff_is_content(words: list[str]) -> None:
    done = subprocess.run(
        [_tool("ruff"), *words, "--no-cache", "rdslab", "tests"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.long
def test_mypy_is_content() -> None:
    done = subprocess.run([_tool("mypy"), "rdslab"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
