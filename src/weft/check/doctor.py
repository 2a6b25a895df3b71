"""Says what on a machine stands in weft's way, why, and what would mend it. Pure: it reads Symptoms, nothing else.

Rules: every finding names its remedy as a command or a sentence; what is well is said too, so that silence never has to
be read as health. A subject, such as another program that rules the network, is a module of `subjects` with a function
`find`, and its line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from weft.check.finding import ORDER, Finding
from weft.check.subjects import (
    bridges,
    features,
    firewalls,
    forwarding,
    kernel,
    libvirt,
    limits,
    networkd,
    networkmanager,
    policy,
    programs,
    rights,
    tailscale,
)
from weft.check.symptoms import Symptoms

SUBJECTS: tuple[Callable[[Symptoms], Iterable[Finding]], ...] = (
    kernel.find,
    features.find,
    programs.find,
    firewalls.find,
    forwarding.find,
    policy.find,
    tailscale.find,
    networkd.find,
    networkmanager.find,
    libvirt.find,
    bridges.find,
    limits.find,
)


def doctor(symptoms: Symptoms) -> list[Finding]:
    """All findings, the worst first."""
    return sorted(_findings(symptoms), key=lambda finding: ORDER.index(finding.level))


def _findings(symptoms: Symptoms) -> Iterator[Finding]:
    yield from rights.find(symptoms)
    if symptoms.permitted:  # who may not look has seen nothing
        for find in SUBJECTS:
            yield from find(symptoms)
