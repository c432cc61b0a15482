"""Laws of two proportions and of adjusted risks."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, hypergeom, norm
from strategies import (
    OUTCOME,
    SOLVED,
    cells,
    cohorts,
    complement,
    doubled,
    followed,
    inverse,
    limits,
    mirrored,
    same,
    same_estimate,
    sensible,
    shuffled,
    swapped,
    swapped_trial,
    table_of,
    tables,
    trial_of,
    wald_dual,
)

import checkpoint_eval as ce
from checkpoint_eval.models.proportions import (
    TwoProportions,
    fisher_p,
    miettinen_nurminen_limits,
    newcombe_limits,
    point_estimate,
    score_statistic,
    wald_limits,
    wilson_limits,
)

MEASURES = ("difference", "ratio", "odds ratio")
NULLS = {"difference": 0.0, "ratio": 1.0, "odds ratio": 1.0}
VERBS = {"difference": ce.risk_difference, "ratio": ce.risk_ratio, "odds ratio": ce.odds_ratio}
LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)
measures = st.sampled_from(MEASURES)
levels = st.sampled_from(LEVELS)
# Score limits are roots found to a stated width; ratios of small tables run into the hundreds.
ROOT = 1e-6

INTERVALS = {
    "newcombe": lambda table, measure, level: newcombe_limits(table, level=level),
    "miettinen-nurminen": lambda table, measure, level: miettinen_nurminen_limits(
        table, measure, level=level
    ),
    "wald": lambda table, measure, level: wald_limits(table, measure, level=level),
}
METHODS = [
    ("newcombe", "difference"),
    *(("miettinen-nurminen", measure) for measure in MEASURES),
    *(("wald", measure) for measure in MEASURES),
]
methods = st.sampled_from(METHODS)


def interval(
    method: tuple[str, str], table: TwoProportions, level: float = 0.95
) -> tuple[float, float]:
    name, measure = method
    low, high = INTERVALS[name](table, measure, level)
    return float(low), float(high)


def value_of(table: TwoProportions, measure: Any) -> float:
    return float(point_estimate(table, measure))


def no_empty_cell(table: TwoProportions) -> bool:
    a, n0, b, n1 = cells(table)
    return 0 < a < n0 and 0 < b < n1


# --- one table ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@given(table=tables(), level=levels)
def test_swapping_arms_turns_interval(
    method: tuple[str, str], table: TwoProportions, level: float
) -> None:
    """Differences are negated, ratios inverted: 0 and infinity change places."""
    turn = np.negative if method[1] == "difference" else inverse
    assume(method[0] != "wald" or method[1] == "difference" or no_empty_cell(table))
    low, high = interval(method, table, level)
    same(interval(method, swapped(table), level), turn([high, low]), rel=ROOT)
    same(value_of(swapped(table), method[1]), turn(value_of(table, method[1])))


@pytest.mark.parametrize("method", [one for one in METHODS if one[1] != "ratio"])
@given(table=tables(), level=levels)
def test_counting_the_others_turns_interval(
    method: tuple[str, str], table: TwoProportions, level: float
) -> None:
    """Non-events for events: the difference is negated and the odds ratio inverted."""
    turn = np.negative if method[1] == "difference" else inverse
    assume(method[0] != "wald" or method[1] == "difference" or no_empty_cell(table))
    low, high = interval(method, table, level)
    same(interval(method, complement(table), level), turn([high, low]), rel=ROOT)
    same(value_of(complement(table), method[1]), turn(value_of(table, method[1])))


@pytest.mark.parametrize("method", METHODS)
@given(table=tables())
@example(table=table_of(0, 5, 0, 7))
@example(table=table_of(5, 5, 0, 7))
@example(table=table_of(0, 1, 1, 1))
@example(table=table_of(5, 5, 7, 7))
def test_intervals_hold_the_estimate_and_widen_with_level(
    method: tuple[str, str], table: TwoProportions
) -> None:
    assume(method[0] != "wald" or method[1] == "difference" or no_empty_cell(table))
    found = [interval(method, table, level) for level in LEVELS]
    value = value_of(table, method[1])
    if np.isnan(value):  # 0 / 0: no estimate, so no limits
        assert np.isnan(found).all()
        return
    slack = ROOT * (1 + abs(value)) if np.isfinite(value) else 0
    least, most = {"difference": (-1, 1)}.get(method[1], (0, np.inf))
    for low, high in found:
        assert low - slack <= value <= high + slack
        assert low <= high
        if method[0] != "wald":
            assert least - 1e-12 <= low
            assert high <= most + 1e-12
    for (low, high), (lower, higher) in pairwise(found):
        assert lower <= low + ROOT * max(1, abs(low))
        assert higher >= high - ROOT * max(1, abs(high)) if np.isfinite(high) else np.isinf(higher)


@given(tables(), measures, levels)
@example(table_of(1, 2, 15, 16), "odds ratio", 0.99)
def test_score_at_a_limit_is_the_quantile(
    table: TwoProportions, measure: Any, level: float
) -> None:
    """Plugged back in, the limits have the score statistic +z (low) and -z (high)."""
    z = norm.ppf(0.5 + level / 2)
    low, high = miettinen_nurminen_limits(table, measure, level=level)
    least, most = (-1, 1) if measure == "difference" else (0, np.inf)
    for limit, due in [(low, z), (high, -z)]:
        # At the edge of what a measure can be nothing is rejected, so there is no root.
        if least + 1e-6 < limit < most - 1e-6:
            same(score_statistic(table, measure, limit), due, rel=1e-5)


@given(tables(), measures)
def test_score_falls_and_is_nought_at_the_estimate(table: TwoProportions, measure: Any) -> None:
    value = value_of(table, measure)
    nulls = np.linspace(-0.9, 0.9, 19) if measure == "difference" else np.geomspace(0.05, 20, 19)
    scores = np.array([float(score_statistic(table, measure, np.asarray(x))) for x in nulls])
    if no_empty_cell(table):
        same(score_statistic(table, measure, np.asarray(value)), 0, rel=1e-7)
        assert (np.diff(scores) <= 1e-9).all()
        assert (np.sign(value - nulls) * scores >= -1e-9).all()


@given(tables())
def test_no_effect_is_one_hypothesis(table: TwoProportions) -> None:
    """At no effect the three scores are one: Pearson's chi-square times (N - 1) / N."""
    a, n0, b, n1 = cells(table)
    assume(0 < a + b < n0 + n1)
    scores = [float(score_statistic(table, m, np.asarray(NULLS[m]))) for m in MEASURES]
    same(scores, [scores[0]] * 3, rel=1e-8)
    pearson = chi2_contingency([[a, n0 - a], [b, n1 - b]], correction=False).statistic
    total = n0 + n1
    same(scores[0] ** 2, pearson * (total - 1) / total, rel=1e-8)
    assert scores[0] * (b / n1 - a / n0) >= 0


