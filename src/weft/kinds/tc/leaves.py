"""All queues that may stand at the end of a tree, for whoever builds one. Sizes in bytes, limits in packets."""

from __future__ import annotations

from weft.kinds.tc.cake import Cake
from weft.kinds.tc.fq import Fq
from weft.kinds.tc.fq_codel import FqCodel
from weft.kinds.tc.netem import Netem
from weft.kinds.tc.pfifo import Pfifo
from weft.kinds.tc.qdisc import Qdisc as Leaf
from weft.kinds.tc.sfq import Sfq
from weft.kinds.tc.tbf import Tbf

__all__ = ["Cake", "Fq", "FqCodel", "Leaf", "Netem", "Pfifo", "Sfq", "Tbf"]
