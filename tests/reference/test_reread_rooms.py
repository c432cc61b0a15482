"""What docstrings of the rooms say, computed again by one who read nothing else.

Each test is a second computation, written from a docstring alone, of something that it says was
checked: plain loops over people, and integrals in place of closed forms.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ndtri

from checkpoint_eval import Assignment, TimeToEvent, Trial, generate
from checkpoint_eval.cohort import (
    Delivery,
    Effect,
    Era,
    Recording,
    Scenario,
    draw_trials,
    practice_trial,
    published_figures,
)
from checkpoint_eval.design import PermutedBlocks
from checkpoint_eval.outcomes import CAMBRIDGE_MEDIANS, Covariate
from checkpoint_eval.power import (
    Diluted,
    Hazards,
    PartiallyNested,
    PooledTrials,
    Proportions,
    events_needed,
    forecast_events,
    integrity_surface,
    people_needed,
    power_of,
)

if TYPE_CHECKING:
    import pandas as pd

# Everything that can leave, move or end somebody: no consent, overrides, custody, death, departure
# and an extract that ends before the last people were followed for long.
EVENTFUL = Scenario(
    people=400,
    effect=Effect.delayed(0.5, months=2),
    delivery=Delivery(
        eras=(Era(to_prosecution=0.2, to_checkpoint=0.1),), consent=(0.8, 0.95), caseload=20
    ),
    recording=Recording(
        extract="2019-06-01", custody=0.3, custody_days=80, deaths=0.08, departures=0.1
    ),
)


@pytest.mark.parametrize("months", [6, 18])
def test_a_practice_trial_is_the_loop_over_people_and_rows(months: int) -> None:
    """Each person's outcomes, read off the rows of the extract one by one: whole numbers."""
    cohort = generate(EVENTFUL, np.random.default_rng(3))
    tables, people = cohort.tables(), cohort.people
    trial = practice_trial(cohort, months=months)
    horizon = round(months * 365 / 12)
    read = [trial.outcome(name) for name in ("reoffence", "reoffended", "reoffences", "harm")]
    first, yes, often, harm = read
    assert isinstance(first, TimeToEvent)
    assert [trial.arms[code] for code in trial.assignment.arm] == people["arm"].tolist()
    assert [trial.arms[code] for code in trial.received] == people["received"].tolist()
    causes = set()
    for row, person in enumerate(people.itertuples(index=False)):
        days = _days(tables["offences"], person)
        left, kind = _departure(tables["deaths"], person)
        followed = (np.datetime64(EVENTFUL.recording.extract) - np.datetime64(person.date)).astype(
            "timedelta64[D]"
        )
        missing = not person.consents or followed < np.timedelta64(horizon, "D")
        assert all(outcome.missing[row] == missing for outcome in read)
        if missing:
            continue
        counted = {day: code for day, code in days if 0 < day[0] <= horizon}
        ends = min([day[0] for day in counted] + [left, horizon])
        assert first.time[row] == ends
        assert first.event[row] == yes.value[row] == bool(counted)
        gone = kind if not counted and left <= horizon else ""
        assert (first.causes[first.competing[row] - 1] if first.competing[row] else "") == gone
        causes.add(gone)
        assert often.value[row] == len(counted)
        assert harm.value[row] == sum(CAMBRIDGE_MEDIANS.weights[code] for code in counted.values())
    assert causes == {"", "death", "emigration"}
    assert 0 < first.missing.sum() < trial.n


def _days(offences: pd.DataFrame, person: tuple[object, ...]) -> list[tuple[tuple[int, int], str]]:
    """Return (day since randomisation, row) and code of a person's offences."""
    own = offences[offences["person"] == person.id]  # type: ignore[attr-defined]
    since = (own["date"] - person.date).dt.days  # type: ignore[attr-defined]
    return [
        ((int(day), row), code)
        for row, (day, code) in enumerate(zip(since, own["code"], strict=True))
    ]


def _departure(deaths: pd.DataFrame, person: tuple[object, ...]) -> tuple[float, str]:
    """Return the day somebody left and how; never, for most."""
    own = deaths[deaths["person"] == person.id]  # type: ignore[attr-defined]
    if own.empty:
        return math.inf, ""
    day = (own["date"].iloc[0] - person.date).days  # type: ignore[attr-defined]
    return float(day), str(own["kind"].iloc[0])


def test_pooled_trials_are_draws_from_the_cohort_of_their_seed() -> None:
    """The same people, arms and days as `draw_trials` of the cohort of `pool_seed`, to the bit."""
    scenario, rule = Scenario(people=50), PermutedBlocks(sizes=(4,))
    pooled = PooledTrials(
        scenario=scenario, people=50, rule=rule, horizon=365, pool=1_000, pool_seed=8
    )
    cohort = generate(replace(scenario, people=1_000), np.random.default_rng(8))
    due = draw_trials(
        cohort, rule=rule, people=50, trials=300, horizon=365, rng=np.random.default_rng(5)
    )
    for got, want in zip(pooled.batches(300, np.random.default_rng(5)), due, strict=True):
        for name in ("arm", "time", "event"):
            np.testing.assert_array_equal(getattr(got, name), getattr(want, name))


