"""Analyses of many simulated trials at once, read off their event tables."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from checkpoint_eval._arrays import BoolArray, FloatArray, floats
from checkpoint_eval._checks import check_choice, check_count, check_positive
from checkpoint_eval.cohort.resampling import TrialBatch
from checkpoint_eval.design.allocation import Rule
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.event_tables import EventTable, reverse_cumsum
from checkpoint_eval.models.logrank_weights import LOG_RANK, Weight, check_weight
from checkpoint_eval.models.proportions import TwoProportions, score_statistic
from checkpoint_eval.models.rerandomise import randomisation_test
from checkpoint_eval.models.resampled_statistics import hazard_ratios
from checkpoint_eval.models.resampled_tallies import Tally
from checkpoint_eval.models.restricted_means import restricted_mean_of
from checkpoint_eval.models.survival import kaplan_meier
from checkpoint_eval.models.weighted_logrank import logrank_z
from checkpoint_eval.power.trial_sources import OUTCOME, trial_of

PowerStatistic: TypeAlias = Literal[
    "log-rank", "hazard ratio", "restricted mean difference", "risk difference"
]
REDRAWN = ("log-rank", "risk difference", "restricted mean difference")
Answers: TypeAlias = tuple[FloatArray, FloatArray]
REDRAWN_CELLS = 1 << 22  # people times allocations in memory at once
SLACK = 1e-9  # sums of the same numbers in another order tie up to rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """One way of analysing every simulated trial, many trials at once.

    Parameters
    ----------
    statistic : {"log-rank", "hazard ratio", "restricted mean difference", "risk difference"}
        What is found in each trial: the log-rank z, or the estimate that is named.
    horizon : int, optional
        Days at which restricted means and risks are read; default: that of the scenario.
    weight : Weight
        Of the log-rank test.
    draws : int
        0: p by the normal distribution. Otherwise the scenario's rule is redrawn so many times;
        with 999 the test has its size. Not for the hazard ratio, whose score test is the log-rank.

    Raises
    ------
    TrialError
        For options outside those stated, or that the statistic does not use.

    Notes
    -----
    "log-rank" is `logrank_test`; "hazard ratio" Cox's by Wald's test, Breslow's for ties;
    "restricted mean difference" is `restricted_mean`. "risk difference" is Miettinen and Nurminen's
    score test, whose interval is that of `risk_difference`, and where someone of the trial is
    censored before the horizon Kaplan–Meier's difference by Greenwood's variance.
    Redrawn, the log-rank statistic is observed less expected events, not divided by their standard
    error: linear in the allocation, so that all trials and draws are one product of matrices. The
    draws are shared between the trials of a block, whose people differ. Restricted means are not
    linear: `randomisation_test` is asked of one trial after another.

    References
    ----------
    As the verbs named. Checked against them, trial by trial.

    Examples
    --------
    >>> Analysis(statistic="restricted mean difference", horizon=365).told
    'restricted mean difference to 365 days'
    """

    statistic: PowerStatistic
    horizon: int | None = None
    weight: Weight = LOG_RANK
    draws: int = 0

    def __post_init__(self) -> None:
        check_choice(self.statistic, "statistic", get_args(PowerStatistic))
        check_weight(self.weight)
        check_count(self.draws, "draws", least=0)
        if self.horizon is not None:
            check_positive(self.horizon, "horizon")
            if self.statistic in ("log-rank", "hazard ratio"):
                raise TrialError(
                    f"`horizon` is of restricted means and risks, not of the {self.statistic}; "
                    "leave it out."
                )
        if self.weight != LOG_RANK and self.statistic != "log-rank":
            raise TrialError(
                f"`weight` is of the log-rank test, not of the {self.statistic}; leave it out."
            )
        if self.draws and (self.statistic not in REDRAWN or self.weight != LOG_RANK):
            raise TrialError(
                "`draws` are for the unweighted log-rank test, which is also the score test of the "
                "hazard ratio, the risk difference and the restricted mean difference; for others "
                "give a function of trial and generator that asks `randomisation_test`."
            )

    @property
    def told(self) -> str:
        """What results call it."""
        parts: list[str] = [self.statistic]
        if self.weight != LOG_RANK:
            parts = [f"{self.weight.told} weighted log-rank"]
        if self.horizon is not None:
            parts.append(f"{'to' if 'mean' in self.statistic else 'at'} {self.horizon:g} days")
        if self.draws:
            parts.append(f"by {self.draws:,} re-randomisations")
        return " ".join(parts)

    def of(self, block: "Block", rng: np.random.Generator) -> Answers:
        """Return (b,) values and (b,) p-values; NaN where not estimable."""
        when = block.horizon if self.horizon is None else self.horizon
        if self.draws and self.statistic == "restricted mean difference":
            return _redrawn_means(block, when, self.draws, rng)
        if self.draws:
            return _redrawn(block, self.statistic, when, self.draws, rng)
        if self.statistic == "log-rank":
            z = logrank_z(block.table, self.weight)
            return z, _p_value(z)
        if self.statistic == "hazard ratio":
            return _hazard_ratio(block)
        if self.statistic == "restricted mean difference":
            return _restricted_mean(block, when)
        return _risk_difference(block, when)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """Some trials, and their event tables on each one's own days with events.

    Attributes
    ----------
    batch : TrialBatch
    table : EventTable
        time (b, 1, m), at_risk and events (b, 1, 2, m): a trial with fewer than m such days has
        times without end, without events.
    horizon : int
    rule : Rule
    """

    batch: TrialBatch
    table: EventTable
    horizon: int
    rule: Rule

    def arms(self) -> tuple[Tally, Tally]:
        """Return control and treatment."""
        at_risk, events = self.table.at_risk[:, 0], self.table.events[:, 0]
        control, treatment = (
            Tally(time=self.table.time, at_risk=at_risk[:, arm], events=events[None, :, arm])
            for arm in (0, 1)
        )
        return control, treatment


def block_of(batch: TrialBatch, *, horizon: int, rule: Rule) -> Block:
    """Count people at risk and events of every trial on the days of its own events.

    Nothing that reads a table changes on other days, and short tables are quick.
    """
    b = batch.time.shape[0]
    days = int(batch.time.max(initial=0)) + 1
    start = np.arange(0, b * days, days)
    at = batch.time + start[:, None]
    happened = np.zeros(b * days, dtype=bool)
    happened[np.compress(batch.event.ravel(), at.ravel())] = True
    before = np.cumsum(happened.reshape(b, days), axis=1, dtype=np.int64)
    own = before[:, -1]
    m = max(1, int(own.max(initial=0)))
    # someone is at risk at the first so many of the trial's days with events
    cell = np.take(before, at)
    cell += batch.arm * np.int64(m + 1)
    cell += np.arange(0, 2 * b * (m + 1), 2 * (m + 1))[:, None]
    size = 2 * b * (m + 1)
    cell += batch.event * np.int64(size)
    counts = np.bincount(cell.reshape(-1), minlength=2 * size).reshape(2, b, 1, 2, m + 1)
    time = np.full((b, 1, m), np.inf)
    time[:, 0][np.arange(m) < own[:, None]] = np.flatnonzero(happened) - np.repeat(start, own)
    table = EventTable(
        time=time,
        at_risk=np.ascontiguousarray(reverse_cumsum((counts[0] + counts[1])[..., 1:])),
        events=counts[1, ..., 1:],
    )
    return Block(batch=batch, table=table, horizon=horizon, rule=rule)


def _p_value(z: FloatArray) -> FloatArray:
    return floats(2 * ndtr(-np.abs(z)))


def _wald(difference: FloatArray, variance: FloatArray) -> FloatArray:
    """Return z; NaN without variance."""
    z = np.full(difference.shape, np.nan)
    np.divide(difference, np.sqrt(variance), out=z, where=variance > 0)
    return z


def _hazard_ratio(block: Block) -> Answers:
    """Return hazard ratios, and p by Wald's test; without a finite maximum by the score test."""
    control, treatment = block.arms()
    ratio = hazard_ratios(control, treatment)
    finite = ~np.isnan(ratio)
    raised = np.where(finite, ratio, 1.0)[:, None] * treatment.at_risk
    share = raised / np.maximum(control.at_risk + raised, np.finfo(float).tiny)
    events = control.events[0] + treatment.events[0]
    information = np.einsum("bm,bm,bm->b", events, share, 1 - share)
    score = treatment.events[0].sum(axis=-1) - np.einsum("bm,bm->b", events, share)
    step = np.where(finite, np.log(ratio) * information, score)
    return ratio, _p_value(_wald(step, information))


