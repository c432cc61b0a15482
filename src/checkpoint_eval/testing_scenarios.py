"""Hypothesis strategies for scenarios and cohorts, offered by `checkpoint_eval.testing`."""

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from checkpoint_eval.cohort.delivery_parts import Delivery, Effect, Era, Recording
from checkpoint_eval.cohort.generating import generate
from checkpoint_eval.cohort.people_parts import Arrivals, Population, Reoffending
from checkpoint_eval.cohort.scenario import Scenario
from checkpoint_eval.design.allocation import Complete
from checkpoint_eval.design.blocks import PermutedBlocks
from checkpoint_eval.design.simple import Simple
from checkpoint_eval.errors import TrialError

if TYPE_CHECKING:
    from checkpoint_eval.cohort.cohorts import Cohort


def scenarios(
    *, least: int = 20, most: int = 60, effect: bool = True
) -> "SearchStrategy[Scenario]":
    """Draw a small `Scenario` that can be generated.

    Parameters
    ----------
    least, most : int
        People; at least 8.
    effect : bool
        Whether Checkpoint may change hazards; False draws nulls only.

    Returns
    -------
    strategy of Scenario
        Of every kind: with and without frailty, people who never reoffend, overrides, navigators,
        custody, deaths, losses; constant, delayed and waning effects.

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> @settings(max_examples=10, derandomize=True, database=None, deadline=None)
    ... @given(scenarios())
    ... def test_risks_lie_below_the_plateau(scenario):
    ...     assert max(scenario.reoffending.risks) < 1 - scenario.reoffending.never
    >>> test_risks_lie_below_the_plateau()
    """
    if not 8 <= least <= most:
        raise TrialError(
            f"`least` and `most` must rise from 8 or more, got {least!r} and {most!r}."
        )
    return _scenarios(least, most, effect)


def cohorts(**how: Any) -> "SearchStrategy[Cohort]":
    """Draw a small `Cohort`; the parameters are those of `scenarios`.

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> @settings(max_examples=5, derandomize=True, database=None, deadline=None)
    ... @given(cohorts())
    ... def test_everyone_is_in_the_records(cohort):
    ...     assert cohort.records().n == cohort.n
    >>> test_everyone_is_in_the_records()
    """
    seeds = st.integers(0, 2**32 - 1)
    drawn: SearchStrategy[Cohort] = st.builds(
        lambda scenario, seed: generate(scenario, np.random.default_rng(seed)),
        scenarios(**how),
        seeds,
    )
    return drawn


_SHARE = st.sampled_from([0.0, 0.1, 0.3])


@st.composite
def _scenarios(draw: DrawFn, least: int, most: int, effect: Any) -> Scenario:
    people = draw(st.integers(least, most))
    half = people // 2
    rules = [Simple(), PermutedBlocks(sizes=(4,)), Complete(counts=(half, people - half))]
    return Scenario(
        people=people,
        rule=draw(st.sampled_from(rules)),
        arrivals=Arrivals(weekdays=draw(st.sampled_from([(1.0,) * 7, (1, 1, 1, 1, 1, 0, 0)]))),
        population=Population(
            bands=draw(st.sampled_from([{"moderate": 1.0}, {"low": 0.4, "high": 0.6}])),
            female=draw(_SHARE),
            no_record=draw(st.sampled_from([0.0, 0.5, 1.0])),
        ),
        reoffending=_reoffending(draw),
        effect=_effect(draw) if effect else Effect(),
        delivery=_delivery(draw),
        recording=Recording(
            extract=draw(st.sampled_from(["2018-04-01", "2020-10-01"])),
            custody=draw(_SHARE),
            deaths=draw(_SHARE),
            departures=draw(_SHARE),
            unassessed=(draw(_SHARE), draw(_SHARE)),
        ),
    )


def _reoffending(draw: DrawFn) -> Reoffending:
    never = draw(st.sampled_from([0.0, 0.3]))
    spread, frailty = draw(st.sampled_from([0.0, 0.7])), draw(st.sampled_from([0.0, 1.0]))
    if draw(st.booleans()):
        shape = draw(st.sampled_from([None, 0.7, 1.5]))
        risk = draw(st.sampled_from([0.1, 0.5]))
        return Reoffending(
            months=(12,), risks=(risk,), never=never, spread=spread, frailty=frailty, shape=shape
        )
    return Reoffending(never=never, spread=spread, frailty=frailty)


def _effect(draw: DrawFn) -> Effect:
    ratio = draw(st.sampled_from([0.3, 0.8, 1.0, 1.5]))
    kinds = [Effect.constant(ratio), Effect.delayed(ratio, months=4), Effect.waning(ratio)]
    return draw(st.sampled_from([*kinds, Effect(pathways={"health": ratio})]))


def _delivery(draw: DrawFn) -> Delivery:
    return Delivery(
        eras=(Era(to_prosecution=draw(_SHARE), to_checkpoint=draw(_SHARE)),),
        officer_spread=draw(_SHARE),
        caseload=draw(st.integers(1, 5)),
        turnover=draw(_SHARE),
        navigator_spread=draw(_SHARE),
    )