def test_a_forecast_is_that_of_people_drawn_one_by_one() -> None:
    """Losses, an end of follow-up and people to come, each drawn in a loop.

    Of 4,000 and 1,500 dates with an SD of 20 days the medians differ by chance by an SD of
    1.25 · 20 √(1/4000 + 1/1500) = 0.76, the lower ends by 2.7 in place of 1.25: 4 SD are 3 and
    6.5 days.
    """
    rng = np.random.default_rng(12)
    n, now, longest, loss, pace = 240, 300.0, 60.0, 0.004, 4.0
    entry = np.sort(rng.uniform(0, now, n))
    entry[0] = 0
    life, lost = rng.exponential(250, n), rng.exponential(70, n)
    watched = np.minimum(now - entry, longest)
    time = np.minimum(np.minimum(life, lost), watched)
    event = life <= np.minimum(lost, watched)
    trial = Trial(
        assignment=Assignment(arm=[0, 1] * (n // 2), arms=("court", "contract"), stratum=[0] * n),
        columns={"day": Covariate(name="day", values=entry)},
        outcomes={"arrest": TimeToEvent(time=time, event=event)},
    )
    more, people = 60, 1000
    found = forecast_events(
        trial,
        outcome="arrest",
        entered="day",
        now=now,
        targets=int(event.sum()) + more,
        people=people,
        accrual=pace,
        follow_up=longest,
        dropout=loss,
        draws=4_000,
        rng=np.random.default_rng(1),
    )
    dates = []
    for _ in range(1_500):
        hazard = rng.gamma(event.sum() + 0.5) / time.sum()
        times = []
        for person in range(n):
            if not event[person] and time[person] >= now - entry[person]:
                end = min(rng.exponential(1 / loss), longest - time[person])
                wait = rng.exponential(1 / hazard)
                times += [wait] if wait <= end else []
        comes = 0.0
        for _ in range(people - n):
            comes += rng.exponential(1 / pace)
            end, wait = min(rng.exponential(1 / loss), longest), rng.exponential(1 / hazard)
            times += [comes + wait] if wait <= end else []
        dates.append(now + sorted(times)[more - 1] if len(times) >= more else math.inf)
    assert found.hazard == pytest.approx(event.sum() / time.sum(), rel=1e-12)
    assert found.date[0] == pytest.approx(np.median(dates), abs=3)
    assert found.low[0] == pytest.approx(np.quantile(dates, 0.025), abs=6.5)


def test_the_integrity_surface_is_power_and_people_at_every_point() -> None:
    """The same verbs asked point by point, of a test that refers to t: the same numbers."""
    plan = Proportions(control=0.48, treatment=0.36)
    nested = PartiallyNested(design=plan, icc=0.5, caseload=25, cv=0.3)
    design = Diluted(design=nested, overrides=0.5, non_compliance=0.1, contamination=0.05)
    found = integrity_surface(
        design, overrides=(0, 0.15), icc=(0, 0.03), n=600, power=0.85, ratio=1.5
    )
    assert len(found) == 4
    for row in found.itertuples(index=False):
        one = replace(design, overrides=row.overrides, design=replace(nested, icc=row.icc))
        assert row.kept == pytest.approx(0.9 * (1 - row.overrides) - 0.05)
        assert row.power == power_of(one, n=600, ratio=1.5).power
        assert row.people_needed == people_needed(one, power=0.85, ratio=1.5).people


def test_collett_needs_133_deaths() -> None:
    """Collett (2015), Modelling Survival Data, a hazard ratio of 0.57 at 90 %: 133 deaths."""
    assert round(events_needed(Hazards(ratio=0.57), power=0.9).exact_events) == 133


@pytest.mark.parametrize(("plateau", "ratio"), [(0.3, 0.65), (0.2, 1.4)])
def test_a_plateau_bounds_the_cumulative_hazard(plateau: float, ratio: float) -> None:
    """People so that Schoenfeld's events come, of survival plateau^(1 − e^(−λt)) and its power.

    Quadrature to 1e-12 on both sides. A mixture with the same risk and plateau needs other people,
    by some per cent.
    """
    risk, at, accrual, follow_up = 0.45, 12.0, 18.0, 12.0
    rate = -math.log1p(math.log1p(-risk) / -math.log(plateau)) / at

    def seen(power: float) -> float:
        return (
            quad(
                lambda time: 1 - plateau ** (power * -math.expm1(-rate * time)),
                follow_up,
                follow_up + accrual,
                epsabs=0,
                epsrel=1e-12,
            )[0]
            / accrual
        )

    events = 4 * (ndtri(0.975) + ndtri(0.8)) ** 2 / math.log(ratio) ** 2
    people = events / ((seen(1) + seen(ratio)) / 2)
    design = Hazards(
        ratio=ratio, control=risk, at=at, accrual=accrual, follow_up=follow_up, plateau=plateau
    )
    assert people_needed(design).exact_people == pytest.approx(people, rel=1e-9)


def test_what_is_given_is_what_a_derived_figure_is_computed_from() -> None:
    """Ratios and percentages of the figures given, by hand."""
    figures = published_figures()
    given = figures[figures["status"] == "given"].set_index("figure")["value"].astype(float)
    derived = figures[figures["status"] == "derived"].set_index("figure")["value"].astype(float)
    treated, control = given["harm days, workshop"], given["harm days, control"]
    assert derived["harm, control to workshop"] == pytest.approx(control / treated, abs=5e-4)
    assert derived["harm avoided, percent"] == pytest.approx(
        100 * (1 - treated / control), abs=0.05
    )
    both = (given["people, Gateway"], given["people, usual process"])
    half = sum(math.comb(191, few) for few in range(int(both[1]) + 1)) / 2**191
    assert sum(both) == 191
    assert derived["equal arms, p"] == pytest.approx(2 * half, abs=5e-4)
