"""What the documents say exists: links, commands, examples."""

import re
import tomllib
from pathlib import Path

import pytest

from weft.doors.cli.main import main

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
FENCE = re.compile(r"^```[a-z]*\n(.*?)^```", re.S | re.M)
COMMAND = re.compile(r"(?:^|[`$#|&;]|sudo)\s*weft\s+([a-z][a-z-]*)", re.M)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def commands_in(text: str) -> set[str]:
    """The sub-commands of weft that inline code, indented code and fenced code call."""
    inline = re.findall(r"`(weft [^`\n]*)`", text)
    indented = re.findall(r"^(?: {4}|\t)(.*)$", text, re.M)
    shown = [*inline, *indented, *FENCE.findall(text)]
    return {found for code in shown for found in COMMAND.findall(code)}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    targets = [target for target in LINK.findall(page.read_text()) if "://" not in target and target[:7] != "mailto:"]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_shown_exists(page: Path) -> None:
    assert commands_in(page.read_text()) - set(main.commands) == set()


def test_commands_are_found_in_text() -> None:
    text = "Say `weft plan -f x`; weft is not.\n\n    weft apply\n\n```sh\n# weft status\nsudo weft destroy x\n```\n"
    assert commands_in(text) == {"plan", "apply", "status", "destroy"}


def test_every_example_is_used_by_a_test() -> None:
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    examples = [path for path in (ROOT / "examples").rglob("*") if path.is_file() and path.suffix != ".md"]
    assert [name_of(path) for path in examples if name_of(path) not in tests and path.name not in tests] == []


def test_the_table_of_the_house_is_in_the_order_of_imports() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = [layer.strip("()") for layer in contracts[0]["layers"]]
    house = (ROOT / "docs" / "architecture.md").read_text().partition("## The house")[2].partition("\n\nA row")[0]
    cells = (row.split(" | ")[0] for row in house.splitlines() if row.startswith("| `"))
    told = [name.strip("/") for cell in cells for name in re.findall(r"`([^`]+)`", cell)]
    there = {path.stem for path in (ROOT / "src" / "weft").iterdir()}
    assert told == [layer for layer in layers if layer in there]


MODULE = re.compile(r"\b[a-z_][a-z_0-9/]*\.py\b")


def test_every_module_that_a_docstring_names_is_there() -> None:
    paths = [f"/{name_of(path)}" for folder in ("src", "tests") for path in (ROOT / folder).rglob("*.py")]
    named = {
        (name_of(path), name)
        for path in (ROOT / "src").rglob("*.py")
        for docstring in re.findall(r'"""(.*?)"""', path.read_text(), re.S)
        for name in MODULE.findall(docstring)
    }
    assert {at: name for at, name in named if not any(path.endswith(f"/{name}") for path in paths)} == {}
