"""`weft import`: the file for what a machine has now."""  # noqa: N999

from __future__ import annotations

import click

from weft.doors.cli.terminal import say


@click.command("import")
@click.option("--name", default="imported", show_default=True, help="The name that the file bears.")
@click.option("--netns", "namespaces", multiple=True, metavar="NAME", help="This namespace too; may be repeated.")
def command(name: str, namespaces: tuple[str, ...]) -> None:
    """Print the file for what the host has now: its links to be adopted, with their addresses, routes, neighbours.

    The file is tried before it is printed. What no word says, what is somebody else's, and what applying the file
    would change beside weft's marks stands in it as comments; so does what weft refuses of it (exit code 2 or 5).
    Nothing is changed.
    """
    from weft.service.imported import import_host
    from weft.service.service import Service

    found = import_host(Service(command="weft import"), name, namespaces)
    say(found.text.rstrip("\n"))
    if found.refused:
        raise found.refused
