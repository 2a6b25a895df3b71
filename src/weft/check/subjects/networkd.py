"""systemd-networkd takes away routes and rules that it did not make, and takes over links that a file of its matches.

Source: networkd.conf(5), systemd.network(5), systemd.syntax(7).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from weft.check.finding import Finding, ok
from weft.check.subjects.settings_file import Sections, merged, read
from weft.check.symptoms import Symptoms

SERVICE = "systemd-networkd"
_FOREIGN = ("ManageForeignRoutes", "ManageForeignRoutingPolicyRules")
_YES = frozenset({"", "1", "y", "yes", "t", "true", "on"})
_NAMES = "wu* ws* wt* wp* wb*"
_MENDED = "/etc/systemd/network/00-weft-links.network"
"""Beside the installed ones: a file of the same name would hide it."""
_KINDS = {"tap": "tun"}
"""Kinds that networkd has another word for."""
_TYPES = {"bridge": "bridge", "vlan": "vlan", "bond": "bond"}
"""What networkd takes for a link's Type; any other is an `ether`."""


def find(symptoms: Symptoms) -> Iterator[Finding]:
    if SERVICE not in symptoms.services:
        return
    found = [*_foreign(symptoms), *_taken(symptoms)]
    yield from found or [ok("systemd-networkd is here, and leaves weft's links, routes and rules alone")]


def _foreign(symptoms: Symptoms) -> Iterator[Finding]:
    configured = merged(text for path, text in symptoms.configs.items() if "networkd.conf" in path).get("Network", {})
    taken = [name for name in _FOREIGN if configured.get(name, "yes").lower() in _YES]
    if taken:
        lines = "\\n".join(f"{name}=no" for name in _FOREIGN)
        yield Finding(
            level="error" if symptoms.has_transit else "warning",
            what=f"systemd-networkd has {' and '.join(f'{name}=yes' for name in taken)}",
            why="when it starts, or sets up a link anew, it takes away what routes and rules it did not make",
            mend="tell it to leave them alone",
            command="mkdir -p /etc/systemd/networkd.conf.d && "
            f"printf '[Network]\\n{lines}\\n' > /etc/systemd/networkd.conf.d/zz-weft.conf && "
            f"systemctl try-restart {SERVICE}",
        )


def _taken(symptoms: Symptoms) -> Iterator[Finding]:
    """Weft's links that a file takes over; the first that matches counts."""
    files = _network_files(symptoms.configs)
    none: Mapping[str, str] = {}
    matched = {
        link: _first(files, link, kind, symptoms.properties.get(link, none))
        for link, kind in symptoms.looked_at.items()
    }
    for path in dict.fromkeys(path for path in matched.values() if path):
        links = sorted(link for link, by in matched.items() if by == path)
        names = " ".join(dict.fromkeys((*_NAMES.split(), *(link for link in links if link[:2] not in _NAMES))))
        yield Finding(
            level="warning",
            what=f"{path} has systemd-networkd manage {', '.join(links[:4])}{' ...' if len(links) > 4 else ''}",
            why="it sets such links up as the file says: addresses and routes that are not in there go",
            mend="a file before it that says that these are not its own",
            command="mkdir -p /etc/systemd/network && "
            f"printf '[Match]\\nName={names}\\n\\n[Link]\\nUnmanaged=yes\\n' > {_MENDED} && "
            "networkctl reload",
        )


def _network_files(configs: Mapping[str, str]) -> list[tuple[str, Sections]]:
    """In the order in which they are tried; of equal names the first directory's hides the others'."""
    found: dict[str, tuple[str, Sections]] = {}
    for path, text in configs.items():
        if path.endswith(".network"):
            found.setdefault(PurePosixPath(path).name, (path, read(text)))
    return [found[name] for name in sorted(found)]


def _first(files: list[tuple[str, Sections]], link: str, kind: str, properties: Mapping[str, str]) -> str | None:
    for path, sections in files:
        if "Match" in sections and _matches(sections["Match"], link, kind, properties):
            unmanaged = sections.get("Link", {}).get("Unmanaged", "no")
            return None if unmanaged.lower() in _YES else path
    return None


def _matches(match: Mapping[str, str], link: str, kind: str, properties: Mapping[str, str]) -> bool:
    """What names hardware (MACAddress, Path, Driver, ...) never means a link of weft's."""
    tests = {"Name": link, "Kind": _KINDS.get(kind, kind), "Type": _TYPES.get(kind, "ether")}
    return all(
        _has_all(patterns, properties) if key == "Property" else key in tests and _any_of(patterns, tests[key])
        for key, patterns in match.items()
    )


def _has_all(wanted: str, properties: Mapping[str, str]) -> bool:
    """A list of `NAME=VALUE` of udev's, or NAME alone; `!` before the first turns the whole around."""
    words = wanted.removeprefix("!").split()
    has_all = all(
        name in properties and (not sign or fnmatchcase(properties[name], value))
        for name, sign, value in (word.partition("=") for word in words)
    )
    return has_all != wanted.startswith("!")


def _any_of(patterns: str, word: str) -> bool:
    """A list of globs; `!` before the first turns the whole around."""
    is_turned = patterns.startswith("!")
    return is_turned != any(fnmatchcase(word, pattern) for pattern in patterns.removeprefix("!").split())
