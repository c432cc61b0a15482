"""Competing causes, weights and proportionality worked by hand, and laws that they obey."""

from __future__ import annotations

from fractions import Fraction as F
from math import exp, log, sqrt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import norm

import checkpoint_eval as ce
from checkpoint_eval.models import (
    Gehan,
    ModestlyWeighted,
    PetoPeto,
    TaroneWare,
    cumulative_incidence,
    fine_gray,
    gray_test,
    incidence_difference,
    logrank_test,
    maxcombo_test,
    proportional_hazards_test,
    subdistribution_hazard_ratio,
)
from checkpoint_eval.outcomes import Covariate, TimeToEvent

EXACT = 1e-12  # the same closed form, rounded along the way
FITTED = 1e-7  # an iterated maximum against a closed form or another iterated maximum
REORDERED = 1e-10  # sums over some 80 people in another order
CENSORED, EVENT, DEATH, MOVE = 0, 1, 2, 3


def trial_of(
    rows: list[tuple[int, float, int]],
    *,
    arms: tuple[str, ...] = ("a", "b"),
    causes: tuple[str, ...] = ("death", "move"),
    **columns: Any,
) -> ce.Trial:
    """Rows of arm, time, kind."""
    arm, time, kind = (np.array(column) for column in zip(*rows, strict=True))
    ids = columns.pop("ids", np.arange(len(arm)).astype(str))
    outcome = TimeToEvent(
        time=time.astype(float),
        event=kind == EVENT,
        unit="weeks",
        competing=np.maximum(kind - 1, 0),
        causes=causes,
    )
    return ce.Trial(
        assignment=ce.Assignment(arm=arm, arms=arms, stratum=np.zeros(len(arm), int)),
        outcomes={"end": outcome},
        columns={
            name: Covariate(name=name, values=np.asarray(values, float))
            for name, values in columns.items()
        },
        covariates=tuple(columns),
        ids=ids,
    )


# Arm a: r = 4, 3, 2, 1; S = 3/4, 1/2, 1/2, 0. Arm b: r = 4, 3, 2, 1; S = 3/4, 1/2, 1/4, 1/4.
EIGHT = [
    *((0, 1, EVENT), (0, 2, DEATH), (0, 3, CENSORED), (0, 4, EVENT)),
    *((1, 2, EVENT), (1, 3, DEATH), (1, 4, EVENT), (1, 5, CENSORED)),
]


def test_incidence_of_eight_people() -> None:
    """F adds up S(t-) d / r."""
    found = cumulative_incidence(trial_of(EIGHT), outcome="end")
    assert found.causes == ("end", "death", "move")
    assert found.time.tolist() == [1, 2, 3, 4, 5]
    quarter = 0.25
    assert found.incidence[0] == pytest.approx(
        quarter * np.array([[1, 1, 1, 3, 3], [0, 1, 1, 2, 2]]), abs=EXACT
    )
    assert found.incidence[1] == pytest.approx(
        quarter * np.array([[0, 1, 1, 1, 1], [0, 0, 1, 1, 1]]), abs=EXACT
    )
    assert (found.incidence[2] == 0).all()
    assert found.at_risk.tolist() == [[4, 3, 2, 1, 0], [4, 4, 3, 2, 1]]
    assert found.events[0].tolist() == [[1, 0, 0, 1, 0], [0, 1, 0, 1, 0]]
    assert found.events[1].tolist() == [[0, 1, 0, 0, 0], [0, 0, 1, 0, 0]]


