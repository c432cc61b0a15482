"""Win ratios worked out by hand on five people, in strata, and with somebody alone."""

from __future__ import annotations

from math import erfc, exp, log, sqrt
from typing import Any

import numpy as np
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import win_ratio, wins
from checkpoint_eval.outcomes import BinaryOutcome, Covariate, NumericOutcome, TimeToEvent

EXACT = 1e-12
Z = 1.959963984540054
# arm; day of death and 1, or last day seen and 0; the same of custody
A, B = (0, 5, 1, 3, 1), (0, 8, 0, 4, 1)
C, D, E = (1, 8, 0, 8, 0), (1, 5, 0, 4, 1), (1, 6, 1, 6, 0)
FIVE = [A, B, C, D, E]
# C beats A by death, B by custody. D beats A by death, as D is known to be alive on day 5, and ties
# with B, as both are in custody on day 4. E beats A by death and loses to B by death.
METHOD = "of 6 pairs death decided 66.7%, custody decided 16.7%, tied 16.7%"
# Two in each arm; custody tells nothing. F loses to H and I by death; G beats H, ties with I.
SECOND = [(0, 4, 1, 4, 0), (0, 9, 0, 9, 0), (1, 2, 1, 2, 0), (1, 9, 0, 9, 0)]
# One treated, who beats the first by death and the second by custody.
ALONE = [(0, 3, 1, 3, 0), (0, 9, 0, 2, 1), (1, 9, 0, 9, 0)]


def read(*strata: list[tuple[int, ...]]) -> ce.Trial:
    rows = np.array([row for one in strata for row in one])
    suite = np.repeat(np.arange(len(strata)), [len(one) for one in strata])
    # a stratum of one arm cannot be one of the randomisation
    by = len(strata) > 1 and all({row[0] for row in one} == {0, 1} for one in strata)
    names = tuple(f"s{k}" for k in range(len(strata)))
    assignment = ce.Assignment(
        arm=rows[:, 0],
        arms=("court", "contract"),
        stratum=suite if by else np.zeros_like(suite),
        strata=names if by else ("all",),
        stratified_by=("suite",) if by else (),
    )
    outcomes = {
        "death": TimeToEvent(time=rows[:, 1], event=rows[:, 2]),
        "custody": TimeToEvent(time=rows[:, 3], event=rows[:, 4]),
    }
    columns = {"suite": Covariate(name="suite", values=suite, levels=names)}
    return ce.Trial(assignment=assignment, outcomes=outcomes, columns=columns)


def asked(trial: ce.Trial, measure: Any = "win ratio", **how: Any) -> ce.Estimate:
    return win_ratio(trial, **({"outcomes": ["death", "custody"], "measure": measure} | how))


def is_wald(found: ce.Estimate, value: float, variance: float) -> None:
    """The estimate, its error, its limits and its p, on the log scale if a ratio."""
    at = value if found.scale == "difference" else log(value)
    turn = (lambda x: x) if found.scale == "difference" else exp
    error = sqrt(variance)
    got = [found.value, found.std_error, found.low, found.high, found.p_value]
    want = [value, error, turn(at - Z * error), turn(at + Z * error)]
    assert got == pytest.approx([*want, erfc(abs(at) / error / sqrt(2))], rel=EXACT)


def test_win_ratio_of_five_people() -> None:
    """4 wins, 1 loss. Shares won by C, D, E: 1, 1/2, 1/2, lost: 0, 0, 1/2; of A: 1, 0, of B: 1/3,
    1/3.

    Divided by the means 2/3 and 1/6, won less lost is 3/2, 3/4, -9/4 with squares 7.875, of A and B
    3/2, -3/2 with squares 4.5: variance 7.875 / 2 / 3 + 4.5 / 1 / 2 = 3.5625.
    """
    found = asked(read(FIVE))
    is_wald(found, 4.0, 3.5625)
    assert found.by_arm == pytest.approx((1 / 6, 4 / 6), rel=EXACT)
    assert METHOD in found.method
    assert "above 1 is in favour of treatment, unlike a hazard ratio" in found.method
    assert "log scale" in found.method
    assert (found.n, found.events, found.missing) == ((2, 3), (2, 2), (0, 0))
    assert (found.outcome, found.unit) == ("death, then custody", "days")
    assert (found.contrast, found.scale) == (("contract", "court"), "ratio")


def test_win_odds_of_five_people() -> None:
    """
    (4 + 1/2) / (1 + 1/2). With the tie halved C, D, E win 1, 3/4, 1/2: 4/3, 0, -4/3 after division
    by the means 3/4 and 1/4; of A and B 4/3, -4/3: 32/9 (1 / 2 / 3 + 1 / 1 / 2) = 64/27.
    """
    found = asked(read(FIVE), "win odds")
    is_wald(found, 3.0, 64 / 27)
    assert found.by_arm == pytest.approx((1 / 4, 3 / 4), rel=EXACT)


def test_net_benefit_of_five_people() -> None:
    """(4 - 1) / 6. C, D, E: 1, 1/2, 0; A, B: 1, 0: 0.25 / 3 + 0.5 / 2 = 1/3."""
    found = asked(read(FIVE), "net benefit")
    is_wald(found, 0.5, 1 / 3)
    assert "above 0 is in favour of treatment" in found.method
    assert "log" not in found.method


def test_every_pair_is_known_by_person() -> None:
    trial = read(FIVE)
    courses = [wins._course(trial.outcome(k), np.arange(5)) for k in ("death", "custody")]
    found = wins._fought(courses, trial.assignment.arm)
    # A to E: pairs that control won, that treatment won
    assert found.won.tolist() == [[0, 3], [1, 1], [0, 2], [0, 1], [1, 1]]
    assert found.decided.tolist() == [4, 1]
    assert found.pairs == 6


