"""What will be done, in which order, what it costs the ports, and how it reads."""

from weft.plan.order import plan
from weft.plan.phases import Phase, Plan, Step

__all__ = ["Phase", "Plan", "Step", "plan"]
