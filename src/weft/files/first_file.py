"""The file that `weft init` writes: a first network that works, and the words to change it."""

from __future__ import annotations

_TEXT = """\
weft: 1                   # the version of the format
name: {name}{pad}# the scope: apply and destroy touch what bears this name, nothing else

tenants:
  demo:                   # a tenant sees its own networks only
    networks:
      lan:
        # The first usable address of each subnet is the gateway.
        subnets: [10.20.0.0/24, "fd20::/64"]
        uplink: nat       # nat: out by the host's address; routed: no translation; left out: no way out
        # mtu: 1500       # bytes; left out: what the way out can carry

    ports:
      # An end of a network: here, in a namespace that `ip netns exec web` enters.
      web:
        network: lan
        attach: {{netns: web}}
        addresses: [10.20.0.10, "fd20::10"]   # left out: the lowest that are free
      db:
        network: lan
        attach: {{netns: db}}
        addresses: [10.20.0.11, "fd20::11"]

      # vm: {{network: lan, attach: {{tap: {{owner: libvirt-qemu}}}}}}   # for a virtual machine
      # me: {{network: lan, attach: host}}                           # for this machine itself
      # "node[1-50]": {{network: lan, attach: {{netns: "{{name}}"}}}}    # fifty at once

# host:
#   tcp: {{congestion_control: bbr}}

# Next: weft plan, weft apply, weft exec web ping -c 3 10.20.0.11, weft destroy
"""


def template(name: str = "first") -> str:
    """A small valid file of the scope `name`: two ports on a network of both families, with a way out by NAT."""
    return _TEXT.format(name=name, pad=" " * max(1, 20 - len(name)))