@given(tables(), levels)
def test_score_intervals_agree_about_no_effect(table: TwoProportions, level: float) -> None:
    a, n0, b, n1 = cells(table)
    assume(0 < a + b < n0 + n1)
    score = float(score_statistic(table, "difference", np.asarray(0.0)))
    z = norm.ppf(0.5 + level / 2)
    assume(abs(abs(score) - z) > 1e-4)  # a limit on the null itself: rounding decides
    for measure in MEASURES:
        low, high = interval(("miettinen-nurminen", measure), table, level)
        assert (low <= NULLS[measure] <= high) == (abs(score) < z)


@given(tables(), levels)
def test_more_people_alike_narrow_the_interval(table: TwoProportions, level: float) -> None:
    double = table_of(*(2 * x for x in cells(table)))
    for method in METHODS:
        if method[1] != "difference":
            continue
        low, high = interval(method, table, level)
        nearer, farther = interval(method, double, level)
        assert farther - nearer <= high - low + ROOT
        if method[0] == "wald":
            same(farther - nearer, (high - low) / np.sqrt(2))


@given(st.integers(1, 60), st.data(), levels)
def test_wilson_mirrors_and_inverts_the_score_test(n: int, data: Any, level: float) -> None:
    """Limits p solve (x/n - p)^2 = z^2 p (1 - p) / n."""
    x = data.draw(st.integers(0, n))
    low, high = (float(v) for v in wilson_limits(x, n, level=level))
    other = [float(v) for v in wilson_limits(n - x, n, level=level)]
    same([1 - high, 1 - low], other)
    assert -1e-12 <= low <= x / n + 1e-12
    assert x / n - 1e-12 <= high <= 1 + 1e-12
    z = norm.ppf(0.5 + level / 2)
    for p in (low, high):
        same((x / n - p) ** 2, z**2 * p * (1 - p) / n, rel=1e-9)


