"""`weft groups`: what each rule of the security groups has let through or stopped, and what each port lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from weft.doors.cli.options import file_option, output_option, scope_names
from weft.doors.cli.watching import demand_a_watch, tell, watch_options

if TYPE_CHECKING:
    from weft.picture.filters import FiltersView


def filtered_names(ctx: click.Context, param: click.Parameter, start: str) -> list[str]:
    """Groups and ports that are applied."""
    from weft.service import Service

    names: set[str] = set()
    for loaded in Service().all_kept():
        for tenant, held in loaded.intent.tenants.items():
            names |= {f"{tenant}/{name}" for name in (*held.security_groups, *held.ports)}
    return sorted(name for name in names if name.startswith(start))


@click.command("groups")
@click.argument("name", metavar="[GROUP|PORT|TENANT]", required=False, shell_complete=filtered_names)
@file_option
@click.option("--scope", metavar="NAME", shell_complete=scope_names, help="Only of what was applied as NAME.")
@output_option
@watch_options
def command(
    name: str | None, file: str | None, scope: str | None, output: str, every_s: float | None, count: int | None
) -> None:
    """Show what each rule of each security group has counted, and what was dropped at each port, and why.

    A name is TENANT/GROUP, TENANT/PORT, or either without the tenant. A packet that answers passes before any rule is
    asked, so rules count the first packets of connections (those of stateless groups all). NO RULE: no rule allows it;
    DENIED: by a deny rule; WOULD DROP: passed, because a group is in audit; SPOOFED: the port spoke as another.
    """
    from weft.doors.cli.intents import intents_of
    from weft.service import Service
    from weft.service.filters import looks

    demand_a_watch(every_s, count)
    service = Service(command="weft groups")
    tell(looks(service, intents_of(service, scope, file), name), draw, output, every_s, count)


def draw(views: Sequence[FiltersView], form: str) -> str:
    from weft.doors.cli.filters_text import text

    return text(views)
