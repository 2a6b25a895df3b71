"""`weft doctor`: what on this machine stands in weft's way."""

from __future__ import annotations

import click

from weft.doors.cli.codes import DIFFERENCES
from weft.doors.cli.options import output_option
from weft.doors.cli.terminal import say, say_json

_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan", "ok": "green"}


@click.command("doctor")
@output_option
@click.option("--all", "everything", is_flag=True, help="Say what is well, too.")
def command(output: str, everything: bool) -> int:
    """Say what on this machine stands in weft's way, why, and what would mend it. Exit 3 on an error."""
    from dataclasses import asdict

    from weft.service import Service

    findings = Service(command="weft doctor").doctor()
    if output == "json":
        say_json([asdict(finding) for finding in findings])
    else:
        told = [finding for finding in findings if everything or finding.level != "ok"]
        for finding in told:
            say(f"{click.style(finding.level, fg=_COLOURS[finding.level])}: {finding.what}")
            if finding.why:
                say(f"    {finding.why}")
            if finding.mend:
                say(f"    to mend: {finding.mend}")
        well = sum(finding.level == "ok" for finding in findings)
        say(f"{well} of {len(findings)} things looked at are well" + ("." if everything else "; --all names them."))
    return DIFFERENCES if any(finding.level == "error" for finding in findings) else 0
