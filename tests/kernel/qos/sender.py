"""`python sender.py KIND ...` sends what no ordinary program does, ten times.

forged ADDRESS PORT PRIORITY    UDP with SO_PRIORITY
marked ADDRESS PORT MARK        UDP with SO_MARK
tos ADDRESS PORT TOS            UDP with that TOS, or traffic class
frame IFNAME HEX                a whole frame
"""

import socket
import sys

kind, where, *rest = sys.argv[1:]
if kind == "frame":
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    raw.bind((where, 0))
    for _ in range(10):
        raw.send(bytes.fromhex(rest[0]))
else:
    family = socket.AF_INET6 if ":" in where else socket.AF_INET
    udp = socket.socket(family, socket.SOCK_DGRAM)
    number = int(rest[1], 0)
    if kind == "forged":
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, number)
    elif kind == "marked":
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, number)
    elif family == socket.AF_INET6:
        udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, number)
    else:
        udp.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, number)
    for _ in range(10):
        udp.sendto(b"x" * 100, (where, int(rest[0])))
