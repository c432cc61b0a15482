"""The cumulative hazards under a fitted Cox model, and what each person adds to them."""

from dataclasses import dataclass

import numpy as np

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval._memory import remembered
from checkpoint_eval.models.cox_models import CoxModel, person_sets
from checkpoint_eval.models.partial_likelihood import CoxState, evaluate_at, score_residuals
from checkpoint_eval.models.risk_sets import RiskSets


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CoxHazards:
    """Cumulative hazards on the grid of all m times of follow-up, by stratum.

    They are of somebody with the covariates' means of the stratum, whose linear predictor is the
    largest there is in the stratum: a scale on which nothing overflows.

    Attributes
    ----------
    sets : RiskSets
        n people.
    state : CoxState
    time : (m,) float
    place : (e,) int
        Where on the grid each event time is.
    hazard : (s, m) float
    spread : (s, m) float
        Running sum of hazard over risk set: the variance of `hazard` at fixed coefficients.
    slope : (s, m, p) float
        How `hazard` moves with the coefficients.
    reach : (s,) int
        The last grid place at which somebody of the stratum is followed up; −1 without anybody.
    """

    sets: RiskSets
    state: CoxState
    time: FloatArray
    place: IntArray
    hazard: FloatArray
    spread: FloatArray
    slope: FloatArray
    reach: IntArray

    def influence(self, columns: IntArray) -> FloatArray:
        """Return (n, c): what each person adds to the own stratum's hazard at c grid places.

        At fixed coefficients: to first order in the person's case weight.
        """
        sets, t = self.sets, self.state.sums
        dead = sets.dead
        # Up to `last` and after `before`; who is at risk at none has neither.
        until = np.append(self.place, -1)[sets.last]
        since = np.append(self.place, -1)[sets.before]
        running = np.concatenate([np.zeros_like(self.spread[:, :1]), self.spread], axis=1)
        reached = np.minimum(columns, until[:, None])
        own = sets.stratum[:, None]
        left = running[own, np.maximum(reached, since[:, None]) + 1]
        left -= running[own, since[:, None] + 1]
        found = -self.state.risk[:, None] * left
        death = sets.last[dead]
        jump = sets.weight[dead] * (t.h0 / (t.mean_weight * t.steps))[death]
        jump += self.state.risk[dead] * t.q1[death]
        found[dead] += np.where(columns >= until[dead, None], jump[:, None], 0.0)
        return floats(found)


@remembered
def hazards_of(model: CoxModel, coef: tuple[float, ...]) -> CoxHazards:
    """Return the hazards of a model at its fitted coefficients."""
    sets, people = person_sets(model), model.people
    state = evaluate_at(sets, np.array(coef), model.ties)
    t, time = state.sums, people.table().time
    place = np.searchsorted(time, sets.time)
    stratum = np.zeros(sets.deaths.size, dtype=np.int64)
    stratum[sets.last[sets.dead]] = sets.stratum[sets.dead]
    shape = (sets.centre.shape[0], time.size)

    def running(values: FloatArray) -> FloatArray:
        found = np.zeros((*shape, *values.shape[1:]))
        found[stratum, place] = values
        return floats(np.cumsum(found, axis=1))

    reach = np.full(shape[0], -1)
    own = np.zeros(people.time.size, dtype=np.int64) if model.stratum is None else model.stratum
    np.maximum.at(reach, own, np.searchsorted(time, people.time))
    return CoxHazards(
        sets=sets,
        state=state,
        time=time,
        place=place,
        hazard=running(t.h0),
        spread=running(t.q0),
        slope=running(t.q1[:, None] * t.d1 - t.q0[:, None] * t.s1),
        reach=reach,
    )


def moves(hazards: CoxHazards, covariance: FloatArray) -> FloatArray:
    """Return (n, p): how far each person moves the coefficients, to first order."""
    return floats(score_residuals(hazards.sets, hazards.state) @ covariance)
