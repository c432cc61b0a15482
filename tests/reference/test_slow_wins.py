"""Win ratios of the library against loops over pairs with fractions."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from slow_wins import Person, at_random, decides, measured, projected, score, sharing, wins

import checkpoint_eval as ce
from checkpoint_eval.models import win_ratio
from checkpoint_eval.outcomes import BinaryOutcome, NumericOutcome, TimeToEvent

SEEDS = range(8)
MEASURES = ["win ratio", "win odds", "net benefit"]
NAMES = ("grave", "slight", "number", "yes")
# numerical derivatives with steps of 1e-5 have relative errors of about 1e-9
CLOSE = 1e-7


def trial_of(people: list[Person]) -> ce.Trial:
    course = np.array([[(t or 0, e) for t, e in person.course] for person in people])
    outcomes: dict[str, Any] = {
        "grave": TimeToEvent(time=course[:, 0, 0], event=course[:, 0, 1] == 1),
        "slight": TimeToEvent(time=course[:, 1, 0], event=course[:, 1, 1] == 1),
        "number": NumericOutcome(value=course[:, 2, 1]),
        "yes": BinaryOutcome(value=course[:, 3, 1] == 1),
    }
    assignment = ce.Assignment(
        arm=[int(person.treated) for person in people],
        arms=("court", "contract"),
        stratum=[person.stratum for person in people],
        strata=("first", "second"),
        stratified_by=("suite",),
    )
    return ce.Trial(assignment=assignment, outcomes=outcomes)


def picked(people: list[Person], names: tuple[str, ...], *, pooled: bool) -> list[Person]:
    places = [NAMES.index(name) for name in names]
    return [
        Person(p.treated, 0 if pooled else p.stratum, tuple(p.course[k] for k in places))
        for p in people
    ]


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize(
    "names", [NAMES, NAMES[::-1], ("grave",), ("slight", "grave"), ("number",), ("yes", "slight")]
)
@pytest.mark.parametrize("seed", SEEDS)
def test_equals_loops_over_pairs(seed: int, names: tuple[str, ...], pooled: bool) -> None:
    people = at_random(seed)
    trial, own = trial_of(people), picked(people, names, pooled=pooled)
    want = wins(own)
    for measure in MEASURES:
        found = win_ratio(trial, outcomes=names, measure=measure, strata=() if pooled else None)
        value, error = measured(want, measure)
        got = found.value if measure == "net benefit" else math.log(found.value)
        assert got == pytest.approx(value, rel=CLOSE, abs=1e-12)
        assert found.std_error == pytest.approx(error, rel=CLOSE)
        tied = float(1 - want.won - want.lost) / 2 if measure == "win odds" else 0.0
        by_arm = (float(want.lost) + tied, float(want.won) + tied)
        assert found.by_arm == pytest.approx(by_arm, rel=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_tells_what_each_outcome_decided(seed: int) -> None:
    people = at_random(seed)
    pairs = [
        (a, b)
        for a in people
        for b in people
        if a.treated and not b.treated and a.stratum == b.stratum
    ]
    by = [decides(a, b) for a, b in pairs]
    told = ", ".join(
        f"{name} decided {by.count(place) / len(by):.1%}"
        for place, name in enumerate(NAMES, start=1)
    )
    found = win_ratio(trial_of(people), outcomes=NAMES)
    assert f"of {len(by)} pairs {told}, tied {by.count(0) / len(by):.1%}" in found.method


@pytest.mark.parametrize("seed", SEEDS[:4])
def test_projections_estimate_the_covariance_of_pairs_that_share_a_person(seed: int) -> None:
    """
    Bebu and Lachin's variance has the covariance c of pairs that share a person. The m rivals of
    a person are few, so projections vary by (m - 1) / m c + v / m, v the variance of one pair: in
    samples as in expectation, exactly. It is above c, as c is at most v, and for large m it is c.
    """
    people = picked(at_random(seed), NAMES, pooled=True)
    treated = [person for person in people if person.treated]
    control = [person for person in people if not person.treated]
    rows = [[score(a, b)[0] for b in control] for a in treated]
    n, m = len(treated), len(control)
    of_one = sum(
        Fraction((one[j] - other[j]) ** 2, n * (n - 1) * m)
        for one, other in combinations(rows, 2)
        for j in range(m)
    )
    assert m * projected(rows, rows) == (m - 1) * sharing(rows, rows) + of_one
    assert sharing(rows, rows) <= projected(rows, rows)
