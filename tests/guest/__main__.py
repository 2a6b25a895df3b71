"""Run a command in a guest, by hand: python -m tests.guest [-k VERSION] [-m MEMORY] [-o FOLDER] COMMAND...

Without -k in the newest kernel at hand. Files that the command writes to /hostout are copied to FOLDER.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from tests.guest import kernels
from tests.guest.guest import Guest

_LONG_S = 3600


def main() -> int:
    """The command's status; 2 without such a kernel."""
    asked = _parser().parse_args()
    found = {kernel.version: kernel for kernel in kernels.find()}
    kernel = found.get(asked.kernel or next(reversed(found), ""))
    if kernel is None:
        print(f"no guest kernel {asked.kernel or ''}; there are: {', '.join(found) or 'none, see make guest-kernel'}")
        return 2
    stdin = "" if sys.stdin.isatty() else sys.stdin.read()
    with Guest(kernel, memory=asked.memory) as guest:
        done = guest.run(*asked.command, input=stdin, check=False, timeout_s=_LONG_S)
        sys.stdout.write(done.stdout)
        sys.stderr.write(done.stderr)
        if asked.out:
            shutil.copytree(guest.out, asked.out, dirs_exist_ok=True)
    return done.returncode


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.guest", description=__doc__)
    parser.add_argument("-k", dest="kernel", metavar="VERSION")
    parser.add_argument("-m", dest="memory", metavar="MEMORY", default="1G")
    parser.add_argument("-o", dest="out", metavar="FOLDER", type=Path)
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
