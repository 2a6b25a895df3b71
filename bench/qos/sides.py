"""Who shapes one port: weft, and its peers.

Rules: each side is asked for the same: so many bit/s to the port or from it. A side that cannot says why, and is shown
with that. Peers do what their documents say, on the bridge's end of the port.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from bench.qos.lab import ADDRESS, BRIDGE_END, PORT, TENANT, Lab, empty, plain

TO, FROM = "to the port", "from the port"
DIRECTIONS = (TO, FROM)
MTU_FRAME_BYTES = 1514
CNI_PLUGIN = Path("/usr/lib/cni/bandwidth")
TCSET = Path(sys.executable).parent / "tcset"


class NotPossible(Exception):
    """This side cannot do that here; the message says why."""


def burst_bytes(rate_bps: int) -> int:
    """What weft derives (docs/qos.md): a millisecond of the rate, but two frames."""
    return max(rate_bps // 8000, 2 * MTU_FRAME_BYTES)


@contextmanager
def weft(folder: Path, rate_bps: int, direction: str) -> Iterator[Lab]:
    """A ceil on a port."""
    with empty(folder) as lab:
        file = folder / "qos.yaml"
        way = "ingress" if direction == TO else "egress"
        file.write_text(_FILE.format(way=way, rate_bps=rate_bps, **ADDRESS))
        lab.world.run("weft", "apply", "-y", "-f", file)
        yield lab


_FILE = """
weft: 1
name: bench
tenants:
  t:
    networks: {{net: {{subnets: [10.77.0.0/24]}}}}
    ports:
      p: {{network: net, attach: {{netns: p}}, addresses: [{p}], qos: {{{way}: {{ceil: {rate_bps}bit}}}}}}
      q: {{network: net, attach: {{netns: q}}, addresses: [{q}]}}
"""


@contextmanager
def raw_tc(folder: Path, rate_bps: int, direction: str) -> Iterator[Lab]:
    """HTB as how-to articles write it: no burst, no leaf, an ifb for what comes in."""
    with plain(folder) as lab:
        device = BRIDGE_END.format(PORT)
        if direction == FROM:
            _try(lab, f"ip link add ifb0 type ifb; ip link set ifb0 up; tc qdisc add dev {device} handle ffff: ingress")
            match = "protocol all u32 match u32 0 0"
            _try(lab, f"tc filter add dev {device} parent ffff: {match} action mirred egress redirect dev ifb0")
            device = "ifb0"
        _try(lab, f"tc qdisc add dev {device} root handle 1: htb default 10")
        _try(lab, f"tc class add dev {device} parent 1: classid 1:1 htb rate {rate_bps}bit")
        _try(lab, f"tc class add dev {device} parent 1:1 classid 1:10 htb rate {rate_bps}bit ceil {rate_bps}bit")
        yield lab


@contextmanager
def raw_police(folder: Path, rate_bps: int, direction: str) -> Iterator[Lab]:
    """What how-to articles do without an ifb: police what comes in. Of what goes out they have HTB."""
    if direction == TO:
        raise NotPossible("policing is for what comes in; what goes out is the same as raw tc")
    with plain(folder) as lab:
        device = BRIDGE_END.format(PORT)
        match = f"protocol ip u32 match ip src 0.0.0.0/0 police rate {rate_bps}bit burst 10k drop flowid :1"
        _try(lab, f"tc qdisc add dev {device} handle ffff: ingress; tc filter add dev {device} parent ffff: {match}")
        yield lab


@contextmanager
def cni_bandwidth(folder: Path, rate_bps: int, direction: str) -> Iterator[Lab]:
    """The CNI plugin of Debian's containernetworking-plugins, with weft's burst. Its units are bits."""
    if not CNI_PLUGIN.exists():
        raise NotPossible("containernetworking-plugins is not installed")
    with plain(folder) as lab:
        way = "ingress" if direction == TO else "egress"
        burst = burst_bytes(rate_bps) * 8
        config = _cni_config() | {f"{way}Rate": rate_bps, f"{way}Burst": burst}
        words = {"CNI_COMMAND": "ADD", "CNI_CONTAINERID": "bench", "CNI_NETNS": f"/run/netns/{PORT}"}
        env = {**words, "CNI_IFNAME": PORT, "CNI_PATH": str(CNI_PLUGIN.parent)}
        done = lab.world.run(CNI_PLUGIN, netns=TENANT, env=env, input=json.dumps(config), check=False)
        if done.returncode:
            raise NotPossible(f"the plugin says: {done.stdout.strip()[:200]}")
        yield lab


def _cni_config() -> dict[str, object]:
    interfaces = [{"name": BRIDGE_END.format(PORT)}, {"name": PORT, "sandbox": f"/run/netns/{PORT}"}]
    address = {"version": "4", "interface": 1, "address": f"{ADDRESS[PORT]}/24"}
    result = {"cniVersion": "0.4.0", "interfaces": interfaces, "ips": [address]}
    return {"cniVersion": "0.4.0", "name": "bench", "type": "bandwidth", "prevResult": result}


@contextmanager
def tcconfig(folder: Path, rate_bps: int, direction: str) -> Iterator[Lab]:
    """tcset of the package tcconfig."""
    if not TCSET.exists():
        raise NotPossible("tcconfig is not installed")
    with plain(folder) as lab:
        way = "outgoing" if direction == TO else "incoming"
        words = (TCSET, BRIDGE_END.format(PORT), "--rate", f"{rate_bps}bps", "--direction", way)
        done = lab.world.run(*words, netns=TENANT, check=False)
        said = (done.stderr + done.stdout).strip()
        if done.returncode:
            raise NotPossible(f"tcset says: {said.splitlines()[-1][:200] if said else done.returncode}")
        if "stderr=" in said:  # status 0 all the same: what it made before stays
            lab.remarks.append(
                f"tcset: {said.partition('stderr=')[2].splitlines()[0]}, and the rest stays as it was made"
            )
        yield lab


def _try(lab: Lab, script: str) -> None:
    done = lab.world.run("sh", "-ec", script, netns=TENANT, check=False)
    if done.returncode:
        raise NotPossible(f"{script.rpartition('; ')[2]}: {done.stderr.strip().splitlines()[-1]}")


Side = Callable[[Path, int, str], AbstractContextManager[Lab]]
SIDES: Mapping[str, Side] = {
    "weft": weft,
    "raw tc": raw_tc,
    "raw police": raw_police,
    "CNI bandwidth": cni_bandwidth,
    "tcconfig": tcconfig,
}