def test_order_of_importance_matters() -> None:
    """Custody first: C beats both, E beats both, D beats A and ties with B, nobody loses."""
    found = asked(read(FIVE), "net benefit", outcomes=["custody", "death"])
    assert found.by_arm == pytest.approx((0, 5 / 6), rel=EXACT)
    assert "custody decided 83.3%, death decided 0.0%, tied 16.7%" in found.method


def test_strata_are_weighed_by_mantel_and_haenszel() -> None:
    """
    Weights 6/5 and 4/4, so 6/11 and 5/11. Won 6/11 2/3 + 5/11 1/4 = 21/44, lost 14/44.

    Net benefit: 1/3 in the first as above. In the second F, G: -1, 1/2, squares 1.125; H, I:
    0, -1/2, squares 0.125: 1.125 / 2 + 0.125 / 2 = 0.625. Together (36/3 + 25 0.625) / 121.
    """
    trial = read(FIVE, SECOND)
    assert asked(trial).value == pytest.approx(21 / 14, rel=EXACT)
    assert asked(trial).by_arm == pytest.approx((14 / 44, 21 / 44), rel=EXACT)
    found = asked(trial, "net benefit")
    is_wald(found, 7 / 44, 27.625 / 121)
    assert "of 10 pairs death decided 70.0%, custody decided 10.0%, tied 20.0%" in found.method
    assert "stratified by suite" in found.method
    pooled = asked(trial, "net benefit", strata=())
    assert "of 20 pairs" in pooled.method
    assert "unstratified" in pooled.method


def test_a_stratum_of_one_arm_compares_nothing() -> None:
    for lone in ([A, B], [C, D, E], [A]):
        found, alone = asked(read(FIVE, lone), strata="suite"), asked(read(FIVE))
        assert found.value == pytest.approx(alone.value, rel=EXACT)
        assert found.std_error == pytest.approx(alone.std_error, rel=EXACT)
        assert "1 of 2 strata hold one arm only and compare nothing" in found.method
        assert "alone" not in found.method
        assert sum(found.n) == 5 + len(lone)


def test_someone_alone_is_set_against_the_mean_of_all() -> None:
    """
    Weights 6/5 and 2/3, so 9/14 and 5/14: net benefit 9/14 1/2 + 5/14 1 = 19/28. The one treated
    wins all, 9/28 above it; both controls always lose. 81/196 1/3 + 25/196 (9/28)^2.
    """
    found = asked(read(FIVE, ALONE), "net benefit")
    is_wald(found, 19 / 28, 81 / 196 / 3 + 25 / 196 * 81 / 784)
    assert "1 person alone in an arm of a stratum" in found.method
    assert "alone" not in asked(read(FIVE, SECOND)).method


def test_numbers_and_yes_or_no_are_better_when_less() -> None:
    """Treated 2, 7 and 7; control 4 and 7: one wins both, the two others lose one and tie one."""
    assignment = ce.Assignment(
        arm=[0, 0, 1, 1, 1], arms=("court", "contract"), stratum=np.zeros(5, dtype=int)
    )
    yes = BinaryOutcome(value=[0, 1, 0, 1, 1])  # wins 1, loses 2, ties 3
    trial = ce.Trial(
        assignment=assignment,
        outcomes={"harm": NumericOutcome(value=[4, 7, 2, 7, 7.0]), "any": yes},
    )
    found = win_ratio(trial, outcomes="harm", measure="net benefit")
    assert found.by_arm == pytest.approx((2 / 6, 2 / 6), rel=EXACT)
    assert "the smaller harm wins" in found.method
    assert (found.events, found.unit) == ((), "")
    found = win_ratio(trial, outcomes="any")
    assert found.by_arm == pytest.approx((2 / 6, 1 / 6), rel=EXACT)
    assert found.value == pytest.approx(1 / 2, rel=EXACT)
    assert found.events == (1, 2)
    found = win_ratio(trial, outcomes=["any", "harm"], measure="win odds")
    assert found.by_arm == pytest.approx((2 / 6 + 1 / 6, 2 / 6 + 1 / 6), rel=EXACT)


def test_who_is_not_known_in_full_is_counted_and_left_out() -> None:
    whole = read(FIVE)
    extra = [(0, 1, 1, 1, 0), (1, 1, 1, 1, 0), (1, 2, 1, 2, 0)]
    wider = read(FIVE + extra)
    lacking = {
        "death": np.arange(8) == 5,
        "custody": np.isin(np.arange(8), [5, 6, 7]),
    }
    outcomes = {
        name: TimeToEvent(
            time=wider.outcome(name).time, event=wider.outcome(name).event, missing=lacking[name]
        )
        for name in lacking
    }
    found = asked(ce.Trial(assignment=wider.assignment, outcomes=outcomes))
    assert (found.n, found.missing) == ((2, 3), (1, 2))
    assert found.value == asked(whole).value
    assert found.std_error == asked(whole).std_error


def test_nobody_loses() -> None:
    """Death alone, without E: A loses to C and D, B ties; the net benefit is 1/2."""
    trial = read(FIVE[:4])
    found = asked(trial, outcomes="death")
    assert not found.estimable
    assert "not estimable: treatment loses no pair" in found.method
    assert "of 4 pairs death decided 50.0%, tied 50.0%" in found.method
    # C, D: 1/2, 1/2; A, B: 1, 0: variance 0.5 / 2
    is_wald(asked(trial, "net benefit", outcomes="death"), 0.5, 0.25)
    # (2 + 1) / (0 + 1); A, B: 1 and 1/2 won over 3/4, less 0 and 1/2 lost over 1/4
    is_wald(asked(trial, "win odds", outcomes="death"), 3.0, 32 / 9 / 2)