def test_variance_of_incidence_of_eight_people() -> None:
    """At time 4; f is how much of the later incidence each event takes away."""
    found = cumulative_incidence(trial_of(EIGHT), outcome="end")
    first = (1 - F(2, 3)) ** 2 * F(1, 16)  # time 1: f = (3/4 - 1/4) 1 / (3/4)
    death = F(3, 4) ** 2 * F(1, 9)  # time 2: f = (3/4 - 1/4) (3/4) / (1/2)
    last = F(1, 2) ** 2 * F(1, 1)  # time 4: nothing later
    assert first + death + last == F(23, 72)
    assert found.std_error[0, 0, 3] == pytest.approx(sqrt(F(23, 72)), rel=EXACT)
    first = (1 - F(1, 3)) ** 2 * F(1, 16)
    death = F(3, 8) ** 2 * F(1, 9)
    last = F(1, 2) ** 2 * F(1, 4)
    assert first + death + last == F(61, 576)
    assert found.std_error[0, 1, 3] == pytest.approx(sqrt(F(61, 576)), rel=EXACT)
    low, high = found.low[0, 1, 3], found.high[0, 1, 3]
    width = 1.959963984540054 * sqrt(F(61, 576)) / (0.5 * log(2))
    assert low == pytest.approx(1 - exp(-log(2) * exp(-width)), rel=EXACT)
    assert high == pytest.approx(1 - exp(-log(2) * exp(width)), rel=EXACT)
    assert np.isnan(found.low[0, 1, 0])
    assert np.isnan(found.high[2]).all()


def test_difference_in_incidence_of_eight_people() -> None:
    """1/2 - 3/4; variances add up."""
    found = incidence_difference(trial_of(EIGHT), outcome="end", at=4)
    assert found.value == pytest.approx(-0.25, rel=EXACT)
    assert found.std_error == pytest.approx(sqrt(F(23, 72) + F(61, 576)), rel=EXACT)
    assert found.by_arm == pytest.approx((0.75, 0.5), rel=EXACT)
    assert found.contrast == ("b", "a")
    deaths = incidence_difference(trial_of(EIGHT), outcome="end", at=2.5, cause="death")
    assert deaths.value == pytest.approx(-0.25, rel=EXACT)
    # The event at 1 takes away f = (1/4) 1 / (3/4); nobody has died in b.
    assert deaths.std_error == pytest.approx(sqrt(F(1, 144) + F(9, 16) * F(1, 9)), rel=EXACT)


# One event, at 2. Arm a: S(2-) = 2/3 by the death, two at risk. Arm b: S(2-) = 1, two at risk.
SIX = [
    *((0, 1, DEATH), (0, 2, EVENT), (0, 3, CENSORED)),
    *((1, 1, CENSORED), (1, 3, CENSORED), (1, 3, CENSORED)),
]


def test_gray_of_six_people() -> None:
    """R = r (1 - F) / S: 3 against 2, so treatment expects 2/5."""
    score = 0 - F(2, 5)
    jump = 2 * (1 - F(2, 5))  # of b by its own event; by one in a it is minus that
    own = jump**2 * (F(2, 3) / (5 * 2) + F(1) / (5 * 2))  # times S(2-) d / (R r) of each arm
    death = (F(3, 2) * jump / 5) ** 2 * F(1, 9)  # (1 - F) / S_a times the later slope
    assert own + death == F(159, 625)
    found = gray_test(trial_of(SIX), outcome="end")
    assert found.statistic == pytest.approx(float(score) / sqrt(own + death), rel=EXACT)
    assert found.p_value == pytest.approx(2 * norm.sf(10 / sqrt(159)), rel=EXACT)
    assert (found.df, found.n) == (1, (3, 3))


def test_fine_gray_of_six_people() -> None:
    """After the death the weight is 5/6, as one of six was censored at 1.

    -2 h / (17/6 + 2 h) + 1 - 2 h / (11/6 + 2 h) = 0, so that 4 h^2 = (11/6) (17/6).
    """
    rows = [
        *((0, 1, DEATH), (0, 2, EVENT), (0, 4, CENSORED)),
        *((1, 1, CENSORED), (1, 3, EVENT), (1, 4, CENSORED)),
    ]
    h = sqrt(187) / 12
    found = subdistribution_hazard_ratio(trial_of(rows), outcome="end")
    assert found.value == pytest.approx(h, rel=FITTED)
    arm, time, kind = (np.array(column) for column in zip(*rows, strict=True))
    fit = fine_gray(arm[:, None].astype(float), time.astype(float), kind)
    assert fit.coef == pytest.approx([log(h)], abs=FITTED)
    assert fit.loglik_null == pytest.approx(-log(29 / 6) - log(23 / 6), rel=EXACT)
    loglik = -log(17 / 6 + 2 * h) + log(h) - log(11 / 6 + 2 * h)
    assert fit.loglik == pytest.approx(loglik, rel=EXACT)


