"""What was applied before under a name, as far as the next change of it must know: where to look, and what to lock.

Rules: the copy that was kept may be one that this weft refuses, for an older one took it. That stops neither a mended
file nor a destroy: what the copy would have said is then looked for everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field

from weft.errors import IntentInvalid, Refused
from weft.facts import KeyFile
from weft.files import Loaded, loads_stored
from weft.model.intent import Intent
from weft.probe import key_files
from weft.records import dataclass
from weft.service.places import namespaces_of
from weft.store.intents import Kept

_NAMED_IN_FILES_ALONE = ("pidfile", "namespaces", "macsec")
"""Words of a file without which it speaks of no namespace but weft's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """`namespaces`: labels of those that what was applied before speaks of; `key_files`: by path, of all that it
    names."""

    namespaces: frozenset[str] = frozenset()
    key_files: Mapping[str, KeyFile] = field(default_factory=dict)


def read_kept(kept: Kept) -> Loaded:
    """Raises: Refused where this weft does not take it."""
    try:
        return loads_stored(kept.files)
    except IntentInvalid as failure:
        why = f"what was last applied as {kept.scope} is refused by this weft; apply a file without that"
        raise Refused(f"{why}, or `weft destroy {kept.scope}`:\n{failure}") from failure


def former_of(kept: Kept | None, host_id: str, everywhere: Callable[[], Iterable[str]]) -> Former:
    """What only the kept intent knows: namespaces to look for, of which those of pidfiles have no name, and others in
    which weft made links bear somebody else's mark, or none; and where the keys are that links have now. `everywhere`:
    all namespaces that have a name."""
    if kept is None or not any(word in text for text in kept.files.values() for word in _NAMED_IN_FILES_ALONE):
        return Former()
    intent = _intent(kept)
    if intent is None:
        return Former(namespaces=frozenset(everywhere()))
    return Former(namespaces=frozenset(namespaces_of(intent)), key_files=key_files.found(intent, host_id))


def touched_host(kept: Kept | None) -> bool:
    """Whether what was applied may be on the host; so where nothing is known of it."""
    intent = _intent(kept) if kept else None
    return intent is None or touches_host(intent)


def touches_host(intent: Intent) -> bool:
    if intent.host or intent.namespaces or intent.external_networks:
        return True
    tenants = intent.tenants.values()
    networks = (network for tenant in tenants for network in tenant.networks.values())
    return any(network.uplink or network.segment for network in networks) or any(
        not port.attach.netns for tenant in tenants for port in tenant.ports.values()
    )


def _intent(kept: Kept) -> Intent | None:
    try:
        return loads_stored(kept.files).intent
    except IntentInvalid:
        return None