@given(st.lists(tables(), min_size=2, max_size=5), methods, levels)
def test_batch_of_tables_is_a_loop_of_single_ones(
    batch: list[TwoProportions], method: tuple[str, str], level: float
) -> None:
    assume(method[0] != "wald" or all(map(no_empty_cell, batch)))
    together = table_of(*np.array([cells(table) for table in batch]).T)
    low, high = INTERVALS[method[0]](together, method[1], level)
    for j, table in enumerate(batch):
        same([low[j], high[j]], interval(method, table, level))
        same(point_estimate(together, method[1])[j], value_of(table, method[1]))


# --- Fisher ------------------------------------------------------------------------------------


@given(tables())
def test_fisher_has_the_symmetries_of_its_table(table: TwoProportions) -> None:
    """Arms, events, and rows for columns: one p, above 0 and at most 1."""
    a, n0, b, n1 = cells(table)
    p = fisher_p(table)
    assert 0 < p <= 1
    same([fisher_p(swapped(table)), fisher_p(complement(table))], [p, p])
    if 0 < a + b < n0 + n1:
        same(fisher_p(table_of(a, a + b, n0 - a, n0 + n1 - a - b)), p)


@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_fisher_never_rejects_too_often(n0: int, n1: int, data: Any) -> None:
    """Over all tables with these margins, P(p <= p0) <= p0; and p0 is that sum itself."""
    total = data.draw(st.integers(0, n0 + n1))
    b = np.arange(max(0, total - n0), min(total, n1) + 1)
    chance = hypergeom.pmf(b, n0 + n1, total, n1)
    p = np.array([fisher_p(table_of(total - x, n0, x, n1)) for x in b])
    for one in p:
        same(chance[p <= one * (1 + 1e-9)].sum(), one)


@given(tables(most=15))
def test_farther_from_even_is_a_smaller_fisher_p(table: TwoProportions) -> None:
    """Moving an event from control to treatment beyond the likeliest table lowers p."""
    a, n0, b, n1 = cells(table)
    assume(b / n1 > a / n0)
    assume(a > 0)
    assume(b < n1)
    assert fisher_p(table_of(a - 1, n0, b + 1, n1)) <= fisher_p(table) + 1e-12


# --- the verbs ---------------------------------------------------------------------------------


def asked(measure: str, trial: ce.Trial, **how: Any) -> ce.Estimate:
    return VERBS[measure](trial, **({"outcome": "any"} | how))