# At risk (a, b) and who has it: 1: 3, 3, a; 2: 2, 3, b; 3: 2, 1, a; 5: 0, 1, b.
WEIGHED = [
    *((0, 1, EVENT), (0, 3, EVENT), (0, 4, CENSORED)),
    *((1, 2, EVENT), (1, 2.5, DEATH), (1, 5, EVENT)),
]
EXCESS = np.array([-1 / 2, 2 / 5, -1 / 3])  # of b; at 5 only b is left
VARIANCE = np.array([1 / 4, 6 / 25, 2 / 9])


@pytest.mark.parametrize(
    ("weight", "w"),
    [
        (Gehan(), [6, 5, 3]),
        (TaroneWare(), [sqrt(6), sqrt(5), sqrt(3)]),
        (PetoPeto(), [6 / 7, 5 / 7, 15 / 28]),
        (ModestlyWeighted(until=2.5), [1, 6 / 5, 3 / 2]),
        (ModestlyWeighted(until=3), [1, 6 / 5, 3 / 2]),
        (ModestlyWeighted(until=2), [1, 6 / 5, 6 / 5]),
        (ModestlyWeighted(until=1), [1, 1, 1]),
        (ModestlyWeighted(until=99), [1, 6 / 5, 3 / 2]),
        (ModestlyWeighted(survival=0.9), [1, 10 / 9, 10 / 9]),
        (ModestlyWeighted(survival=0.01), [1, 6 / 5, 3 / 2]),
    ],
)
def test_weights_of_six_people(weight: Any, w: list[float]) -> None:
    """Whom another cause took is censored; S(t-) is 1, 5/6, 2/3."""
    z = np.dot(w, EXCESS) / sqrt(np.dot(np.square(w), VARIANCE))
    found = logrank_test(trial_of(WEIGHED), outcome="end", weight=weight)
    assert found.statistic == pytest.approx(z, rel=EXACT)


def test_maxcombo_of_six_people() -> None:
    """Log-rank z = -13 / sqrt(641), Gehan z = -2 / sqrt(17), covariance 101/30."""
    correlation = (101 / 30) / sqrt(641 / 900 * 17)
    c = 13 / sqrt(641)
    rest = sqrt(1 - correlation**2)

    def inside(z: float) -> float:
        low, high = ((side - correlation * z) / rest for side in (-c, c))
        return float(norm.pdf(z) * (norm.cdf(high) - norm.cdf(low)))

    weights = [Gehan(), ce.FlemingHarrington()]
    found = maxcombo_test(trial_of(WEIGHED), outcome="end", weights=weights)
    assert found.statistic == pytest.approx(-c, rel=EXACT)
    assert found.p_value == pytest.approx(1 - quad(inside, -c, c)[0], abs=2e-6)


def test_the_same_weight_twice_costs_nothing() -> None:
    twice = maxcombo_test(trial_of(WEIGHED), outcome="end", weights=[Gehan(), Gehan()])
    once = logrank_test(trial_of(WEIGHED), outcome="end", weight=Gehan())
    assert twice.statistic == pytest.approx(once.statistic, rel=EXACT)
    assert twice.p_value == pytest.approx(once.p_value, abs=2e-6)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("transform", ["km", "rank", "identity", "log"])
def test_proportionality_of_four_people(transform: str, ties: str) -> None:
    """Two events, p1 = 2 - sqrt 2 and p2 = sqrt 2 - 1 to be b's at h = sqrt 2.

    Both have variance v = p1 p2; with g = 0, 1 the score is -p2 and its information v / 2, so
    the chi-square is 2 p2 / p1 = sqrt 2; g of two times is straight, so any g tells the same.
    """
    rows = [(1, 1, EVENT), (0, 2, EVENT), (1, 3, CENSORED), (0, 3, CENSORED)]
    found = proportional_hazards_test(trial_of(rows), outcome="end", transform=transform, ties=ties)
    assert found.statistic == pytest.approx([sqrt(2)], rel=FITTED)
    assert found.global_statistic == pytest.approx(sqrt(2), rel=FITTED)
    assert found.p_value == pytest.approx([2 * norm.sf(2**0.25)], rel=FITTED)


