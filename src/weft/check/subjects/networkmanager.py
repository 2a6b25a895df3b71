"""NetworkManager may set up links that appear, unless told that they are not its own.

Source: NetworkManager.conf(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from weft.check.finding import Finding, ok
from weft.check.subjects.settings_file import Sections, merged
from weft.check.symptoms import Symptoms

SERVICE = "NetworkManager"
_PROPERTY = "NM_UNMANAGED"
"""What a rule of udev's says to it."""
_NAMES = ("wu*", "ws*", "wt*", "wp*", "wb*")


def find(symptoms: Symptoms) -> Iterator[Finding]:
    if SERVICE not in symptoms.services:
        return
    sections = merged(text for path, text in symptoms.configs.items() if SERVICE in path)
    patterns = list(_unmanaged(sections))
    told = {link for link, known in symptoms.properties.items() if known.get(_PROPERTY) == "1"}
    own = [link for link in symptoms.looked_at if link not in told]
    left = [link for link in own if not any(fnmatchcase(link, pattern) for pattern in patterns)]
    yield _managed(left) if left else ok("NetworkManager is here, and leaves weft's links alone")


def _managed(links: list[str]) -> Finding:
    names = dict.fromkeys((*_NAMES, *(link for link in links if not any(fnmatchcase(link, name) for name in _NAMES))))
    devices = ";".join(f"interface-name:{name}" for name in names)
    return Finding(
        level="warning",
        what=f"NetworkManager may manage {', '.join(links[:4])}{' ...' if len(links) > 4 else ''}",
        why="it may ask for addresses on such links by DHCP and take away what it did not set up",
        mend="tell it that these are not its own",
        command="mkdir -p /etc/NetworkManager/conf.d && "
        f"printf '[keyfile]\\nunmanaged-devices+={devices}\\n' > /etc/NetworkManager/conf.d/zz-weft.conf && "
        "nmcli general reload conf",
    )


def _unmanaged(sections: Sections) -> Iterator[str]:
    """The names of links that are not NetworkManager's, as globs."""
    yield from _ifnames(sections.get("keyfile", {}).get("unmanaged-devices", ""))
    for section, settings in sections.items():
        if section.startswith("device") and settings.get("managed", "1").lower() in ("0", "no", "false"):
            yield from _ifnames(settings.get("match-device", ""))


def _ifnames(devices: str) -> Iterator[str]:
    for device in re.split(r"[;,]", devices):
        kind, _, name = device.strip().partition(":")
        if kind == "interface-name":
            yield name.removeprefix("=")
        elif kind == "*":
            yield "*"