@pytest.mark.parametrize("method", METHODS)
@given(cohorts(), levels, st.integers(0, 1000))
def test_verbs_count_and_ask_the_kernel(
    method: tuple[str, str], frame: pd.DataFrame, level: float, seed: int
) -> None:
    """One table out of the trial, in any order of people; swapped arms turn it."""
    name, measure = method
    how: dict[str, Any] = {"interval": name, "level": level}
    found = asked(measure, trial_of(frame), **how)
    same_estimate(asked(measure, trial_of(shuffled(frame, seed)), **how), found)
    sensible(found)
    n, x = frame.groupby("arm")["any"].size(), frame.groupby("arm")["any"].sum()
    table = table_of(x["control"], n["control"], x["treatment"], n["treatment"])
    assert found.n == (n["control"], n["treatment"])
    assert found.events == (x["control"], x["treatment"])
    if found.estimable:
        same(found.p_value, fisher_p(table))
        if not np.isnan(found.low):
            same(limits(found)[::2], interval(method, table, level))
        same(found.value, value_of(table, measure))
        other = asked(measure, swapped_trial(frame), **how)
        # An infinite ratio is stated; its inverse is 0 with the same limits turned.
        turn = np.negative if measure == "difference" else inverse
        same(limits(other), turn(limits(found)[::-1]), rel=ROOT)


@given(cohorts(), st.sampled_from(["newcombe", "miettinen-nurminen", "wald"]))
def test_risk_at_a_horizon_is_a_yes_or_no(frame: pd.DataFrame, name: Any) -> None:
    """Nobody censored before the horizon: events by then are a binary outcome."""
    horizon = 6.0
    seen = frame.assign(
        week=frame["week"].where(frame["arrest"] == 1, 12),
        any=((frame["arrest"] == 1) & (frame["week"] <= horizon)).astype(int),
    )
    trial = trial_of(seen)
    how: dict[str, Any] = {"interval": name}
    for measure in MEASURES:
        if measure != "difference" and name == "newcombe":
            continue
        timed = asked(measure, trial, outcome=OUTCOME, horizon=horizon, **how)
        binary = asked(measure, trial, **how)
        same_estimate(timed, binary)


@given(followed())
def test_risk_and_survival_are_each_other_s_rest(drawn: tuple[pd.DataFrame, float]) -> None:
    """Censored or not, the risk difference is the survival difference negated."""
    frame, horizon = drawn
    trial = trial_of(frame)
    risk = ce.risk_difference(trial, outcome=OUTCOME, horizon=horizon, interval="wald")
    survival = ce.survival_difference(trial, outcome=OUTCOME, at=horizon)
    assume(risk.estimable)
    assume(survival.estimable)
    # Without censoring Wald's p (1 - p) / n is Greenwood's; with it the limits are Greenwood's.
    same(limits(risk), np.negative(limits(survival)[::-1]))
    same(risk.by_arm, np.subtract(1, survival.by_arm))


@given(cohorts(), st.lists(st.booleans(), min_size=24, max_size=24), measures)
def test_missing_outcomes_are_counted_and_left_out(
    frame: pd.DataFrame, lost: list[bool], measure: str
) -> None:
    gone = np.array(lost)[: len(frame)]
    kept = frame[~gone]
    assume(kept["arm"].nunique() == 2)
    trial = trial_of(frame.assign(any=frame["any"].astype(float).mask(gone)))
    one, two = asked(measure, trial), asked(measure, trial_of(kept))
    assert tuple(np.add(one.n, one.missing)) == trial.assignment.counts
    assert (one.n, one.events) == (two.n, two.events)
    same([*limits(one), one.p_value], [*limits(two), two.p_value])


# --- adjusted ----------------------------------------------------------------------------------


def adjusted(measure: str, frame: pd.DataFrame, *, swap: bool = False, **how: Any) -> ce.Estimate:
    """Standardise over age and prior arrests; only where the logistic fit is far from infinite."""
    read = swapped_trial if swap else trial_of
    adjust = how.pop("adjust", ["age", "prio"])
    found = asked(measure, read(frame, covariates=adjust), adjust=adjust, **how)
    assume(found.estimable)
    assume(all(0.01 < risk < 0.99 for risk in found.by_arm))
    return found


