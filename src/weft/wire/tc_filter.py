"""A filter that hands all that comes in by a link to another link, as if that had received it.

Source: linux/pkt_cls.h tc_u32_sel, linux/tc_act/tc_mirred.h, linux/rtnetlink.h, tc-u32(8), tc-mirred(8).
"""

from __future__ import annotations

from struct import Struct

from weft.wire.codec import NLM_F_CREATE, NLM_F_EXCL, attribute, message, nest, text
from weft.wire.tc import TC_H_INGRESS, TCA_KIND, TCA_OPTIONS, header, new_qdisc

RTM_NEWTFILTER = 44

_INGRESS = 0xFFFF0000
"""The handle of an ingress qdisc, ffff:."""
_FIRST, _ALL_PROTOCOLS = 1 << 16, 0x0300
"""Priority, and ETH_P_ALL in the order of the network."""

_U32_SEL, _U32_ACT, _ACT_KIND, _ACT_OPTIONS, _MIRRED_PARMS = 5, 7, 1, 2, 2
_SELECTOR = Struct("=BBBxHHhhI")
"""Flags, offset shift, number of keys, mask, offset and two more of them, mask of the hash."""
_KEY = Struct("=IIii")
"""Mask, value, offset, mask of the offset."""
_TERMINAL = 1
_MIRRED = Struct("=IIiiiiI")
"""tc_gen (index, capabilities, action, references, bindings), what is to be done, index of the link."""
_STOLEN, _INGRESS_REDIRECT = 4, 3


def take_in(index: int) -> bytes:
    """Let a link have filters for what comes in."""
    return new_qdisc(index, TC_H_INGRESS, _INGRESS, "ingress", b"")


def hand_over(index: int, to: int) -> bytes:
    """Have the link `to` receive all that comes in by another."""
    everything = _SELECTOR.pack(_TERMINAL, 0, 1, 0, 0, 0, 0, 0) + _KEY.pack(0, 0, 0, 0)
    redirect = _MIRRED.pack(0, 0, _STOLEN, 0, 0, _INGRESS_REDIRECT, to)
    action = text(_ACT_KIND, "mirred") + nest(_ACT_OPTIONS, attribute(_MIRRED_PARMS, redirect))
    options = nest(TCA_OPTIONS, attribute(_U32_SEL, everything), nest(_U32_ACT, nest(1, action)))
    where = header(index, 0, _INGRESS, _FIRST | _ALL_PROTOCOLS)
    return message(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, where, text(TCA_KIND, "u32"), options)
