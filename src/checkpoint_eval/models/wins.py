"""Win ratios: every pair of people, decided by the gravest outcome that tells them apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal, TypeAlias

import numpy as np

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval._checks import as_names, check_choice, check_level, counted
from checkpoint_eval._times import time_grid
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.models.compared import Compared, compare, strata_of
from checkpoint_eval.models.wald import wald_contrast
from checkpoint_eval.outcomes.episodes import Episodes
from checkpoint_eval.outcomes.observed import (
    BinaryOutcome,
    CountOutcome,
    NumericOutcome,
    TimeToEvent,
)
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN, Estimate

PAIRS_AT_ONCE = 2**20  # a few megabytes
NEVER = np.iinfo(np.int64).max
ROUNDING = 1e-12  # standard errors below this share of what they are computed from
TOLD = {
    "win ratio": "wins / losses, above 1 is in favour of treatment, unlike a hazard ratio",
    "win odds": "wins / losses with ties halved, above 1 is in favour of treatment, "
    "unlike a hazard ratio",
    "net benefit": "share of pairs won less share lost, above 0 is in favour of treatment",
}

# How far each person is known to have come without the event, and where it befell them: one wins
# over another whom it befell before the place that the first is known to have reached.
Course: TypeAlias = tuple[IntArray, IntArray]
Single: TypeAlias = TimeToEvent | BinaryOutcome | NumericOutcome


def win_ratio(
    trial: Trial,
    *,
    outcomes: str | Sequence[str],
    measure: Literal["win ratio", "net benefit", "win odds"] = "win ratio",
    strata: str | Sequence[str] | None = None,
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Compare everyone under treatment with everyone under control, the gravest outcome first.

    Parameters
    ----------
    trial : Trial
    outcomes : str or sequence of str
        From the most to the least important, each of something bad: of times to an event the
        later wins, of numbers the smaller, of yes and no the no. Times are in one unit.
    measure : {"win ratio", "net benefit", "win odds"}
        Pairs won divided by pairs lost; the share won less the share lost; or the ratio with each
        tie half won and half lost.
    strata : str or sequence of str, optional
        Columns; by default the strata of the randomisation; () for none. Pairs are made within.
    level : float
    analysis_set : str
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    Estimate
        Ratio above 1, or net benefit above 0: in favour of treatment, the opposite of a hazard
        ratio. `by_arm` holds the shares of pairs that control and treatment win; `method` the
        share that each outcome decided. `events` counts the people with any of the events.

    Raises
    ------
    UnknownColumn, TrialError
        For names the trial does not have; for repeated events and counts over a time at risk; for
        times in different units.
    ImpossibleDesign
        When an arm has nobody of whom every outcome is known; when an outcome is named twice.

    Notes
    -----
    Two people are compared while both are followed. Whoever has the event when the other is known
    to be still free of it loses; at equal times the censored one is free and wins, and two events
    tie. Times tie up to rounding, numbers where they are equal. If the outcome does not tell, the
    next one does. So the result depends on how long people
    are followed, as longer follow-up lets graver outcomes decide more pairs. What competes with
    an event ends its follow-up, as censoring does; name it too, before the event, for it to count.

    A pair in a stratum of n people weighs 1 / n. The variance has the two projections of the
    U-statistic in each stratum, with divisors n − 1; someone alone in an arm of a stratum is set
    against the mean of all strata. Ratios are taken on the log scale. In strata of a few people
    intervals are too wide: in simulations by up to a sixth in fours, by two fifths in pairs.

    References
    ----------
    Pocock, Ariti, Collier and Wang (2012); Buyse (2010) for the net benefit; Dong et al. (2020)
    for the win odds; Dong, Qiu, Wang and Vandemeulebroecke (2018) for strata; Bebu and Lachin
    (2016), Dong, Li, Ballerstedt and Vandemeulebroecke (2016) and, for its divisors, DeLong,
    DeLong and Clarke-Pearson (1988) for the variance. Checked against R survival's concordance on
    Rossi, recid and lung, against pROC, and against loops over pairs in R.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> round(win_ratio(load_rossi(), outcomes=["rearrest"]).value, 4)
    1.4448
    """
    check_choice(measure, "measure", TOLD)
    check_level(level)
    names = as_names(outcomes)
    people = _known(trial, names, analysis_set, arm)
    stratum, told = strata_of(trial, people, strata)
    if stratum is None:
        stratum = np.zeros(people.people.size, dtype=np.int64)
    courses = [_course(_single(trial, name), people.people) for name in names]
    duels = _fought(courses, 2 * stratum + people.arm)
    by_arm, variance = _measured(duels, measure)
    difference = measure == "net benefit"
    log_scale = "" if difference else " on the log scale"
    numbers = [name for name in names if isinstance(trial.outcome(name), NumericOutcome)]
    parts = (
        TOLD[measure],
        f"the smaller {' and '.join(numbers)} wins" if numbers else "",
        duels.told(names),
        told,
        f"variance of U-statistics; Wald interval{log_scale}",
    )
    return wald_contrast(
        people,
        estimand=measure,
        measure="difference" if difference else "ratio",
        by_arm=by_arm,
        # of a ratio they are of its log, which `wald_contrast` makes by dividing by the square
        variance=variance if difference else variance * by_arm**2,
        level=level,
        method="; ".join(part for part in parts if part),
        reason=_reason(duels, by_arm, ratio=not difference),
        time_point=NAN,
    )


