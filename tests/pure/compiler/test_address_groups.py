"""Address groups within each other: as deep as anybody writes them, and no deeper than Python goes."""

from tests.pure.compiler.intents import findings
from weft.model.intent import Intent, Tenant


def nested(depth: int) -> list[str]:
    groups = {f"g{at}": (f"g{at + 1}",) for at in range(depth)} | {f"g{depth}": ("10.0.0.0/8",)}
    return [one.what for one in findings(Intent(name="lab", tenants={"t": Tenant(address_groups=groups)}))]


def test_a_hundred_deep_and_no_deeper() -> None:
    assert not nested(99)
    assert nested(5000)[0] == "address groups within each other, 100 deep"
