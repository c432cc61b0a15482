"""Laws of resampling: what a statistic is without censoring, other units, other blocks."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import OUTCOME, SOLVED, cohorts, followed, limits, same, swapped_trial, trial_of

import checkpoint_eval as ce
from checkpoint_eval.models import (
    bootstrap_interval,
    incidence_difference,
    mean_cumulative_difference,
    resampled_values,
    restricted_mean,
    survival_difference,
)
from checkpoint_eval.models.restricted_means import restricted_mean_of
from checkpoint_eval.models.survival import survival_curve, survival_quantiles
from checkpoint_eval.outcomes import Episodes
from checkpoint_eval.outcomes.observed import TimeToEvent

if TYPE_CHECKING:
    import pandas as pd

    from checkpoint_eval.models.event_tables import EventTable

TO_A_HORIZON = [
    "restricted mean difference",
    "restricted mean ratio",
    "restricted mean lost ratio",
    "survival difference",
    "risk ratio",
]
ALL = [*TO_A_HORIZON, "median difference", "hazard ratio"]
SEEDS = st.integers(0, 2**32 - 1)


def ask(trial: ce.Trial, seed: int, **how: Any) -> ce.Estimate:
    """A hundred draws."""
    usual = {"outcome": OUTCOME, "draws": 100, "rng": np.random.default_rng(seed)}
    return bootstrap_interval(trial, **(usual | how))


def at(statistic: str, horizon: float) -> dict[str, Any]:
    """The horizon, where there is one."""
    timed = {"horizon": horizon} if statistic in TO_A_HORIZON else {}
    return {"statistic": statistic, **timed}


def all_numbers(found: ce.Estimate) -> list[float]:
    """Everything that the draws decide."""
    return [*limits(found), found.std_error, found.p_value]


@pytest.mark.parametrize("statistic", TO_A_HORIZON)
@given(followed())
def test_the_value_is_that_of_the_verb(statistic: str, drawn: tuple[pd.DataFrame, float]) -> None:
    frame, horizon = drawn
    trial = trial_of(frame)
    found = ask(trial, 1, **at(statistic, horizon))
    kind = statistic.rpartition(" ")[2]
    if statistic.startswith("restricted"):
        measure: Any = "lost ratio" if "lost" in statistic else kind
        verb = restricted_mean(trial, outcome=OUTCOME, horizon=horizon, measure=measure)
        by_arm, want = verb.by_arm, verb.value
    else:
        verb = survival_difference(trial, outcome=OUTCOME, at=horizon)
        by_arm, want = verb.by_arm, verb.value
        if statistic == "risk ratio" and by_arm:
            want = (1 - by_arm[1]) / (1 - by_arm[0]) if by_arm[0] < 1 else np.nan
    if found.estimable and np.isfinite(want):
        same(found.value, want)


@given(cohorts())
def test_the_hazard_ratio_is_that_of_breslow(frame: pd.DataFrame) -> None:
    trial = trial_of(frame)
    found = ask(trial, 1, statistic="hazard ratio")
    verb = ce.hazard_ratio(trial, outcome=OUTCOME, ties="breslow", strata=())
    if found.estimable:
        same(found.value, verb.value, rel=SOLVED)
    assert verb.estimable or not found.estimable


@given(cohorts(most=30))
def test_the_median_is_that_of_the_curve(frame: pd.DataFrame) -> None:
    trial = trial_of(frame)
    control, treatment = survival_quantiles(survival_curve(trial, outcome=OUTCOME), [0.5]).time[
        :, 0
    ]
    found = ask(trial, 1, statistic="median difference", interval="percentile")
    assert not (found.estimable and np.isnan(treatment - control))
    if found.estimable:
        same(found.value, treatment - control)


@pytest.mark.parametrize("statistic", ALL)
@pytest.mark.parametrize("strata", [(), "site"])
@given(drawn=followed(sites=2, most=40), seed=SEEDS, cells=st.integers(1, 3_000))
def test_blocks_of_draws_do_not_matter(
    statistic: str, strata: Any, drawn: tuple[pd.DataFrame, float], seed: int, cells: int
) -> None:
    """The same seed gives the same bytes, however many draws are made at once."""
    frame, horizon = drawn
    how = at(statistic, horizon) | {"strata": strata}
    whole = ask(trial_of(frame), seed, **how)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resampled_values, "CELLS", cells)
        parts = ask(trial_of(frame), seed, **how)
    assert repr(all_numbers(parts)) == repr(all_numbers(whole))
    assert parts.method == whole.method


@given(drawn=followed(), seed=SEEDS, factor=st.sampled_from([2, 7, 0.25]))
def test_other_units_of_time(drawn: tuple[pd.DataFrame, float], seed: int, factor: float) -> None:
    """Means and medians change with the unit; survival and hazards do not."""
    frame, horizon = drawn
    other = frame.assign(week=frame["week"] * factor)
    for statistic in ALL:
        one = ask(trial_of(frame), seed, **at(statistic, horizon))
        two = ask(trial_of(other), seed, **at(statistic, horizon * factor))
        scaled = factor if statistic.split()[0] in ("restricted", "median") else 1
        scaled = 1 if statistic.endswith("ratio") else scaled
        same(limits(two), np.array(limits(one)) * scaled, rel=1e-9)
        same(two.p_value, one.p_value)


@given(drawn=cohorts(), seed=SEEDS)
def test_the_hazard_ratio_knows_only_the_order_of_times(drawn: pd.DataFrame, seed: int) -> None:
    one = ask(trial_of(drawn), seed, statistic="hazard ratio")
    bent = drawn.assign(week=np.exp(drawn["week"] / 3))
    two = ask(trial_of(bent), seed, statistic="hazard ratio")
    assert repr(all_numbers(one)) == repr(all_numbers(two))


@given(drawn=followed(), seed=SEEDS)
def test_a_statistic_of_ones_own_has_the_same_draws(
    drawn: tuple[pd.DataFrame, float], seed: int
) -> None:
    """A restricted mean written anew gives the interval of the named one, up to rounding."""
    frame, horizon = drawn

    def own(table: EventTable) -> np.ndarray[Any, Any]:
        mean = restricted_mean_of(table, horizon=horizon).mean
        return np.asarray(mean[:, 1] - mean[:, 0])

    one = ask(trial_of(frame), seed, statistic=own)
    two = ask(trial_of(frame), seed, horizon=horizon)
    same(all_numbers(one), all_numbers(two), rel=1e-9)
    assert one.scale == "difference"


@pytest.mark.parametrize("statistic", ALL)
@given(drawn=followed())
def test_swapping_arms_turns_the_value(statistic: str, drawn: tuple[pd.DataFrame, float]) -> None:
    frame, horizon = drawn
    one = ask(trial_of(frame), 1, **at(statistic, horizon))
    two = ask(swapped_trial(frame), 1, **at(statistic, horizon))
    if not (one.estimable and two.estimable) or 0 in (one.value, two.value):
        return
    turned = 1 / two.value if statistic.endswith("ratio") else -two.value
    same(one.value, turned, rel=1e-9)


@pytest.mark.parametrize("interval", ["bca", "percentile"])
@given(drawn=followed(most=40), seed=SEEDS)
def test_the_p_value_is_where_the_interval_meets_no_effect(
    interval: str, drawn: tuple[pd.DataFrame, float], seed: int
) -> None:
    """Intervals of a little less than 1 − p leave out 0, of a little more hold it.

    Ends stand between order statistics: a little is three draws in four hundred. Where hardly any
    draw is beyond 0 no interval reaches it, and p is only the least there can be.
    """
    frame, horizon = drawn
    how = {"horizon": horizon, "interval": interval, "draws": 400}
    found = ask(trial_of(frame), seed, **how)
    assume(found.estimable and 0.03 < found.p_value < 0.9)
    plain = ask(trial_of(frame), seed, level=0.975, **(how | {"interval": "percentile"}))
    assume(plain.low < 0 < plain.high)
    wide = ask(trial_of(frame), seed, level=1 - found.p_value + 0.025, **how)
    assert wide.low <= 0 <= wide.high
    narrow = ask(trial_of(frame), seed, level=max(1 - found.p_value - 0.025, 0.01), **how)
    assert not narrow.low < 0 < narrow.high


# --- randomisation tests -----------------------------------------------------------------------


def redraw(trial: ce.Trial, seed: int, **how: Any) -> ce.SignificanceTest:
    """A hundred and ninety-nine allocations."""
    rng = np.random.default_rng(seed)
    return ce.randomisation_test(trial, **({"outcome": OUTCOME} | how), draws=199, rng=rng)


@given(drawn=followed(censoring=False), seed=SEEDS)
def test_without_censoring_survival_is_a_share(
    drawn: tuple[pd.DataFrame, float], seed: int
) -> None:
    """The survival difference is the risk difference turned round; so is that of incidence."""
    frame, horizon = drawn
    trial = trial_of(frame)
    risk = redraw(trial, seed, statistic="risk difference", horizon=horizon)
    survival = redraw(trial, seed, statistic="survival difference", horizon=horizon)
    same(survival.statistic, -risk.statistic)
    same(survival.p_value, risk.p_value)
    for one, other in (("less", "greater"), ("greater", "less")):
        how: Any = {"horizon": horizon, "alternative": one}
        below = redraw(trial, seed, statistic="risk difference", **how)
        how["alternative"] = other
        same(redraw(trial, seed, statistic="survival difference", **how).p_value, below.p_value)


@given(frame=cohorts(censoring=False), seed=SEEDS)
def test_without_censoring_the_restricted_mean_is_the_mean(frame: pd.DataFrame, seed: int) -> None:
    """Of times cut off at the horizon, all of whom are seen."""
    horizon = float(frame.groupby("arm")["week"].max().min())
    cut = frame.assign(cut=frame["week"].clip(upper=horizon).astype(float))
    trial = trial_of(cut, numeric={"cut": "cut"})
    plain = redraw(trial, seed, statistic="mean difference", outcome="cut")
    curve = redraw(trial, seed, statistic="restricted mean difference", horizon=horizon)
    same(curve.statistic, plain.statistic)
    same(curve.p_value, plain.p_value)


def of(frame: pd.DataFrame, outcome: Any) -> ce.Trial:
    """The arms of a cohort with an outcome made by hand."""
    arm = (frame["arm"] == "treatment").to_numpy().astype(int)
    arms = ce.Assignment(arm=arm, arms=("control", "treatment"), stratum=0 * arm)
    return ce.Trial(assignment=arms, outcomes={OUTCOME: outcome})


@given(drawn=followed(), seed=SEEDS)
def test_with_no_other_cause_incidence_is_one_less_survival(
    drawn: tuple[pd.DataFrame, float], seed: int
) -> None:
    frame, horizon = drawn
    trial = of(
        frame,
        TimeToEvent(
            time=frame["week"], event=frame["arrest"] == 1, unit="weeks", causes=("death",)
        ),
    )
    name: Any = "cumulative incidence difference"
    one = redraw(trial, seed, statistic=name, horizon=horizon)
    two = redraw(trial, seed, statistic="survival difference", horizon=horizon)
    same(one.statistic, -two.statistic)
    same(one.p_value, two.p_value)
    verb = incidence_difference(trial, outcome=OUTCOME, at=horizon)
    if verb.estimable:
        same(one.statistic, verb.value)
    first = ask(trial, seed, statistic=name, horizon=horizon)
    second = ask(trial, seed, statistic="survival difference", horizon=horizon)
    same(first.value, -second.value)
    same(first.std_error, second.std_error, rel=1e-9)


@given(frame=cohorts(), seed=SEEDS)
def test_when_all_are_at_risk_throughout_mean_events_are_means(
    frame: pd.DataFrame, seed: int
) -> None:
    """Of counts: nobody leaves before week 20."""
    n = len(frame)
    counts = frame["prio"].to_numpy()
    edges = [[0, *(1 + i + np.arange(k) * 3), 20] for i, k in enumerate(counts % 4)]
    edges = [sorted({e for e in one if e <= 20}) for one in edges]
    rows = [(i, a, b, b < 20) for i, one in enumerate(edges) for a, b in pairwise(one)]
    person, start, stop, event = zip(*rows, strict=True)
    again = Episodes(person=person, start=start, stop=stop, event=event, people=n, unit="weeks")
    trial = of(frame, again)
    plain = redraw(trial, seed, statistic="mean difference")
    curve = redraw(trial, seed, statistic="mean events difference", horizon=20)
    same(curve.statistic, plain.statistic)
    same(curve.p_value, plain.p_value)
    verb = mean_cumulative_difference(trial, outcome=OUTCOME, at=20)
    found = ask(trial, seed, statistic="mean events difference", horizon=20)
    if verb.estimable and found.estimable:
        same(found.value, verb.value)
        assert found.events == verb.events
