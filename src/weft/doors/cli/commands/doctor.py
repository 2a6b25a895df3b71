"""`weft doctor`: what on this machine stands in weft's way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from weft.doors.cli.codes import DIFFERENCES
from weft.doors.cli.options import HERE, file_option, output_option, read_file
from weft.doors.cli.terminal import say, say_json

if TYPE_CHECKING:
    from weft.check.finding import Finding

_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan", "ok": "green"}


@click.command("doctor")
@file_option
@output_option
@click.option("--all", "everything", is_flag=True, help="Say what is well, too.")
def command(file: str | None, output: str, everything: bool) -> int:
    """Say what on this machine stands in weft's way, why, and what would mend it. Exit 3 on an error.

    Kernel features, firewalls and other programs that rule the network, routing, limits; for all that is applied, and
    for the file.
    """
    from dataclasses import asdict

    from weft.service import Service

    intents = [read_file(file)] if file or HERE.exists() else []
    findings = Service(command="weft doctor").doctor(intents)
    if output == "json":
        say_json([asdict(finding) for finding in findings])
    else:
        for line in _lines(findings, everything):
            say(line)
    return DIFFERENCES if any(finding.level == "error" for finding in findings) else 0


def _lines(findings: list[Finding], everything: bool) -> Iterator[str]:
    for finding in findings:
        if everything or finding.level != "ok":
            yield from _told(finding)
    well = sum(finding.level == "ok" for finding in findings)
    yield f"{well} of {len(findings)} things looked at are well" + ("." if everything else "; --all names them.")


def _told(finding: Finding) -> Iterator[str]:
    yield f"{click.style(finding.level, fg=_COLOURS[finding.level])}: {finding.what}"
    if finding.why:
        yield f"    {finding.why}"
    if finding.where:
        yield f"    needed at {', '.join(finding.where)}"
    if finding.mend:
        yield f"    to mend: {finding.mend}"
    if finding.command:
        yield f"        {finding.command}"
