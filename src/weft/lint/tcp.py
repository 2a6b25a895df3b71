"""TCP settings that this kernel may not take."""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.findings import Finding
from weft.facts import Facts
from weft.model.intent import Intent, NamespaceConfig, Path


def absent_congestion_controls(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """An algorithm may still come as a module when it is asked for, so this is no refusal."""
    known = sorted(feature[4:] for feature in facts.features if feature.startswith("tcp_"))
    if not known:
        return
    for path, config in _namespaces(intent):
        asked = config.tcp.congestion_control if config.tcp else None
        if asked and asked not in known:
            yield Finding(
                path=(*path, "tcp", "congestion_control"),
                what=f"{asked} is not among what this kernel has now",
                fix=f"one of {', '.join(known)}; or modprobe tcp_{asked}",
                severity="warning",
            )


def _namespaces(intent: Intent) -> Iterator[tuple[Path, NamespaceConfig]]:
    if intent.host:
        yield ("host",), intent.host
    for name, config in intent.namespaces.items():
        yield ("namespaces", name), config
