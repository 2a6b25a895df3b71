"""Every golden case comes to what stands beside it."""

import pytest

from tests.golden.golden import OUTPUTS, Case, cases

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.folder.name)
def test_case(case: Case) -> None:
    outputs = case.outputs()
    assert outputs, "a case without a text to compare with"
    for name in outputs:
        assert OUTPUTS[name](case) == (case.folder / name).read_text(), name


def test_there_are_cases() -> None:
    assert len(CASES) > 5
