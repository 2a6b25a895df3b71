"""What the documents say exists: links, commands, examples."""

import re
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