# ---------------------------------------------------------------------------------------- laws


def drawn(seed: int, *, n: int = 80, arms: int = 2, ties: bool = True) -> pd.DataFrame:
    """Two competing causes, censoring, some ties."""
    rng = np.random.default_rng(seed)
    arm = rng.permutation(np.resize(np.arange(arms), n))
    x = np.round(rng.normal(size=n), 2)
    rate = np.array([0.15, 0.08, 0.05]) * np.exp(np.outer(0.4 * arm + 0.3 * x, [1, -1, 0.5]))
    every = np.column_stack([rng.uniform(3, 12, n), rng.exponential(1 / rate)])
    time = every.min(axis=1)
    time = np.ceil(time) if ties else time
    place = rng.integers(0, 2, n)
    return pd.DataFrame(
        {"arm": arm, "time": time, "kind": every.argmin(axis=1), "x": x, "place": place}
    )


def read(table: pd.DataFrame, **options: Any) -> ce.Trial:
    rows = list(table[["arm", "time", "kind"]].itertuples(index=False, name=None))
    arms = tuple("abcd")[: table["arm"].max() + 1]
    columns = {"x": table["x"].to_numpy(), "place": table["place"].to_numpy()}
    return trial_of(rows, **({"arms": arms} | columns | options))


@pytest.mark.parametrize("ties", [True, False])
def test_all_incidences_and_nothing_add_up_to_one(ties: bool) -> None:
    table = drawn(1, ties=ties)
    found = cumulative_incidence(read(table), outcome="end")
    anything = ce.Trial.from_frame(
        table.assign(any=table["kind"] > 0),
        arm="arm",
        control=0,
        times={"any": ("time", "any", "weeks")},
    )
    curve = ce.survival_curve(anything, outcome="any")
    for arm in (0, 1):
        watched = curve.at_risk[arm] > 0
        free = curve.survival[arm][watched]
        at = np.searchsorted(found.time, curve.time[watched], side="right") - 1
        whole = np.where(at < 0, 0, found.incidence[:, arm, np.maximum(at, 0)].sum(axis=0))
        assert whole + free == pytest.approx(np.ones(len(free)), abs=EXACT)


def test_incidence_of_two_causes_taken_as_one_is_their_sum() -> None:
    table = drawn(2)
    apart = cumulative_incidence(read(table), outcome="end")
    merged = table.assign(kind=np.minimum(table["kind"], DEATH))
    together = cumulative_incidence(read(merged), outcome="end")
    assert together.time.tolist() == apart.time.tolist()
    assert together.incidence[0] == pytest.approx(apart.incidence[0], abs=EXACT)
    assert together.std_error[0] == pytest.approx(apart.std_error[0], abs=EXACT)
    assert together.incidence[1] == pytest.approx(apart.incidence[1:].sum(axis=0), abs=EXACT)
    for verb in (gray_test, subdistribution_hazard_ratio):
        pair = [verb(read(t), outcome="end") for t in (table, merged)]
        assert pair[0].p_value == pytest.approx(pair[1].p_value, rel=FITTED)


def test_a_cause_made_the_event_is_that_cause() -> None:
    table = drawn(3)
    swapped = read(table.assign(kind=table["kind"].replace({EVENT: DEATH, DEATH: EVENT})))
    trial = read(table)
    curves = [cumulative_incidence(t, outcome="end") for t in (trial, swapped)]
    for field in ("incidence", "std_error"):
        one, other = (getattr(curve, field) for curve in curves)
        assert one[1] == pytest.approx(other[0], abs=EXACT)
    for verb in (gray_test, subdistribution_hazard_ratio):
        one = verb(trial, outcome="end", cause="death")
        assert one.p_value == pytest.approx(verb(swapped, outcome="end").p_value, rel=EXACT)
    one = incidence_difference(trial, outcome="end", cause="death", at=4)
    other = incidence_difference(swapped, outcome="end", at=4)
    assert (one.value, one.std_error) == pytest.approx((other.value, other.std_error), rel=EXACT)


