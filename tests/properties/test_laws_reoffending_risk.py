"""Laws of OGRS3."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from checkpoint_eval.outcomes import ogrs3
from checkpoint_eval.outcomes.reoffending_risk import OFFENCES


@st.composite
def people(draw: st.DrawFn) -> dict[str, Any]:
    """One to eight people whose ages come in order."""
    rows = []
    for _ in range(draw(st.integers(1, 8))):
        first, current, now = sorted(draw(st.tuples(*[st.integers(10, 90)] * 3)))
        before = draw(st.integers(0 if first == current else 1, 60))
        sex, offence = draw(st.sampled_from(["male", "female"])), draw(st.sampled_from([*OFFENCES]))
        rows.append((now, sex, offence, before, current, first))
    names = ("age", "sex", "offence", "previous_sanctions", "age_at_conviction")
    return dict(zip((*names, "age_at_first_sanction"), zip(*rows, strict=True), strict=True))


@given(people())
def test_a_chance_that_rises_with_time(told: dict[str, Any]) -> None:
    one, two = ogrs3(**told, years=1), ogrs3(**told, years=2)
    assert ((one > 0) & (one < two) & (two < 1)).all()


@given(people())
def test_one_sanction_more_is_more_risk(told: dict[str, Any]) -> None:
    more = told | {"previous_sanctions": np.array(told["previous_sanctions"]) + 1}
    assert (ogrs3(**more) > ogrs3(**told)).all()


@given(people())
def test_a_longer_career_is_less_risk(told: dict[str, Any]) -> None:
    """The same sanctions over more years; ages move together, so that the band stays."""
    known = told | {"previous_sanctions": np.array(told["previous_sanctions"]) + 1}
    from_ten = known | {"age_at_first_sanction": 10}
    longer = np.array(told["age_at_first_sanction"]) > 10
    found = ogrs3(**from_ten) < ogrs3(**known)
    assert (found == longer).all()


@given(people(), st.randoms(use_true_random=False))
def test_people_are_scored_alone(told: dict[str, Any], random: Any) -> None:
    """Order and company do not matter."""
    order = list(range(len(told["age"])))
    random.shuffle(order)
    shuffled = {name: [values[place] for place in order] for name, values in told.items()}
    assert ogrs3(**shuffled).tolist() == ogrs3(**told)[order].tolist()
    one = {name: values[0] for name, values in told.items()}
    assert ogrs3(**one).tolist() == ogrs3(**told)[:1].tolist()


@given(people())
def test_offences_and_horizons_shift_the_logit(told: dict[str, Any]) -> None:
    """Between any two people alike but for it, by the same amount."""
    one, two = (ogrs3(**told, years=years) for years in (1, 2))
    robbery = ogrs3(**(told | {"offence": "robbery"}))
    damage = ogrs3(**(told | {"offence": "criminal damage"}))
    # Logits of chances near 0 or 1 keep fewer digits.
    assert np.ptp(_logit(two) - _logit(one)) < 1e-9
    assert np.ptp(_logit(damage) - _logit(robbery)) < 1e-9


def _logit(chance: np.ndarray) -> np.ndarray:
    return np.log(chance / (1 - chance))
