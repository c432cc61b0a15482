"""A power of nothing says why: the effect lies where a rejection is no success."""

import pytest

from checkpoint_eval.errors import ImpossibleDesign
from checkpoint_eval.power import (
    Comparison,
    Diluted,
    Hazards,
    Means,
    Proportions,
    people_needed,
    power_of,
)

WRONG: list[Comparison] = [
    Proportions(control=0.4, treatment=0.5, better="lower"),
    Means(difference=-0.5, sd=1, better="higher"),
    Hazards(ratio=1.4, control=0.5, better="lower"),
    Diluted(design=Proportions(control=0.4, treatment=0.5, better="lower"), overrides=0.1),
]


@pytest.mark.parametrize("design", WRONG, ids=lambda design: design.told)
def test_the_power_tells_and_the_plan_is_refused(design: Comparison) -> None:
    found = power_of(design, n=600)
    assert found.power < 1e-3
    assert "no success" in repr(found)
    with pytest.raises(ImpossibleDesign, match="on the other side"):
        people_needed(design)


def test_no_effect_and_the_right_side_say_nothing() -> None:
    for treatment in (0.4, 0.3):
        found = power_of(Proportions(control=0.4, treatment=treatment, better="lower"), n=600)
        assert not found.cautions
    worse = Proportions(control=0.4, treatment=0.42, margin=0.1, better="lower")
    assert not power_of(worse, n=600).cautions
