"""What will be done, in which order, what it costs the ports, and how it reads."""

from weft.plan.order import Phase, Plan, Step, plan

__all__ = ["Phase", "Plan", "Step", "plan"]
