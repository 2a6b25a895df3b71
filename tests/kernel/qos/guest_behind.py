"""A guest behind a tap: `python guest_behind.py TAP NETNS` hands frames between a tap of this namespace and `eth0`, a
tap that it makes in another one, until it is ended. Prints `ready` when frames pass. Source: linux/if_tun.h."""

import ctypes
import fcntl
import os
import select
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000


def open_tap(name: str) -> int:
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
    return fd


def main(tap: str, netns: str) -> None:
    host = open_tap(tap)
    with open(f"/run/netns/{netns}", "rb") as there:
        if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), 0):
            raise OSError(ctypes.get_errno(), "setns")
    guest = open_tap("eth0")
    print("ready", flush=True)
    other = {host: guest, guest: host}
    while True:
        for fd in select.select([host, guest], [], [])[0]:
            try:
                os.write(other[fd], os.read(fd, 70_000))
            except OSError:
                continue  # nothing to read after all, or a link that is down


main(*sys.argv[1:])