def _followed(block: Block, when: float) -> NDArray[np.int64]:
    """Return (b, 2) people who are followed to a time or beyond."""
    there, arm = block.batch.time >= when, block.batch.arm == 1
    treated = np.count_nonzero(there & arm, axis=1)
    return np.stack([np.count_nonzero(there, axis=1) - treated, treated], axis=1)


def _restricted_mean(block: Block, when: float) -> Answers:
    found = restricted_mean_of(block.table, horizon=when)
    difference = floats(found.mean[:, 0, 1] - found.mean[:, 0, 0])
    variance = floats(found.variance[:, 0].sum(axis=-1))
    at_risk, events = block.table.at_risk[:, 0], block.table.events[:, 0]
    ended = ((events > 0) & (events == at_risk)).any(axis=-1)  # survival is 0
    known = ((_followed(block, when) > 0) | ended).all(axis=1)
    difference[~(known & (variance > 0))] = np.nan
    return difference, _p_value(_wald(difference, variance))


def _risk_difference(block: Block, when: float) -> Answers:
    time, event, arm = block.batch.time, block.batch.event, block.batch.arm
    people = np.stack([(arm == code).sum(axis=1) for code in (0, 1)], axis=1)
    by_then = event & (time <= when)
    treated = (by_then & (arm == 1)).sum(axis=1)
    events = np.stack([by_then.sum(axis=1) - treated, treated], axis=1)
    both = (people > 0).all(axis=1)
    value, z = (np.full(both.size, np.nan) for _ in range(2))
    counts = TwoProportions(
        control_events=events[both, 0],
        control_n=people[both, 0],
        treatment_events=events[both, 1],
        treatment_n=people[both, 1],
    )
    value[both] = counts.treatment - counts.control
    z[both] = score_statistic(counts, "difference", np.zeros(int(both.sum())))
    censored = (~event & (time < when)).any(axis=1)
    if censored.any():
        difference, wald = _difference_of_curves(block, when)
        value, z = np.where(censored, difference, value), np.where(censored, wald, z)
    return value, _p_value(z)


