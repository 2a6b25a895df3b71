"""The only front door: what every other door, from the command line to a daemon, asks of weft."""

from weft.service.listed import Program, Scope
from weft.service.prepared import Prepared
from weft.service.service import Service
from weft.service.status import Drift, Status
from weft.service.transactions import Recovered

__all__ = ["Drift", "Prepared", "Program", "Recovered", "Scope", "Service", "Status"]
