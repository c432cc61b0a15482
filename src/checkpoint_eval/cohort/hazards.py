"""Cumulative hazards that reach stated risks, and their inverses."""

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import brentq

from checkpoint_eval._arrays import FloatArray, floats, frozen
from checkpoint_eval.cohort.delivery_parts import Effect
from checkpoint_eval.cohort.people_parts import Reoffending
from checkpoint_eval.errors import TrialError

MONTH = 365 / 12  # days; six months are taken as 182, twelve as 365, twenty-four as 730
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(80)


def days_of(months: float) -> int:
    """Return whole days of some months of equal length."""
    return round(months * MONTH)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CumulativeHazard:
    """H(t), for a susceptible person of mean hazard.

    Attributes
    ----------
    days, total : (k,) float
        Where it bends, from (0, 0), and its value there; between and after straight in `power` of
        time.
    power : float
        1 for a hazard constant in stretches; a Weibull's shape otherwise.
    """

    days: FloatArray
    total: FloatArray
    power: float = 1.0
    _slope: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "days", frozen(self.days, np.float64))
        object.__setattr__(self, "total", frozen(self.total, np.float64))
        stretch = self._time(self.days[-2:])
        slope = float(self.total[-1] - self.total[-2]) / float(stretch[1] - stretch[0])
        object.__setattr__(self, "_slope", slope)

    def _time(self, days: FloatArray) -> FloatArray:
        return days if self.power == 1 else floats(days**self.power)

    def at(self, days: FloatArray) -> FloatArray:
        """Return H at some days."""
        time, bends = self._time(floats(days)), self._time(self.days)
        beyond = np.maximum(time - bends[-1], 0) * self._slope
        return floats(np.interp(time, bends, self.total) + beyond)

    def when(self, total: FloatArray) -> FloatArray:
        """Return the day on which H is so large."""
        bends = self._time(self.days)
        # one more bend, far out, stands for the last stretch; nobody is followed for so long
        far = max(1e7, 2 * float(bends[-1]))
        ends = np.append(bends, far)
        sums = np.append(self.total, self.total[-1] + (far - bends[-1]) * self._slope)
        time = np.interp(total, sums, ends, right=np.inf)
        return floats(time) if self.power == 1 else floats(time ** (1 / self.power))


def marginal_risk(reoffending: Reoffending, total: float) -> float:
    """Return the share of everyone who has reoffended once H is `total`.

    (1 − c)·(1 − E[(1 + v·m·H)^(−1/v)]) over m = exp(βz − β²/2), by Gauss–Hermite quadrature.
    """
    beta, v = reoffending.spread, reoffending.frailty
    hazard = np.exp(beta * NODES - beta**2 / 2) * total
    free = np.exp(-hazard) if v == 0 else (1 + v * hazard) ** (-1 / v)
    return float((1 - reoffending.never) * (1 - WEIGHTS @ free / WEIGHTS.sum()))


def baseline_hazard(reoffending: Reoffending) -> CumulativeHazard:
    """Return the H whose marginal risks are those stated."""

    def solved(risk: float) -> float:
        def off(log: float) -> float:
            return marginal_risk(reoffending, np.exp(log)) - risk

        if not off(-40) < 0 < off(60):
            raise TrialError(
                f"No hazard reaches a risk of {risk:g} with `spread` {reoffending.spread:g} and "
                f"`frailty` {reoffending.frailty:g}; lower them, or `never`."
            )
        return float(np.exp(brentq(off, -40, 60, xtol=1e-12)))

    days = [0.0, *map(float, map(days_of, reoffending.months))]
    totals = [0.0, *map(solved, reoffending.risks)]
    return CumulativeHazard(
        days=np.array(days), total=np.array(totals), power=reoffending.shape or 1.0
    )


def treated_hazard(baseline: CumulativeHazard, effect: Effect) -> CumulativeHazard:
    """Return H under the effect's hazard ratios by time, without what differs between people."""
    starts = np.array(effect.from_days)
    days = np.union1d(baseline.days, starts)
    ratio = np.array(effect.hazard_ratios)[np.searchsorted(starts, days[1:], side="left") - 1]
    total = np.concatenate([[0.0], np.cumsum(np.diff(baseline.at(days)) * ratio)])
    beyond = days[-1] + 365.0  # one bend more, so that the last stretch has the last ratio
    last = total[-1] + effect.hazard_ratios[-1] * float(
        np.diff(baseline.at(np.array([days[-1], beyond])))[0]
    )
    return CumulativeHazard(
        days=np.append(days, beyond), total=np.append(total, last), power=baseline.power
    )
