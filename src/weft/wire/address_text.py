"""Addresses as bytes and as text: IPv4, IPv6, prefixes, hardware addresses.

Rules: text is canonical as Python's ipaddress prints it, MACs are in lower case with colons.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

AF_UNSPEC, AF_INET, AF_BRIDGE, AF_INET6 = 0, 2, 7, 10
"""Source: linux/socket.h."""


def is_address(text: str) -> bool:
    """Whether a text is an IP address, without a prefix length."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def family_of(address: str) -> int:
    """AF_INET or AF_INET6 of an address or prefix."""
    return AF_INET6 if ":" in address else AF_INET


@lru_cache(maxsize=1 << 16)
def _ipv6_text(raw: bytes) -> str:
    return str(IPv6Address(raw))


@lru_cache(maxsize=1 << 16)
def _ipv6_bytes(text: str) -> bytes:
    return IPv6Address(text).packed


def ip_bytes(text: str) -> bytes:
    """4 or 16 bytes. Raises: ValueError."""
    return _ipv6_bytes(text) if ":" in text else bytes(map(int, text.split(".")))


def ip_text(raw: bytes) -> str:
    return ".".join(map(str, raw)) if len(raw) == 4 else _ipv6_text(raw)


def is_multicast(address: str) -> bool:
    """Source: RFC 5771 section 3, RFC 4291 section 2.7."""
    first = ip_bytes(address)[0]
    return first == 0xFF if ":" in address else first >> 4 == 0xE


def prefix_bytes(cidr: str) -> tuple[bytes, int]:
    """Address and length of "ADDRESS/LENGTH". Raises: ValueError."""
    address, _, length = cidr.partition("/")
    return ip_bytes(address), int(length)


def as_ip(buffer: bytes, at: int, end: int) -> str:
    return ip_text(buffer[at:end])


def mac_bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def as_mac(buffer: bytes, at: int, end: int) -> str:
    return buffer[at:end].hex(":")
