"""Curves by the rule: each step stands for enough events in every arm, and comes after them."""

import numpy as np

from checkpoint_eval._arrays import FloatArray, IntArray
from checkpoint_eval.models.inequality import Inequality
from checkpoint_eval.report.disclosure_amounts import dominated
from checkpoint_eval.report.disclosure_audit import Cell, Told
from checkpoint_eval.report.disclosure_counts import Counts
from checkpoint_eval.report.disclosure_estimates import (
    estimate_told,
    rounded,
    rounded_all,
    share_told,
)
from checkpoint_eval.report.disclosure_texts import text_told
from checkpoint_eval.report.withheld import Withheld, told_as
from checkpoint_eval.results import NAN, Curve

# Steps lie on a grid of so many times, so that none is the day of one person's event.
GRID = 24
ROUNDING = 1e-9  # of a time
LORENZ = 10  # groups of people at most
SPREAD = ("amount", "dominated")  # what is held of an arm whose amounts tell of few, or of one


def curve_told(curve: Curve, counts: Counts) -> Curve | None:
    """Return a curve with fewer, later steps, or None where there are not events enough for one.

    Events and censorings are moved to the end of their step: who is at risk before it are all who
    had not left by the step before. The height is the true one at that time.
    """
    ends, grid = step_ends(curve, counts.rule.threshold), _grid(curve, counts.rule.threshold)
    if not ends.size:
        return None
    starts = np.concatenate([[0], ends[:-1] + 1])
    events = np.add.reduceat(curve.events[:, : ends[-1] + 1], starts, axis=1)
    censored = np.add.reduceat(curve.censored[:, : ends[-1] + 1], starts, axis=1)
    at_risk = curve.at_risk[:, starts]
    _hear(curve, at_risk, events, censored, counts)
    told = {
        name: _told(name, curve, values, counts)
        for name, values in (("at risk", at_risk), ("step events", events), ("censored", censored))
    }
    missing = tuple(
        counts.tell(("missing", curve.outcome, arm), n, zero=True)
        for arm, n in zip(curve.arms, curve.missing, strict=False)
    )
    people = told["at risk"][:, 0]
    if any(isinstance(each, Withheld) for each in people):
        return None
    survival = np.array(
        [
            [share_told(each, n, counts.rule) for each in row]
            for row, n in zip(curve.survival[:, ends], people, strict=True)
        ]
    )
    return told_as(
        curve,
        time=grid[np.searchsorted(grid, curve.time[ends] - ROUNDING)],
        at_risk=told["at risk"],
        events=told["step events"],
        censored=told["censored"],
        survival=survival,
        std_error=rounded_all(curve.std_error[:, ends]),
        low=np.fmin(np.round(curve.low[:, ends], 2), survival),
        high=np.fmax(np.round(curve.high[:, ends], 2), survival),
        method=f"{text_told(curve.method, counts.rule, names=counts.names)}; steps of at least "
        f"{counts.rule.threshold} events in every arm",
        missing=missing,
    )


def _grid(curve: Curve, threshold: int) -> FloatArray:
    """Return the times a step may have: whole ones where the curve has whole ones.

    They end where enough people are followed: when all of these leave, or at a round number, as
    any other time is that of one person.
    """
    enough = np.flatnonzero((curve.at_risk >= threshold).all(axis=0))
    last = float(curve.time[enough[-1]]) if enough.size else 0.0
    if last > 0 and enough[-1] < curve.time.size - 1:
        unit = 10.0 ** (np.floor(np.log10(last)) - 1)
        last = float(np.floor(last / unit + ROUNDING) * unit)
    grid = np.linspace(0, last, GRID + 1)[1:]
    return np.unique(np.ceil(grid)) if (curve.time == np.round(curve.time)).all() else grid