def _known(trial: Trial, names: tuple[str, ...], analysis_set: str, arm: str | None) -> Compared:
    """Return those of whom every outcome is known, and whether any of the events befell them."""
    if not names:
        raise TrialError("`outcomes` is empty; name at least one outcome, the gravest first.")
    each = [
        compare(trial, outcome=name, analysis_set=analysis_set, kind="any", arm=arm)
        for name in names
    ]
    observed = [_single(trial, name) for name in names]
    units = sorted({one.unit for one in observed if isinstance(one, TimeToEvent)})
    if len(units) > 1:
        raise TrialError(f"`outcomes` are in {' and '.join(units)}; give all times in one unit.")
    first = each[0]
    people = reduce(np.intersect1d, [one.people for one in each])
    kept = np.isin(first.people, people)
    code = first.arm[kept]
    lost = np.bincount(first.arm[~kept], minlength=2)
    for place, name in enumerate(first.arms):
        if not (code == place).any():
            raise ImpossibleDesign(
                f"Arm {name!r} has nobody of whom all of `outcomes` are known in analysis set "
                f"{analysis_set!r}; a comparison needs people in every arm."
            )
    befell = [
        (one.event if isinstance(one, TimeToEvent) else one.value)[people]
        for one in observed
        if not isinstance(one, NumericOutcome)
    ]
    return Compared(
        outcome=", then ".join(names),
        analysis_set=analysis_set,
        unit="".join(units),
        arms=first.arms,
        people=people,
        arm=code,
        time=np.zeros(0),
        event=np.any(befell, axis=0) if befell else np.zeros(0, dtype=bool),
        missing=tuple(int(a + b) for a, b in zip(first.missing, lost, strict=True)),
        value=np.zeros(0 if befell else people.size),
    )


def _single(trial: Trial, name: str) -> Single:
    """Return an outcome by which two people can be compared."""
    observed = trial.outcome(name)
    if isinstance(observed, Episodes):
        raise TrialError(
            f"Outcome {name!r} is of repeated events, but a pair is compared by one event; derive "
            "the first with `time_to_reoffence`, or use `recurrent_hazard_ratio`."
        )
    if isinstance(observed, CountOutcome):
        raise TrialError(
            f"Outcome {name!r} is a count over a time at risk, and two people at risk for "
            "different times cannot be compared by their counts; use `rate_ratio`, or the time to "
            "the first event."
        )
    return observed


def _course(observed: Single, people: IntArray) -> Course:
    """Return one outcome of the people compared as places, the better the higher."""
    if isinstance(observed, TimeToEvent):
        event = observed.event[people]
        # those censored at a time are known to be free of an event at that time
        reached = 2 * time_grid(observed.time[people])[1] + ~event
        return reached, np.where(event, reached, NEVER)
    # numbers as they are, while times tie up to rounding: an outlier must not make others tie
    place = np.unique(-observed.value[people].astype(np.float64), return_inverse=True)[1]
    return place, place


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Duels:
    """All pairs within strata, and how they ended.

    Attributes
    ----------
    cell : (n,) int
        Twice the stratum, plus the arm.
    won : (n, 2) int
        Of the pairs each person is in, those that control and that treatment won.
    decided : (m,) int
        Pairs that each outcome decided.
    """

    cell: IntArray
    won: IntArray
    decided: IntArray

    @property
    def own(self) -> IntArray:
        """Return (n,) people of the same arm and stratum."""
        return np.bincount(self.cell)[self.cell]

    @property
    def rivals(self) -> IntArray:
        """Return (n,) people of the other arm in the same stratum."""
        other: IntArray = self.cell ^ 1
        return np.bincount(self.cell, minlength=int(self.cell.max()) + 2)[other]

    @property
    def pairs(self) -> int:
        """Pairs made."""
        return int(self.rivals[self.cell % 2 == 1].sum())

    def told(self, names: tuple[str, ...]) -> str:
        """Tell how many pairs there are, what share each outcome decided, and who is alone."""
        if not self.pairs:
            return ""
        shares = [
            f"{name} decided {count / self.pairs:.1%}"
            for name, count in zip(names, self.decided, strict=True)
        ]
        tied = 1 - int(self.decided.sum()) / self.pairs
        alone = int(((self.own == 1) & (self.rivals > 0)).sum())
        few = (
            f"; {counted(alone, 'person', 'people')} alone in an arm of a stratum" if alone else ""
        )
        return f"of {self.pairs:,} pairs {', '.join(shares)}, tied {tied:.1%}{few}"


