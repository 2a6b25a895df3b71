"""Whose is what: which observed objects are a scope's own, may be adopted, or stand in its way.

Rules: pure. `proofs` says what proves whose an object is, `trees` whose the queues of a link are, `adoption` what
`adopt: true` makes of what was there before; `split` sorts by all three.
"""

from weft.ownership.adoption import why_not
from weft.ownership.proofs import Claims, ground_scope, needs_claim
from weft.ownership.split import FALLBACK_TUNNELS, Split, inhabited, split
from weft.ownership.trees import claim_of

__all__ = [
    "FALLBACK_TUNNELS",
    "Claims",
    "Split",
    "claim_of",
    "ground_scope",
    "inhabited",
    "needs_claim",
    "split",
    "why_not",
]