def step_ends(curve: Curve, threshold: int) -> IntArray:
    """Return which times end a step: in every arm enough events since the last, enough at risk.

    What is left over at the end belongs to the last step.
    """
    enough = np.flatnonzero((curve.at_risk >= threshold).all(axis=0))
    if not enough.size:
        return np.zeros(0, dtype=np.int64)
    last = int(enough[-1])
    places = np.searchsorted(curve.time, _grid(curve, threshold) + ROUNDING, side="right") - 1
    places = np.unique(places[(places >= 0) & (places <= last)])
    ends: list[int] = []
    before = np.zeros(len(curve.arms), dtype=np.int64)
    total = np.cumsum(curve.events, axis=1)
    for place in places.tolist():
        if (total[:, place] - before >= threshold).all():
            ends.append(place)
            before = total[:, place]
    if ends and places.size:
        ends[-1] = int(places[-1])
    return np.array(ends, dtype=np.int64)


def _hear(
    curve: Curve, at_risk: IntArray, events: IntArray, censored: IntArray, counts: Counts
) -> None:
    """State how the numbers of one step follow from those of the last, and make the totals."""
    for code, arm in enumerate(curve.arms):
        risk = [_cell("at risk", curve, arm, step, n) for step, n in enumerate(at_risk[code])]
        had = [_cell("step events", curve, arm, step, n) for step, n in enumerate(events[code])]
        lost = [_cell("censored", curve, arm, step, n) for step, n in enumerate(censored[code])]
        people = ("analysed", curve.outcome, arm), int(at_risk[code, 0])
        counts.add_up(people, risk[:1])
        for step in range(len(risk)):
            left = risk[step + 1 : step + 2]
            counts.add_up(risk[step], [had[step], lost[step], *left])
            total = sum(n for _, n in had[: step + 1])
            counts.add_up((("events", curve.outcome, arm), total), had[: step + 1])


def _cell(name: str, curve: Curve, arm: str, step: int, count: int) -> Cell:
    return (name, curve.outcome, curve.analysis_set, str(step), arm), int(count)


def _told(name: str, curve: Curve, values: IntArray, counts: Counts) -> "np.ndarray":
    """Return counts by arm and step as told: an array of objects where some are withheld."""
    found: list[list[Told]] = [
        [
            counts.tell(*_cell(name, curve, arm, step, n), zero=name == "censored")
            for step, n in enumerate(row)
        ]
        for arm, row in zip(curve.arms, values, strict=True)
    ]
    return np.array(found, dtype=object)


def inequality_told(found: Inequality, counts: Counts) -> Inequality:
    """Return Gini coefficients and Lorenz curves by the rule: of groups of people, not of each."""
    of = found.difference.outcome, found.difference.analysis_set
    hidden_arms = []
    for arm, share in zip(found.arms, found.share, strict=True):
        has = np.diff(share)
        # With any at all: what is spread over few people tells how many they are.
        if np.count_nonzero(has > 0) < counts.rule.threshold:
            counts.hold(("amount", *of, arm))
        if dominated(has[:-3:-1], 1.0):
            counts.hold(("dominated", *of, arm))
        hidden_arms.append(any((what, *of, arm) in counts.few for what in SPREAD))
    difference = estimate_told(found.difference, counts)
    curves = [
        _lorenz_told(people, share, counts.rule.threshold, hidden=hidden)
        for people, share, hidden in zip(found.people, found.share, hidden_arms, strict=True)
    ]

    def pair(values: tuple[float, float]) -> tuple[float, float]:
        control, treatment = (
            NAN if hidden else rounded(each)
            for each, hidden in zip(values, hidden_arms, strict=True)
        )
        return control, treatment

    return told_as(
        found,
        difference=difference,
        gini=pair(found.gini),
        low=pair(found.low),
        high=pair(found.high),
        people=(curves[0][0], curves[1][0]),
        share=(curves[0][1], curves[1][1]),
    )


def _lorenz_told(
    people: FloatArray, share: FloatArray, threshold: int, *, hidden: bool
) -> tuple[FloatArray, FloatArray]:
    groups = max(min(LORENZ, (people.size - 1) // threshold), 1)
    # Nor may one dominate those with most: then they are told with others.
    while groups > 1 and dominated(
        np.diff(share)[:-3:-1], 1 - np.interp(1 - 1 / groups, people, share)
    ):
        groups -= 1
    knots = np.linspace(0, 1, groups + 1)
    if hidden:
        return knots, np.full(knots.size, NAN)
    return knots, np.round(np.interp(knots, people, share), 2)
