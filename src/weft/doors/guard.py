"""The guard of one trial: waits for its deadline, then takes back what nobody confirmed.

Rules: a program of its own, started by `service.guard`. It only ever asks the service to recover, which takes back what
is past its deadline under the scope's lock; so two guards, or a guard and a command, do no more than one. It goes when
nothing is on trial any more. What it does it tells the system's log.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import syslog
import time
from pathlib import Path

from weft.service import Service
from weft.service.guard import READY
from weft.service.trial import now_s

GLANCE_S = 0.5
"""How often it is looked whether there is still anything to guard."""

RETRIES_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Pauses between attempts to take back; after the last one it is left to the next command."""

LOCK_WAIT_S = 60.0


def main(scope: str, deadline_s: float, run_base: Path, lib_base: Path) -> None:
    """Watch until the deadline or until there is nothing to watch, and act."""
    service = Service(run_base=run_base, lib_base=lib_base, command="weft guard")
    _say_ready()
    while (left_s := deadline_s - now_s()) > 0:
        if not service.is_guarded(scope):
            return
        time.sleep(min(left_s, GLANCE_S))
    _take_back(service, scope)


def _take_back(service: Service, scope: str) -> None:
    for pause_s in (*RETRIES_S, None):
        try:
            recovered = service.recover(scope, wait_s=LOCK_WAIT_S)
        except Exception as failure:  # a bug, too, must neither end the guard nor go unheard
            syslog.syslog(syslog.LOG_ERR, f"{scope} was not confirmed in time, but cannot be taken back: {failure}")
            if pause_s is not None:
                time.sleep(pause_s)
            continue
        if any(one.taken_back for one in recovered):
            syslog.syslog(f"{scope} was not confirmed in time: everything is as it was before")
        return


def _say_ready() -> None:
    """To the command that waits, or to systemd; from then on nobody listens."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.connect("\0" + address[1:] if address[0] == "@" else address)
            systemd.send(b"READY=1")
    else:
        os.write(1, READY)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (1, 2):
        os.dup2(nothing, number)


if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    syslog.openlog("weft", syslog.LOG_PID, syslog.LOG_DAEMON)
    main(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
