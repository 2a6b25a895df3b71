"""Which programs of others an intent needs, and where they are."""

from __future__ import annotations

from collections.abc import Mapping

from weft.backends.process_files import SEARCH_PATH
from weft.facts import PROGRAMS
from weft.model.intent import Intent


def found(intent: Intent) -> Mapping[str, str]:
    """By name the paths of those that are there."""
    return everywhere() if _advertises(intent) else {}


def everywhere() -> Mapping[str, str]:
    """All that any intent may need, by name, where they are there."""
    from shutil import which  # few intents need any, and it imports a lot

    paths = {name: which(name, path=SEARCH_PATH) for name in PROGRAMS}
    return {name: path for name, path in paths.items() if path}


def _advertises(intent: Intent) -> bool:
    networks = (network for tenant in intent.tenants.values() for network in tenant.networks.values())
    return any(subnet.ra not in (None, "off") for network in networks for subnet in network.subnets)
