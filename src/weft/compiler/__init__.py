"""Intent and Facts to the desired State. docs/topology.md says in words what is code here.

Rules: pure. A module for each thing that people declare; `Draft` is where their objects meet.
"""

from weft.compiler.compiler import Allocations, Compiled, Compiler, changed_ports, compile, planted
from weft.compiler.findings import Cause, CompileError, Finding

__all__ = [
    "Allocations",
    "Cause",
    "CompileError",
    "Compiled",
    "Compiler",
    "Finding",
    "changed_ports",
    "compile",
    "planted",
]
