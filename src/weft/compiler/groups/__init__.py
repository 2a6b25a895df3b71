"""What a tenant's ports may say and hear: anti-spoofing and security groups, in the bridge family of its namespace.

Rules: one table a tenant. A port adds elements to maps and sets, and at most the chains of its combination of groups; a
rule of a group is an element of a set. So nothing that is there is rewritten for one more, and a packet's cost grows
with neither (docs/adr/0013-security-groups.md).
"""

from weft.compiler.groups.checks import check_groups
from weft.compiler.groups.port import protect
from weft.compiler.groups.security import Member, Security, compile_passages, compile_prefixes, compile_security
from weft.compiler.groups.tracking import follows, is_local_change

__all__ = [
    "Member",
    "Security",
    "check_groups",
    "compile_passages",
    "compile_prefixes",
    "compile_security",
    "follows",
    "is_local_change",
    "protect",
]
