"""Rules of the house that ruff and mypy do not know: sizes, names, docstrings.

A function of more than 60 lines or a file of more than 600 must be listed in `LARGE` with its reason.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 600
LARGE: dict[str, str] = {}
"""`path` or `path:function` -> why it is as long as it is."""
VAGUE = {"utils", "util", "helper", "helpers", "manager", "managers", "misc", "common_utils"}

SOURCES = sorted(
    path for folder in ("src", "tests", "bench", "demo") for path in (ROOT / folder).rglob("*.py") if path.is_file()
)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def length_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def excesses(path: Path) -> Iterator[str]:
    text = path.read_text()
    if (lines := text.count("\n")) > MAX_FILE_LINES:
        yield f"{name_of(path)}: {lines} lines"
    for function in functions(ast.parse(text)):
        if (lines := length_of(function)) > MAX_FUNCTION_LINES:
            yield f"{name_of(path)}:{function.name}: {lines} lines"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_nothing_is_too_long(path: Path) -> None:
    assert [excess for excess in excesses(path) if excess.rsplit(": ", 1)[0] not in LARGE] == []


def test_the_list_of_large_things_is_no_longer_than_it_must_be() -> None:
    found = {excess.rsplit(": ", 1)[0] for path in SOURCES for excess in excesses(path)}
    assert set(LARGE) <= found


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_module_says_its_rules_and_is_named_for_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), "no module docstring"
    assert not VAGUE & set(path.relative_to(ROOT).with_suffix("").parts)


def test_the_median_function_is_short() -> None:
    sizes = sorted(
        length_of(function)
        for path in SOURCES
        if path.is_relative_to(ROOT / "src")
        for function in functions(ast.parse(path.read_text()))
    )
    assert sizes[len(sizes) // 2] < 15