def alone(seed: int, *, ties: bool = True, n: int = 80) -> pd.DataFrame:
    """Nobody has another cause."""
    table = drawn(seed, ties=ties, n=n)
    return table.assign(kind=np.where(table["kind"] == EVENT, EVENT, CENSORED))


@pytest.mark.parametrize("ties", [True, False])
def test_without_competitors_incidence_is_one_minus_kaplan_meier(ties: bool) -> None:
    """Aalen's variance has d / ((r - d) (r - 1)) where Greenwood's has d / (r (r - d))."""
    trial = read(alone(4, ties=ties))
    found = cumulative_incidence(trial, outcome="end")
    curve = ce.survival_curve(trial, outcome="end")
    at = np.searchsorted(curve.time, found.time)
    for arm in (0, 1):
        watched = found.at_risk[arm] > 0
        survival = curve.survival[arm][at]
        assert found.incidence[0, arm][watched] == pytest.approx(1 - survival[watched], abs=EXACT)
        r, d = curve.at_risk[arm], curve.events[arm]
        spread = [d_ / ((r_ - d_) * (r_ - 1)) if d_ else 0 for r_, d_ in zip(r, d, strict=True)]
        error = survival * np.sqrt(np.cumsum(spread)[at])
        assert found.std_error[0, arm][watched] == pytest.approx(error[watched], rel=REORDERED)


def test_without_competitors_gray_has_the_excess_of_the_log_rank() -> None:
    """1 - F(t-) = S(t-), so R = r; the variances estimate one thing in two ways.

    With one event time and no ties in it they are one: d p (1 - p).
    """
    rows = [(0, 2, EVENT), (0, 3, 0), (0, 3, 0), (1, 1, 0), (1, 3, 0), (1, 3, 0)]
    gray, logrank = (verb(trial_of(rows), outcome="end") for verb in (gray_test, logrank_test))
    assert gray.statistic == pytest.approx(-sqrt(2 / 3), rel=EXACT)
    assert gray.statistic == pytest.approx(logrank.statistic, rel=EXACT)
    trial = read(alone(5, ties=False, n=2000))
    gray, logrank = (verb(trial, outcome="end") for verb in (gray_test, logrank_test))
    # Estimates of one variance from 1000 events differ by a few in a hundred.
    assert gray.statistic / logrank.statistic == pytest.approx(1, abs=0.03)
    assert gray.statistic != logrank.statistic


@pytest.mark.parametrize("ties", [True, False])
def test_without_competitors_fine_gray_is_cox_with_breslow_ties_and_robust_errors(
    ties: bool,
) -> None:
    trial = read(alone(6, ties=ties))
    found = subdistribution_hazard_ratio(trial, outcome="end", adjust="x")
    cox = ce.fit_cox(trial, outcome="end", adjust="x", ties="breslow", robust=True)
    assert log(found.value) == pytest.approx(cox.coef[0], abs=FITTED)
    assert found.std_error == pytest.approx(cox.std_error[0], rel=FITTED)


@pytest.mark.parametrize("ties", [True, False])
def test_without_censoring_fine_gray_is_cox_with_competitors_kept_for_ever(ties: bool) -> None:
    """Nobody's censoring is to be estimated, so nothing is added to the robust error."""
    table = drawn(7, ties=ties)
    table = table[table["kind"] != CENSORED]
    kept = table.assign(
        time=np.where(table["kind"] == EVENT, table["time"], 99.0),
        kind=np.where(table["kind"] == EVENT, EVENT, CENSORED),
    )
    found = subdistribution_hazard_ratio(read(table), outcome="end", adjust="x")
    cox = ce.fit_cox(read(kept), outcome="end", adjust="x", ties="breslow", robust=True)
    assert log(found.value) == pytest.approx(cox.coef[0], abs=FITTED)
    assert found.std_error == pytest.approx(cox.std_error[0], rel=FITTED)