def _difference_of_curves(block: Block, when: float) -> Answers:
    """Return the difference in risk by Kaplan–Meier at a time, and z by Greenwood's variance."""
    table = block.table
    curve = kaplan_meier(table)
    reached = (table.time <= when).sum(axis=-1)[:, 0]  # (b,) days with events by then
    trial, place = np.arange(reached.size), np.maximum(reached - 1, 0)
    some = reached[:, None] > 0
    survival = np.where(some, curve.survival[trial, 0, :, place], 1.0)
    # of survival 0 Greenwood's variance is 0, as of survival 1
    spread = np.where(some & (survival > 0), curve.std_error[trial, 0, :, place], 0.0)
    known = ((_followed(block, when) > 0) | (survival <= 0)).all(axis=1)
    z = _wald(survival[:, 0] - survival[:, 1], np.where(known, (spread**2).sum(axis=1), 0.0))
    return np.where(np.isnan(z), np.nan, survival[:, 0] - survival[:, 1]), z


def _redrawn(
    block: Block, statistic: str, when: float, draws: int, rng: np.random.Generator
) -> Answers:
    """Return statistics, and how often allocations drawn again have one as large."""
    arm, n = block.batch.arm, block.batch.arm.shape[1]
    lost: BoolArray = np.zeros(arm.shape[0], dtype=bool)
    if statistic == "log-rank":
        score = _scores(block)
    else:
        score = floats(block.batch.event & (block.batch.time <= when))
        lost = np.asarray((~block.batch.event & (block.batch.time < when)).any(axis=1))
    total = score.sum(axis=1, keepdims=True)

    def of(treated: FloatArray, people: FloatArray) -> FloatArray:
        if statistic == "log-rank":
            return treated
        return _mean_difference(treated, people, total, n)

    observed = of((arm * score).sum(axis=1, keepdims=True), floats(arm.sum(axis=1)[:, None]))
    large = np.abs(observed) - SLACK * np.maximum(1.0, np.abs(observed))
    extreme = np.zeros(arm.shape[0], dtype=np.int64)
    for first in range(0, draws, max(1, REDRAWN_CELLS // n)):
        some = min(max(1, REDRAWN_CELLS // n), draws - first)
        codes = floats(block.rule.draw_many(n, some, rng))
        values = of(score @ codes.T, codes.sum(axis=1))
        extreme += np.count_nonzero(~(np.abs(values) < large), axis=1)
    observed = np.where(lost, np.nan, observed[:, 0])
    return observed, np.where(np.isnan(observed), np.nan, (extreme + 1) / (draws + 1))


def _redrawn_means(block: Block, when: float, draws: int, rng: np.random.Generator) -> Answers:
    """Return restricted mean differences, and p by redrawing one trial after another."""
    value = _restricted_mean(block, when)[0]
    p_value = np.full_like(value, np.nan)
    for row in np.flatnonzero(~np.isnan(value)):
        p_value[row] = randomisation_test(
            trial_of(block.batch, int(row), block.rule),
            outcome=OUTCOME,
            statistic="restricted mean difference",
            horizon=when,
            draws=draws,
            rng=rng,
        ).p_value
    return value, p_value


def _mean_difference(
    treated: FloatArray, people: FloatArray, total: FloatArray, n: int
) -> FloatArray:
    """Return differences in the share with the event; NaN where an arm is empty."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return floats(treated / people - (total - treated) / (n - people))


def _scores(block: Block) -> FloatArray:
    """Return (b, n) events less the hazard that each person was at, pooled over the arms.

    Those of treatment add up to its observed less expected events.
    """
    r, d = block.table.at_risk.sum(axis=(1, 2)), block.table.events.sum(axis=(1, 2))
    hazard = np.cumsum(d / np.maximum(r, 1), axis=-1)
    start = np.concatenate([np.zeros((hazard.shape[0], 1)), hazard], axis=1)
    days = block.table.time[:, 0]
    place = np.stack(
        [
            np.searchsorted(own, time, side="right")
            for own, time in zip(days, block.batch.time, strict=True)
        ]
    )
    return floats(block.batch.event - np.take_along_axis(start, place, axis=1))
