"""OGRS3 by hand: logits added up, and the edges of its bands."""

from __future__ import annotations

from math import exp, log
from typing import Any

import numpy as np
import pytest

from checkpoint_eval.outcomes import ogrs3


def score(age: Any, **other: Any) -> np.ndarray:
    told = {
        "sex": "male",
        "offence": "violence",
        "previous_sanctions": 1,
        "age_at_conviction": age,
        "age_at_first_sanction": age,
    }
    return ogrs3(age, **(told | other))


def chance(logit: float) -> float:
    return 1 / (1 + exp(-logit))


def test_a_man_of_thirty_for_theft() -> None:
    """Four before since 16, convicted at 29: Copas log(5/23); 2.1217 + .4631 − 1.3260 + .6612."""
    copas = log((1 + 4) / (10 + 29 - 16))
    assert copas == pytest.approx(-1.526, abs=5e-4)
    want = 2.121705678 + 1.251124464 * copas + 0.463062792 - 1.325976554 + 0.661244321
    found = score(
        30,
        offence="theft (non-motor)",
        previous_sanctions=4,
        age_at_conviction=29,
        age_at_first_sanction=16,
    )
    assert found == pytest.approx([chance(want)], rel=1e-13)  # the same sum in another order


def test_a_first_sanction() -> None:
    """A woman of 50, drink driving: Copas log(1/10), and the smaller constant."""
    want = 1.402562384 + 1.251124464 * log(1 / 10) + 0.126142106 - 2.44983716 - 0.121439408
    found = score(50, sex="female", offence="drink driving", previous_sanctions=0, years=1)
    assert found == pytest.approx([chance(want)], rel=1e-13)


BANDS = {10: 0, 12: 0.083922902, 14: 0.075775765, 16: -0.061594199, 18: -0.625103618}
BANDS |= {21: -1.051515067, 25: -1.166679288, 30: -1.325976554, 35: -1.368045933}
BANDS |= {40: -1.499690953, 50: -2.025261458}
WOMEN = (-0.785038489, -0.613852078, -0.669521331, -0.959179629, -0.897480934, -1.028488454)
WOMEN += (-1.052777806, -1.129127959, -1.42187494, -1.524652221, -2.44983716)


@pytest.mark.parametrize(("sex", "values"), [("male", tuple(BANDS.values())), ("female", WOMEN)])
def test_bands_of_age(sex: str, values: tuple[float, ...]) -> None:
    """Each band from its first birthday to the day before the next; logits less what is shared."""
    shared = 2.121705678 + 1.251124464 * log(2 / 10) + 0.463062792
    starts = list(BANDS)
    for ages in (starts, [start - 0.01 for start in starts[1:]] + [99]):
        found = score(ages, sex=sex)
        assert np.log(found / (1 - found)) - shared == pytest.approx(values, abs=1e-12)


def test_ages_count_in_whole_years() -> None:
    """20 years and 300 days, sanctioned first at 16.9 and now at 20.2: as 20, 16 and 20."""
    exact = score(20.82, age_at_conviction=20.2, age_at_first_sanction=16.9)
    assert exact == score(20, age_at_conviction=20, age_at_first_sanction=16)


def test_unknown_is_not_a_score() -> None:
    """Whoever lacks anything has none, and nobody else is touched."""
    whole = score([20] * 6)
    for name, blank in {
        "sex": ["male", None, *["male"] * 4],
        "offence": ["violence", np.nan, *["violence"] * 4],
        "previous_sanctions": [1, None, 1, 1, 1, 1],
        "age_at_conviction": [20, np.nan, 20, 20, 20, 20],
        "age_at_first_sanction": [20, None, 20, 20, 20, 20],
    }.items():
        found = score([20] * 6, **{name: blank})
        assert np.isnan(found).tolist() == [False, True, *[False] * 4], name
        assert found[[0, 2, 3, 4, 5]] == pytest.approx(whole[:5], rel=0)
    assert np.isnan(score([20, None], age_at_conviction=20, age_at_first_sanction=20)).tolist() == [
        False,
        True,
    ]


def test_nobody() -> None:
    assert score([]).shape == (0,)