def test_without_censoring_incidence_is_a_share() -> None:
    table = drawn(8)
    table = table[table["kind"] != CENSORED]
    found = cumulative_incidence(read(table), outcome="end")
    for arm, people in table.groupby("arm"):
        for c, kind in enumerate((EVENT, DEATH, MOVE)):
            mine = people["time"].to_numpy()[people["kind"] == kind]
            share = (mine[:, None] <= found.time).sum(axis=0) / len(people)
            assert found.incidence[c, arm] == pytest.approx(share, abs=EXACT)


WEIGHTS = [Gehan(), TaroneWare(), PetoPeto(), ModestlyWeighted(until=4)]
VERBS: dict[str, Any] = {
    "gray": lambda t: gray_test(t, outcome="end"),
    "gray of deaths": lambda t: gray_test(t, outcome="end", cause="death"),
    "gray in places": lambda t: gray_test(t, outcome="end", strata="place"),
    "maxcombo": lambda t: maxcombo_test(t, outcome="end"),
    "maxcombo in places": lambda t: maxcombo_test(t, outcome="end", strata="place"),
} | {
    type(w).__name__: lambda t, w=w: logrank_test(t, outcome="end", weight=w, strata="place")
    for w in WEIGHTS
}


@pytest.mark.parametrize("name", VERBS)
def test_swapped_arms_swap_the_sign_of_a_test(name: str) -> None:
    table = drawn(9)
    swapped = table.assign(arm=1 - table["arm"])
    one, other = (VERBS[name](read(t)) for t in (table, swapped))
    assert one.statistic == pytest.approx(-other.statistic, rel=REORDERED)
    assert one.p_value == pytest.approx(other.p_value, rel=1e-9, abs=2e-6 * ("max" in name))


def test_swapped_arms_swap_the_sign_of_an_estimate() -> None:
    table = drawn(9)
    trials = [read(t) for t in (table, table.assign(arm=1 - table["arm"]))]
    one, other = (incidence_difference(t, outcome="end", at=4) for t in trials)
    assert one.value == pytest.approx(-other.value, rel=REORDERED)
    assert one.std_error == pytest.approx(other.std_error, rel=REORDERED)
    one, other = (subdistribution_hazard_ratio(t, outcome="end", adjust="x") for t in trials)
    assert one.value * other.value == pytest.approx(1, rel=FITTED)
    assert one.std_error == pytest.approx(other.std_error, rel=FITTED)
    one, other = (proportional_hazards_test(t, outcome="end", adjust="x") for t in trials)
    assert one.statistic == pytest.approx(other.statistic, rel=FITTED)


@pytest.mark.parametrize("name", ["gray", "gray in places", "Gehan", "PetoPeto"])
def test_three_arms_may_be_named_in_any_order(name: str) -> None:
    table = drawn(10, arms=3)
    turned = table.assign(arm=(table["arm"] + 1) % 3)
    one, other = (VERBS[name](read(t)) for t in (table, turned))
    assert one.statistic == pytest.approx(other.statistic, rel=1e-9)
    assert one.df == other.df == 2


MORE = VERBS | {
    "incidence": lambda t: cumulative_incidence(t, outcome="end"),
    "difference": lambda t: incidence_difference(t, outcome="end", at=4, cause="move"),
    "ratio": lambda t: subdistribution_hazard_ratio(t, outcome="end", adjust="x"),
    "proportional": lambda t: proportional_hazards_test(t, outcome="end", adjust="x"),
}
TOLD = {
    "incidence": ("time", "at_risk", "events", "incidence", "std_error", "low", "high"),
    "difference": ("value", "std_error", "low", "high", "p_value"),
    "ratio": ("value", "std_error", "low", "high", "p_value"),
    "proportional": ("statistic", "global_statistic", "p_value"),
}


def numbers(name: str, found: Any) -> list[np.ndarray]:
    return [np.asarray(getattr(found, field)) for field in TOLD.get(name, ("statistic", "p_value"))]