def _fought(courses: list[Course], cell: IntArray) -> _Duels:
    """Compare all pairs within strata, in blocks of bounded memory."""
    won = np.zeros((cell.size, 2), dtype=np.int64)
    decided = np.zeros(len(courses), dtype=np.int64)
    sizes = np.bincount(cell, minlength=2 * (int(cell.max()) // 2 + 1))
    members = np.split(np.argsort(cell, kind="stable"), np.cumsum(sizes)[:-1])
    for control, treated in zip(members[::2], members[1::2], strict=True):
        rows = max(1, PAIRS_AT_ONCE // max(1, control.size))
        for start in range(0, treated.size if control.size else 0, rows):
            some = treated[start : start + rows]
            undecided = np.ones((some.size, control.size), dtype=bool)
            for place, (reached, befell) in enumerate(courses):
                worse = befell[some][:, None] < reached[control]
                better = reached[some][:, None] > befell[control]
                for winner, ahead in enumerate((worse, better)):
                    ahead &= undecided
                    decided_here = np.count_nonzero(ahead, axis=1)
                    won[some, winner] += decided_here
                    won[control, winner] += np.count_nonzero(ahead, axis=0)
                    decided[place] += decided_here.sum()
                    undecided &= ~ahead
    return _Duels(cell=cell, won=won, decided=decided)


def _measured(duels: _Duels, measure: str) -> tuple[FloatArray, FloatArray]:
    """Return what control and treatment win, and what control and treatment add to the variance.

    The variance is of the difference of the two, or of the log of their ratio.
    """
    able = duels.rivals > 0
    cell, own, rivals = duels.cell[able], duels.own[able], duels.rivals[able]
    if not cell.size:
        return np.zeros(2), np.zeros(2)
    share = duels.won[able] / rivals[:, None]
    if measure == "win odds":
        share += (1 - share.sum(axis=1, keepdims=True)) / 2
    weight = rivals / (own + rivals)  # Mantel-Haenszel, of each person
    treated = cell % 2 == 1
    weight = weight / weight[treated].sum()
    by_arm: FloatArray = weight[treated] @ share[treated]
    if measure == "net benefit":
        gradient = np.array([-1.0, 1.0])
    elif (by_arm > 0).all():
        gradient = np.array([-1.0, 1.0]) / by_arm
    else:
        return by_arm, np.zeros(2)
    projection = share @ gradient
    mean = (np.bincount(cell, projection) / np.maximum(np.bincount(cell), 1))[cell]
    centred = projection - np.where(own > 1, mean, by_arm @ gradient)
    spread = (weight * centred) ** 2 * own / np.maximum(own - 1, 1)
    variance = floats(np.bincount(cell % 2, spread, minlength=2))
    # of the shares themselves: where all pairs tie, their difference is rounding
    constant = variance.sum() <= (ROUNDING * (share @ np.abs(gradient)).max()) ** 2
    alone = np.bincount(cell % 2, minlength=2).min() < 2
    return by_arm, np.zeros(2) if constant or alone else variance


def _reason(duels: _Duels, by_arm: FloatArray, *, ratio: bool) -> str:
    """Return why there is no ratio or no variance, if there is none."""
    if not duels.pairs:
        return "no stratum holds people of both arms"
    if not duels.decided.sum():
        return "all pairs are tied"
    if ratio and not by_arm.all():
        return f"treatment {'loses' if by_arm[1] else 'wins'} no pair"
    if np.bincount(duels.cell[duels.rivals > 0] % 2).min() < 2:
        return "an arm has one person to compare, which tells nothing of how people vary"
    return "people do not vary within the arms, so there is no variance"
