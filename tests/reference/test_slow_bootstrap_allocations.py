"""Randomisation tests of differences between curves, by listing every allocation in fractions."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import slow_bootstrap as slow
import slow_inference
from inference_cases import CASES, Case, rng, table, times, trial
from slow_bootstrap import History, Person

import checkpoint_eval as ce
from checkpoint_eval.outcomes import Episodes
from checkpoint_eval.outcomes.observed import TimeToEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CLOSED = 1e-10  # sums of fewer than 300 chances and products of nine fractions
# In order of arrival: who had the competing event, and intervals at risk with their events.
OTHER = (1, 6)
HISTORIES: list[tuple[list[tuple[int, int]], list[int]] | None] = [
    ([(0, 4), (4, 12)], [4]),
    ([(0, 3), (3, 7), (9, 12)], [3, 7]),
    ([(0, 12)], []),
    ([(0, 2), (2, 4), (4, 6), (6, 12)], [2, 4, 6]),
    None,  # their records are unknown
    ([], []),  # never at risk
    ([(1, 4), (5, 12)], [4, 12]),
    ([(0, 7), (7, 10)], [7]),
    ([(0, 12)], [12]),
]


def lives() -> list[Person | None]:
    """What became of each, in order of arrival."""
    found: list[Person | None] = []
    for i, pair in enumerate(times()):
        kind = 0 if pair is None or not pair[1] else 2 if i in OTHER else 1
        found.append(None if pair is None else Person(Fraction(pair[0]), kind))
    return found


def histories() -> list[History | None]:
    """The same of repeated events."""
    return [
        None
        if one is None
        else History(
            tuple((Fraction(a), Fraction(b)) for a, b in one[0]), tuple(map(Fraction, one[1]))
        )
        for one in HISTORIES
    ]


def read(case: Case) -> ce.Trial:
    """Rows in another order than people came."""
    frame = table(case)
    whole = trial(case, frame)
    order = np.argsort(np.argsort(frame["came"].to_numpy()))
    known = [lives()[i] for i in order]
    kind = np.array([0 if one is None else one.kind for one in known])
    end = TimeToEvent(
        time=[np.nan if one is None else float(one.time) for one in known],
        event=kind == 1,
        unit="weeks",
        missing=[one is None for one in known],
        competing=np.where(kind == 2, 1, 0),
        causes=("death",),
    )
    rows = [
        (row, a, b, b in HISTORIES[i][1])
        for row, i in enumerate(order)
        if HISTORIES[i] is not None
        for a, b in HISTORIES[i][0]
    ]
    person, start, stop, event = zip(*rows, strict=True)
    again = Episodes(
        person=person,
        start=start,
        stop=stop,
        event=event,
        people=len(order),
        unit="weeks",
        missing=[HISTORIES[i] is None for i in order],
    )
    return replace(whole, outcomes={**whole.outcomes, "end": end, "again": again})


def p_value(twin: slow_inference.Statistic, case: Case, side: str) -> Fraction:
    """By listing; an arm left empty counts as no difference, which matters when none was seen."""
    if side == "two-sided" and twin(case.arm) == 0:
        return Fraction(1)
    return slow_inference.p_value(twin, case.arm, case.weights, side)


def contrast(of: Callable[..., Any], known: Sequence[Any]) -> slow_inference.Statistic:
    """Treatment less control of an allocation; none where an arm has nobody known."""

    def statistic(arm: tuple[int, ...]) -> Fraction | None:
        pairs = [(one, a) for one, a in zip(known, arm, strict=True) if one is not None]
        groups = [[one for one, a in pairs if a == code] for code in (0, 1)]
        return of(groups[1]) - of(groups[0]) if all(groups) else None

    return statistic


def as_event(people: Sequence[Person | None], kind: int) -> list[Person | None]:
    """With one kind of end the event asked about, and what competes with it."""
    codes = {0: 0, kind: 1, 3 - kind: 2}
    return [None if one is None else Person(one.time, codes[one.kind]) for one in people]


def asked(at: Fraction) -> dict[str, tuple[slow_inference.Statistic, dict[str, Any]]]:
    """The twin of each statistic, and how the library is asked for it."""
    own = [None if one is None else Person(one.time, int(one.kind == 1)) for one in lives()]

    def plain(name: str, outcome: str = "end", **more: Any) -> dict[str, Any]:
        return {"statistic": name, "outcome": outcome, "horizon": float(at), **more}

    incidence = "cumulative incidence difference"
    return {
        "restricted mean": (
            contrast(lambda who: slow.restricted_mean(who, at), own),
            plain("restricted mean difference"),
        ),
        "survival": (
            contrast(lambda who: slow.survival(who, at), own),
            plain("survival difference"),
        ),
        "incidence": (
            contrast(lambda who: slow.incidence(who, at), as_event(lives(), 1)),
            plain(incidence),
        ),
        "incidence of death": (
            contrast(lambda who: slow.incidence(who, at), as_event(lives(), 2)),
            plain(incidence, cause="death"),
        ),
        "mean events": (
            contrast(lambda who: slow.mean_events(who, at), histories()),
            plain("mean events difference", "again"),
        ),
    }


@pytest.mark.parametrize("at", [Fraction(11, 2), Fraction(4)])
@pytest.mark.parametrize("name", asked(Fraction(1)))
@pytest.mark.parametrize("rule", CASES)
def test_every_allocation(rule: str, name: str, at: Fraction) -> None:
    """The statistic and the p-value of each alternative."""
    case = CASES[rule]
    twin, how = asked(at)[name]
    twin = cache(twin)
    for side in ("two-sided", "less", "greater"):
        found = ce.randomisation_test(read(case), **how, alternative=side, rng=rng())
        assert found.exact
        assert found.statistic == pytest.approx(float(twin(case.arm)), rel=CLOSED, abs=1e-13)
        exact = p_value(twin, case, side)
        assert found.p_value == pytest.approx(float(exact), rel=CLOSED), side


@pytest.mark.parametrize("name", asked(Fraction(1)))
def test_fewer_draws_than_allocations(name: str) -> None:
    """(b + 1)/(B + 1) of draws that the library's own rule makes, read one by one."""
    case = CASES["simple"]
    twin, how = asked(Fraction(4))[name]
    trial_read = read(case)
    found = ce.randomisation_test(trial_read, **how, draws=200, rng=rng(3))
    arms = np.concatenate(
        list(ce.randomise.redrawing.redraw(trial_read.assignment, draws=200, rng=rng(3)))
    )[:, trial_read.assignment.order]
    seen = twin(case.arm)
    if seen == 0:
        assert found.p_value == 1
        return
    extreme = sum(
        slow_inference.as_extreme(twin(tuple(row)), seen, "two-sided") for row in arms.tolist()
    )
    assert found.p_value == pytest.approx((extreme + 1) / 201)
    assert not found.exact