@st.composite
def _spread(draw: st.DrawFn, **how: Any) -> pd.DataFrame:
    """Events and non-events in each arm, covariates that vary."""
    frame = draw(cohorts(**({"each": 10, "most": 40} | how)))
    assume(frame["age"].nunique() > 2)
    assume(frame["prio"].nunique() > 2)
    share = frame.groupby("arm")["any"].mean()
    assume(((share > 0.1) & (share < 0.9)).all())
    return frame


spread = _spread()


@given(spread, measures)
def test_swapping_arms_turns_adjusted_contrasts(frame: pd.DataFrame, measure: str) -> None:
    mirrored(adjusted(measure, frame), adjusted(measure, frame, swap=True), rel=SOLVED)


@given(spread, measures, st.integers(0, 1000))
def test_order_and_coding_are_nothing_to_adjusted_contrasts(
    frame: pd.DataFrame, measure: str, seed: int
) -> None:
    """Any order of people; any affine code of a covariate, mixtures of two included."""
    found = adjusted(measure, frame)
    recoded = frame.assign(age=7 - 3 * frame["age"], prio=frame["prio"] + frame["age"] / 8)
    for other in (shuffled(frame, seed), recoded):
        same_estimate(adjusted(measure, other), found, rel=1e-6)  # IRLS stops at 1e-8 or so


@given(spread)
def test_counting_the_others_turns_adjusted_contrasts(frame: pd.DataFrame) -> None:
    rest = frame.assign(any=1 - frame["any"])
    for measure in ("difference", "odds ratio"):
        turn = np.negative if measure == "difference" else inverse
        one, two = adjusted(measure, frame), adjusted(measure, rest)
        same(limits(two), turn(limits(one)[::-1]), rel=1e-6)
        same([two.p_value, two.std_error], [one.p_value, one.std_error], rel=1e-6)


@given(st.lists(st.tuples(st.integers(18, 40), *[st.integers(0, 1)] * 2), min_size=8, max_size=25))
def test_twins_need_no_adjustment(twins: list[tuple[int, int, int]]) -> None:
    """
    When each person has a twin of the same age in the other arm, standardised risks are the raw
    ones: the logistic score equations make predictions add up to the events within each arm, and
    the other arm's ages are the same.
    """
    age, quiet, loud = (np.array(column) for column in zip(*twins, strict=True))
    frame = pd.DataFrame(
        {
            "arm": np.repeat(["control", "treatment"], len(twins)),
            "age": np.tile(age, 2),
            "any": np.concatenate([quiet, loud]),
            "week": 1,
            "arrest": 1,
            "site": 0,
        }
    )
    assume(frame["age"].nunique() > 2)
    for measure in MEASURES:
        one = adjusted(measure, frame, adjust=["age"])
        two = asked(measure, trial_of(frame))
        same(one.value, two.value, rel=1e-6)
        same(one.by_arm, [quiet.mean(), loud.mean()], rel=1e-6)


@given(spread, measures)
def test_doubling_about_halves_adjusted_variances(frame: pd.DataFrame, measure: str) -> None:
    """
    The estimate stays. Sample moments have n - 1, so the variance halves up to a factor between
    (m - 1) / (m - 1/2), m the smaller arm, and its inverse (moments enter with either sign).
    """
    one, two = adjusted(measure, frame), adjusted(measure, doubled(frame))
    same(two.value, one.value, rel=1e-6)
    least = min(one.n)
    factor = 2 * (two.std_error / one.std_error) ** 2
    bound = (least - 1) / (least - 0.5)
    assert bound**2 <= factor <= 1 / bound**2


@given(spread, measures, levels)
def test_adjusted_intervals_agree_with_their_p(
    frame: pd.DataFrame, measure: str, level: float
) -> None:
    found = adjusted(measure, frame, level=level)
    sensible(found)
    if measure == "difference":
        wald_dual(found)
    control, treatment = found.by_arm
    expected = {
        "difference": treatment - control,
        "ratio": treatment / control,
        "odds ratio": treatment / (1 - treatment) / (control / (1 - control)),
    }
    same(found.value, expected[measure])
