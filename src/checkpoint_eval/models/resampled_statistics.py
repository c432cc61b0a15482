"""Numbers read off the tallies of many draws at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval.models.event_tables import EventTable
from checkpoint_eval.models.resampled_tallies import Cells, Tally
from checkpoint_eval.models.survival import survival_after

Summary: TypeAlias = Callable[[Tally], FloatArray]
Joint: TypeAlias = Callable[[Tally, Tally], FloatArray]

ROUNDING = 1e-8  # a product of fractions reaches 1/2 only up to rounding
UNLOST = 1e-12  # share of the horizon: of a sum of areas, when nobody of a draw has an event
ITERATIONS = 50
CONVERGED = 1e-10


def survival_of(tally: Tally) -> FloatArray:
    """Return (b, m) Kaplan–Meier survival, whichever event happened."""
    total = tally.events[0] if len(tally.events) == 1 else tally.events.sum(axis=0)
    return survival_after(tally.at_risk, total)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linear:
    """A number plus a weighted sum of survival: the restricted mean, or survival at a time.

    Below `least` in size it is rounding, and 0.
    """

    constant: float
    weights: FloatArray
    least: float = 0.0

    def __call__(self, tally: Tally) -> FloatArray:
        """Return (b,) numbers."""
        return self._shown(np.einsum("bm,m->b", survival_of(tally), self.weights))

    def _shown(self, weighted: FloatArray) -> FloatArray:
        number = self.constant + weighted
        return floats(np.where(np.abs(number) > self.least, number, 0.0))

    def left_out(self, whole: Tally, cells: Cells) -> tuple[FloatArray, IntArray]:
        """Return the number without one person of each kind, and how many are of that kind.

        Up to when someone leaves, the others survive as if one fewer were at risk; from then on
        as before. Both products run over times once. The grid is of the group's own events.
        """
        r, d, w = whole.at_risk[0], whole.events[0, 0], self.weights
        survival = survival_of(whole)[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            fewer = np.fmin(np.maximum(r - 1 - d, 0) / np.maximum(r - 1, 0), 1.0)
            own = np.fmin((r - d) / (r - 1), 1.0)  # of the others, when one of the d is left out
        before = np.concatenate([[1.0], np.cumprod(fewer)])
        so_far = np.concatenate([[0.0], np.cumsum(w * before[1:])])
        alive = np.concatenate([[1.0], survival])
        coming = np.append(np.cumsum((w * survival)[::-1])[::-1], 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            then = np.where(alive > 0, coming / alive, 0.0)  # 0 at the end of the grid only
        counts = cells.counts()
        kinds = np.flatnonzero(counts)
        place, event = np.divmod(kinds, 2)
        at = np.minimum(place, max(w.size - 1, 0))
        if w.size:
            with_event = own[at] * (w[at] + then[at + 1])
            left = so_far[place] + before[place] * np.where(event == 1, with_event, then[place])
        else:
            left = np.zeros(kinds.size)
        return self._shown(left), counts[kinds]


def linear(name: str, time: FloatArray, horizon: float) -> Linear:
    """Return restricted mean, its complement to the horizon, survival or risk, on a grid."""
    if name.startswith("restricted mean"):
        ends = np.append(time, horizon)
        lost = name.endswith("lost")
        sign = -1.0 if lost else 1.0
        return Linear(
            constant=(horizon if lost else 0.0) + sign * float(ends[0]),
            weights=sign * np.diff(ends),
            least=UNLOST * horizon if lost else 0.0,
        )
    sign = -1.0 if name == "risk" else 1.0
    weights = np.zeros(time.size)
    weights[-1:] = sign
    none = 0.0 if name == "risk" else 1.0
    return Linear(constant=none if not time.size else float(name == "risk"), weights=weights)


def incidence(tally: Tally) -> FloatArray:
    """Return (b,) Aalen–Johansen incidence of the first cause at the end of the grid."""
    after = survival_of(tally)
    before = np.concatenate([np.ones_like(after[:, :1]), after[:, :-1]], axis=-1)
    return floats((before * tally.events[0] / np.maximum(tally.at_risk, 1)).sum(axis=-1))


def mean_events(tally: Tally) -> FloatArray:
    """Return (b,) mean numbers of events at the end of the grid."""
    return floats((tally.events[0] / np.maximum(tally.at_risk, 1)).sum(axis=-1))


def median(tally: Tally) -> FloatArray:
    """Return (b,) times by which half have had the event, NaN where they have not.

    As `survival_quantiles`: the middle of a flat stretch at exactly a half, which ends with
    follow-up if nothing else ends it. The grid is of all times.
    """
    survival, m = survival_of(tally), tally.time.size
    when = np.append(tally.time, np.nan)
    first = np.where(survival <= 0.5 + ROUNDING, np.arange(m), m).min(axis=-1, initial=m)
    beyond = np.where(survival <= 0.5 - ROUNDING, np.arange(m), m).min(axis=-1, initial=m)
    end = when[(tally.at_risk > 0).sum(axis=-1) - 1]
    later = np.where((first < m) & (beyond == m), end, when[beyond])
    return floats((when[first] + later) / 2)


def contrast(name: str, control: FloatArray, treatment: FloatArray) -> FloatArray:
    """Return differences, or ratios where control is above 0 and NaN where it is not."""
    if name.endswith("difference"):
        return floats(treatment - control)
    with np.errstate(divide="ignore", invalid="ignore"):
        return floats(np.where(control > 0, treatment / control, np.nan))


def summary_of(statistic: str, time: FloatArray, horizon: float) -> Summary:
    """Return what is compared between the arms, on a grid of times."""
    name = statistic.rpartition(" ")[0]
    plain: dict[str, Summary] = {
        "median": median,
        "cumulative incidence": incidence,
        "mean events": mean_events,
        "mean": mean_events,  # numbers are tallied as events at one time
    }
    return plain[name] if name in plain else linear(name, time, horizon)


def hazard_ratios(control: Tally, treatment: Tally) -> FloatArray:
    """Return (b,) hazard ratios of two arms by Cox's partial likelihood, Breslow's for ties.

    The score of one covariate with two values needs no more than who is at risk and has the event,
    so Newton's steps are taken for all draws at once. NaN where there is no finite maximum.
    """
    r0, r1 = floats(control.at_risk), floats(treatment.at_risk)
    both = (r0 > 0) & (r1 > 0)  # at other times an event says nothing of the arms
    treated = np.where(both, treatment.events[0], 0).sum(axis=-1)
    d = np.where(both, control.events[0] + treatment.events[0], 0)
    finite = (treated > 0) & (treated < d.sum(axis=-1))
    log_ratio = np.zeros(finite.size)
    ones = np.where(both, r1, 0.5)
    others = np.where(both, r0, 0.5)
    moving = finite  # each draw stops by itself, so that none depends on those beside it
    for _ in range(ITERATIONS):
        raised = np.exp(log_ratio)[:, None] * ones
        share = raised / (others + raised)
        score = treated - np.einsum("bm,bm->b", d, share)
        information = np.einsum("bm,bm,bm->b", d, share, 1 - share)
        step = np.zeros(finite.size)
        np.divide(score, information, out=step, where=moving)
        log_ratio += np.clip(step, -1.0, 1.0)
        moving = np.abs(step) >= CONVERGED
        if not moving.any():
            break
    return floats(np.where(finite, np.exp(log_ratio), np.nan))


def event_tables_of(control: Tally, treatment: Tally) -> EventTable:
    """Return the (b, 2, m) event tables of two arms on one grid."""
    b = max(control.at_risk.shape[0], treatment.at_risk.shape[0])
    shape = (b, control.time.size)
    at_risk, events = (
        np.stack([np.broadcast_to(each, shape) for each in arms], axis=1)
        for arms in (
            (control.at_risk, treatment.at_risk),
            (control.events[0], treatment.events[0]),
        )
    )
    return EventTable(time=control.time, at_risk=at_risk, events=events)
