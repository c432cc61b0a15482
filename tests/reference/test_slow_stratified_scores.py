"""Score intervals over strata against each stratum's likelihood maximised, and plain bisection."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from slow_risk import Table, constrained

import checkpoint_eval as ce

VERBS = {"difference": ce.risk_difference, "ratio": ce.risk_ratio}
# events and people under treatment, then under control
STRATA = {
    "few": [(2, 20, 5, 22), (1, 15, 4, 16), (6, 9, 3, 11)],
    "none treated": [(0, 12, 3, 10), (0, 20, 1, 22)],
    "none in control": [(2, 12, 0, 10), (3, 20, 0, 22)],
    "a stratum without": [(0, 9, 0, 8), (3, 12, 7, 14)],
    "pairs": [(1, 1, 0, 1), (0, 1, 1, 1), (0, 1, 0, 1), (0, 1, 1, 1), (0, 1, 1, 1)],
    "all": [(5, 5, 6, 6), (9, 9, 8, 8)],
}


def trial(strata: list[tuple[int, int, int, int]]) -> ce.Trial:
    rows = [
        (arm, place, float(k < events))
        for place, (x1, n1, x0, n0) in enumerate(strata)
        for arm, events, people in ((1, x1, n1), (0, x0, n0))
        for k in range(people)
    ]
    frame = pd.DataFrame(rows, columns=["arm", "site", "y"])
    return ce.Trial.from_frame(frame, arm="arm", control=0, binary={"y": "y"}, factors=["site"])


def score(strata: list[tuple[int, int, int, int]], measure: str, null: float) -> float:
    """Miettinen and Nurminen (1985), with the weights of Mantel and Haenszel."""
    top = variance = 0.0
    for x1, n1, x0, n0 in strata:
        weight = n1 * n0 / (n1 + n0)
        r1, r0 = constrained(Table(x1, n1, x0, n0), measure, null)
        own = (n1 + n0) / (n1 + n0 - 1)
        if measure == "difference":
            top += weight * (x1 / n1 - x0 / n0 - null)
            own *= r1 * (1 - r1) / n1 + r0 * (1 - r0) / n0
        else:
            top += weight * (x1 / n1 - null * x0 / n0)
            own *= r1 * (1 - r1) / n1 + null**2 * r0 * (1 - r0) / n0
        variance += weight**2 * own
    if top == 0:
        return 0.0
    return top / math.sqrt(variance) if variance > 1e-20 else math.copysign(math.inf, top)


def limit(strata: list[tuple[int, int, int, int]], measure: str, target: float) -> float:
    """The null with this score, by bisection; the score falls as the null rises."""
    low, high = (-1 + 1e-12, 1 - 1e-12) if measure == "difference" else (-30.0, 30.0)
    for _ in range(80):
        middle = (low + high) / 2
        null = middle if measure == "difference" else math.exp(middle)
        low, high = (middle, high) if score(strata, measure, null) > target else (low, middle)
    return low if measure == "difference" else math.exp(low)


@pytest.mark.parametrize("level", [0.95, 0.8])
@pytest.mark.parametrize("measure", VERBS)
@pytest.mark.parametrize("name", STRATA)
def test_limits_and_p(name: str, measure: str, level: float) -> None:
    strata = STRATA[name]
    found = VERBS[measure](
        trial(strata), outcome="y", strata="site", interval="miettinen-nurminen", level=level
    )
    z = NormalDist().inv_cdf(0.5 + level / 2)
    want = [limit(strata, measure, z), limit(strata, measure, -z)]
    ends = {"none treated": (0.0, None), "none in control": (None, math.inf)}
    for told, slow, end in zip((found.low, found.high), want, ends.get(name, (None, None)),
                               strict=True):  # fmt: skip
        if measure == "ratio" and end is not None:
            assert told == end
        else:
            # Maximisers by derivative and by closed root agree to half the digits near an edge.
            assert told == pytest.approx(slow, rel=1e-6, abs=1e-8)
    none = 0.0 if measure == "difference" else 1.0
    p = 2 * NormalDist().cdf(-abs(score(strata, measure, none)))
    assert found.p_value == pytest.approx(p, rel=1e-8, abs=1e-12)
    assert (found.p_value < 1 - level) == (not found.low <= none <= found.high)


def test_the_estimate_is_mantel_and_haenszel_s() -> None:
    """By hand: weights 20·22/42, 15·16/31, 9·11/20."""
    weights = np.array([440 / 42, 240 / 31, 99 / 20])
    p1, p0 = np.array([2 / 20, 1 / 15, 6 / 9]), np.array([5 / 22, 4 / 16, 3 / 11])
    how = {"outcome": "y", "strata": "site", "interval": "miettinen-nurminen"}
    few = trial(STRATA["few"])
    difference, ratio = (VERBS[name](few, **how) for name in ("difference", "ratio"))
    assert difference.value == pytest.approx(weights @ (p1 - p0) / weights.sum(), rel=1e-12)
    assert ratio.value == pytest.approx(weights @ p1 / (weights @ p0), rel=1e-12)


@pytest.mark.parametrize("measure", VERBS)
def test_one_stratum_is_the_plain_score(measure: str) -> None:
    one = trial([(3, 20, 9, 25)])
    how = {"outcome": "y", "interval": "miettinen-nurminen"}
    over, plain = (VERBS[measure](one, strata=strata, **how) for strata in ("site", ()))
    assert [over.value, over.low, over.high] == pytest.approx(
        [plain.value, plain.low, plain.high], rel=1e-9
    )


@pytest.mark.parametrize("name", STRATA)
def test_arms_the_other_way_round(name: str) -> None:
    swapped = [(x0, n0, x1, n1) for x1, n1, x0, n0 in STRATA[name]]
    how = {"outcome": "y", "strata": "site", "interval": "miettinen-nurminen"}
    one, two = (ce.risk_difference(trial(each), **how) for each in (STRATA[name], swapped))
    assert [two.value, two.low, two.high] == pytest.approx(
        [-one.value, -one.high, -one.low], rel=1e-8, abs=1e-10
    )
    one, two = (ce.risk_ratio(trial(each), **how) for each in (STRATA[name], swapped))
    with np.errstate(divide="ignore"):
        want = 1 / np.array([one.value, one.high, one.low])
    np.testing.assert_allclose([two.value, two.low, two.high], want, rtol=1e-7)
