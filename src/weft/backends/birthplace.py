"""Where the host's taps and tuns are made while udev listens: a namespace that it does not see.

Rules: the kernel draws the MAC of a new tap by lot, whoever makes it, and udev gives what has such a MAC another one;
and neither tap nor tun can be born in a group (state.BIRTH_GROUP), by which udev knows whose a link is. So it sees one
only when that has its MAC and its mark: a link that is moved is announced anew. The kernel may take 16 ms for a move
(it waits for all processors), so where no udev runs a tap is made in place. A tap that is not moved yet goes with its
namespace, and so with this process. Source: drivers/net/tun.c tun_set_iff, net/core/dev.c __dev_change_net_namespace,
systemd.link(5) MACAddressPolicy=.
"""

from __future__ import annotations

import os

from weft.kinds.verbs import TapBirth
from weft.netlink.connection import Connection
from weft.netlink.namespaces import entered, nameless
from weft.wire.codec import u32
from weft.wire.link import IFLA_NET_NS_FD, IFLA_NEW_IFINDEX, set_link

_UDEV = "/run/udev/control"


def udev_listens() -> bool:
    return os.path.exists(_UDEV)


class Birthplace:
    """Raises: NotPermitted, OSError."""

    def __init__(self) -> None:
        self.fd = nameless()
        with entered(self.fd):
            self._rtnl = Connection()

    def close(self) -> None:
        self._rtnl.close()
        os.close(self.fd)

    def hand_over(self, tap: TapBirth, netns_fd: int) -> None:
        """Move a tap that was made here. Raises: OSError; EEXIST or EBUSY where its name or index is taken there."""
        move = set_link(tap.index, u32(IFLA_NET_NS_FD, netns_fd), u32(IFLA_NEW_IFINDEX, tap.index))
        for failure in self._rtnl.change([tap.mark, move]):
            raise OSError(failure.reply.errno_, failure.reply.text)