@pytest.mark.parametrize("name", MORE)
def test_neither_order_nor_names_of_rows_matter(name: str) -> None:
    table = drawn(11)
    mixed = table.sample(frac=1, random_state=1)
    names = np.array([f"person {i}" for i in range(len(table))])[::-1]
    one, other = MORE[name](read(table)), MORE[name](read(mixed, ids=names))
    for value, again in zip(numbers(name, one), numbers(name, other), strict=True):
        assert value == pytest.approx(again, rel=1e-9, abs=2e-6 * ("max" in name), nan_ok=True)


@pytest.mark.parametrize("name", MORE)
def test_the_same_question_has_the_same_answer(name: str) -> None:
    """To the last bit, p of the joint normal too."""
    one, other = (numbers(name, MORE[name](read(drawn(12)))) for _ in range(2))
    for value, again in zip(one, other, strict=True):
        assert value.tobytes() == again.tobytes()


def test_a_unit_of_time_does_not_matter() -> None:
    """Weeks or days; g(t) = t, too."""
    weeks = drawn(13)
    days = weeks.assign(time=7 * weeks["time"])
    for name in ("gray", "ratio", "Gehan"):
        one, other = (numbers(name, MORE[name](read(t))) for t in (weeks, days))
        assert one[0] == pytest.approx(other[0], rel=REORDERED)
    for transform in ("km", "rank", "identity", "log"):
        one, other = (
            proportional_hazards_test(read(t), outcome="end", transform=transform)
            for t in (weeks, days)
        )
        assert one.statistic == pytest.approx(other.statistic, rel=FITTED)


def test_a_stratum_of_one_arm_compares_nothing() -> None:
    table = drawn(14)
    third = table.assign(place=np.where((table["arm"] == 1) & (table["x"] > 0), 2, table["place"]))
    two = third[third["place"] < 2]
    weights = {type(w).__name__: w for w in WEIGHTS}
    for ask in (
        lambda t: gray_test(t, outcome="end", strata="place"),
        lambda t: maxcombo_test(t, outcome="end", strata="place"),
        *(
            lambda t, w=w: logrank_test(t, outcome="end", strata="place", weight=w)
            for w in weights.values()
        ),
    ):
        one, other = ask(read(third)), ask(read(two))
        assert one.statistic == pytest.approx(other.statistic, rel=REORDERED)
        assert "1 of 3 strata hold" in one.method
    one, other = (
        proportional_hazards_test(read(t), outcome="end", strata="place", transform="identity")
        for t in (third, two)
    )
    assert one.statistic == pytest.approx(other.statistic, rel=FITTED)


def test_strata_apart_add_up() -> None:
    """One place's numbers at other times leave the sum of excess and variance."""
    table = drawn(15)
    shifted = table.assign(time=table["time"] + 100 * table["place"])
    one, other = (gray_test(read(t), outcome="end", strata="place") for t in (table, shifted))
    assert one.statistic == pytest.approx(other.statistic, rel=REORDERED)


def test_those_of_unknown_outcome_are_counted_and_left_out() -> None:
    table = drawn(16)
    gone = np.zeros(len(table), bool)
    gone[:7] = True
    trial = read(table)
    whole = trial.outcomes["end"]
    outcome = TimeToEvent(
        time=np.where(gone, np.nan, whole.time),
        event=whole.event & ~gone,
        unit="weeks",
        competing=np.where(gone, 0, whole.competing),
        causes=whole.causes,
        missing=gone,
    )
    lost = ce.Trial(
        assignment=trial.assignment,
        outcomes={"end": outcome},
        columns=trial.columns,
        covariates=trial.covariates,
    )
    rest = read(table[~gone])
    missing = tuple(np.bincount(table["arm"][gone], minlength=2).tolist())
    for name in MORE:
        one, other = MORE[name](lost), MORE[name](rest)
        for value, again in zip(numbers(name, one), numbers(name, other), strict=True):
            assert value == pytest.approx(again, rel=1e-9, abs=2e-6 * ("max" in name), nan_ok=True)
        if name != "proportional":
            assert tuple(one.missing) == missing
