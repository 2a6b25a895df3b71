"""Which policy holds where: by name or in place, a tenant's own before the file's; a port's own before its network's
default, that before its tenant's.

Rules: a policy is looked at once, where it stands, however many ask for it. One that is wrong is found, and holds
nowhere. `qos: {}` is a policy that asks for nothing, so it ends what the network or tenant asks for its ports.
"""

from __future__ import annotations

from collections.abc import Mapping

from weft.compiler.draft import Draft
from weft.compiler.qos.checks import check_policy
from weft.model.intent import Intent, Path
from weft.model.qos import QosPolicy, QosUse
from weft.model.words import closest
from weft.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A sound policy, and who asks for it. `path`: where the policy stands, `asked_at`: where it is asked for; `name`:
    "" in place. `replace` as QosUse's."""

    policy: QosPolicy
    path: Path
    asked_at: Path
    name: str = ""
    replace: bool = False


class Policies:
    """All that an intent has, by name."""

    def __init__(self, draft: Draft, intent: Intent) -> None:
        self._top = _looked_at(draft, intent.qos_policies, ("qos_policies",))
        self._own = {
            name: _looked_at(draft, tenant.qos_policies, ("tenants", name, "qos_policies"))
            for name, tenant in intent.tenants.items()
        }

    def find(self, draft: Draft, use: QosUse | None, at: Path, tenant: str = "") -> Asked | None:
        """What is asked for at a path; None where that is nothing, or wrong. `tenant`: whose own names go first."""
        if use is None:
            return None
        if use.policy is None:
            whole = QosPolicy(egress=use.egress, ingress=use.ingress)
            return (
                Asked(policy=whole, path=at, asked_at=at, replace=use.replace)
                if check_policy(draft, whole, at)
                else None
            )
        for path, known in (
            (("tenants", tenant, "qos_policies"), self._own.get(tenant, {})),
            (("qos_policies",), self._top),
        ):
            if use.policy in known:
                policy = known[use.policy]
                found = (*path, use.policy)
                return (
                    None
                    if policy is None
                    else Asked(policy=policy, path=found, asked_at=at, name=use.policy, replace=use.replace)
                )
        self._report(draft, use.policy, at, tenant)
        return None

    def _report(self, draft: Draft, name: str, at: Path, tenant: str) -> None:
        known = [*self._own.get(tenant, {}), *self._top]
        meant = closest(name, known)
        fix = f"did you mean {meant}?" if meant else f"known: {', '.join(known) or 'none'}"
        draft.error((*at, "policy"), f"there is no policy {name}", fix)


def _looked_at(draft: Draft, policies: Mapping[str, QosPolicy], path: Path) -> dict[str, QosPolicy | None]:
    """The sound ones, and None for others."""
    return {name: held if check_policy(draft, held, (*path, name)) else None for name, held in policies.items()}
