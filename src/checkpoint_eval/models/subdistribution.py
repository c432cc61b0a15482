"""Fine and Gray's model of the subdistribution hazard, in sorted sums: no rows are multiplied."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval._checks import as_names, check_level
from checkpoint_eval._display import Shown, grid_frame
from checkpoint_eval.errors import InvalidData
from checkpoint_eval.models.compared import compare
from checkpoint_eval.models.competing import cause_row, causes_of
from checkpoint_eval.models.design_matrix import design_matrix
from checkpoint_eval.models.partial_likelihood import Directions, sandwich, without_rounding
from checkpoint_eval.models.wald import wald_log_ratio
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN, Estimate

LARGEST_STEPS, TOLERANCE = 50, 1e-11


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class SubdistributionFit(Shown):
    """A fitted subdistribution hazard model.

    Attributes
    ----------
    coef : (p,) float
        Log subdistribution hazard ratios; NaN where the likelihood runs to infinity.
    covariance : (p, p) float
        Fine and Gray's, which takes account of the estimated censoring distribution.
    loglik_null, loglik : float
    """

    coef: FloatArray
    covariance: FloatArray
    loglik_null: float
    loglik: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row a coefficient; the places of a batch come first."""
        return grid_frame(("place",), coef=self.coef, std_error=np.sqrt(np.diag(self.covariance)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sorted:
    """People by rising time, and the times at which somebody had the event.

    Attributes
    ----------
    x : (n, p) float
    kind : (n,) int
        0 censored, 1 the event, 2 another cause.
    time : (n,) float
    at : (e,) int
        The first row at or after each event time.
    deaths : (e,) int
    free : (e,) float
        G(t−), the share still uncensored just before each event time.
    own_free : (n,) float
        G(T−) of each person.
    """

    x: FloatArray
    kind: IntArray
    time: FloatArray
    at: IntArray
    deaths: IntArray
    free: FloatArray
    own_free: FloatArray

    @classmethod
    def of(cls, x: FloatArray, time: FloatArray, kind: IntArray) -> "Sorted":
        """Sort people and estimate the censoring distribution by Kaplan–Meier."""
        order = np.argsort(time, kind="stable")
        x, time, kind = x[order], time[order], kind[order]
        grid, first, number = np.unique(time, return_index=True, return_counts=True)
        place = np.repeat(np.arange(grid.size), number)
        censored = np.bincount(place[kind == 0], minlength=grid.size)
        with np.errstate(divide="ignore", invalid="ignore"):
            after = np.cumprod(1 - censored / (time.size - first))
        before = np.concatenate([[1.0], after[:-1]])
        deaths = np.bincount(place[kind == 1], minlength=grid.size)
        some = np.flatnonzero(deaths)
        return cls(
            x=floats(x - x.mean(axis=0)),
            kind=kind,
            time=time,
            at=first[some],
            deaths=deaths[some],
            free=before[some],
            own_free=floats(before[place]),
        )

    def sums(self, values: FloatArray) -> FloatArray:
        """Return (e, ...) sums over the risk sets, those with another cause weighted by G."""
        waiting = np.cumsum(values[::-1], axis=0)[::-1][self.at]
        gone = values * np.where(self.kind == 2, 1 / self.own_free, 0.0).reshape(
            -1, *(1,) * (values.ndim - 1)
        )
        earlier = np.concatenate([np.zeros_like(gone[:1]), np.cumsum(gone, axis=0)])[self.at]
        return floats(waiting + self.free.reshape(-1, *(1,) * (values.ndim - 1)) * earlier)

    def while_at_risk(self, per_event: FloatArray) -> FloatArray:
        """Return (n, ...) sums over the event times each person is at risk at, weighted."""
        shape = (-1, *(1,) * (per_event.ndim - 1))
        zero = np.zeros_like(per_event[:1])
        running = np.concatenate([zero, np.cumsum(per_event, axis=0)])
        weighted = np.concatenate([zero, np.cumsum(per_event * self.free.reshape(shape), axis=0)])
        reached = np.searchsorted(self.time[self.at], self.time, side="right")
        later = (weighted[-1] - weighted[reached]) / self.own_free.reshape(shape)
        return floats(running[reached] + np.where((self.kind == 2).reshape(shape), later, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _State:
    loglik: float
    score: FloatArray
    information: FloatArray
    risk: FloatArray
    jump: FloatArray  # (e,) baseline subdistribution hazard at each event time
    mean: FloatArray  # (e, p)


def _evaluate(people: Sorted, coef: FloatArray) -> _State:
    eta = people.x @ coef
    top = float(eta.max())
    risk = np.exp(eta - top)
    s0 = people.sums(risk)
    mean = people.sums(risk[:, None] * people.x) / s0[:, None]
    jump = people.deaths / s0
    event = people.kind == 1
    expected = risk * people.while_at_risk(jump)
    residual = event - expected
    squares = (people.x * expected[:, None]).T @ people.x
    return _State(
        loglik=float((eta - top)[event].sum() - people.deaths @ np.log(s0)),
        score=people.x.T @ residual,
        information=without_rounding(squares - (people.deaths[:, None] * mean).T @ mean, squares),
        risk=risk,
        jump=jump,
        mean=mean,
    )


def fine_gray(x: FloatArray, time: FloatArray, kind: IntArray) -> SubdistributionFit:
    """Fit the subdistribution hazard of the event.

    Parameters
    ----------
    x : (n, p) float
    time : (n,) float
    kind : (n,) int
        0 censored, 1 the event, 2 another cause.

    Returns
    -------
    SubdistributionFit
        Tied events as Breslow has them.

    References
    ----------
    Fine and Gray (1999), JASA 94, 496-509. Checked against R cmprsk::crr.

    Examples
    --------
    >>> import numpy as np
    >>> arm = np.array([[0.0], [0.0], [0.0], [1.0], [1.0], [1.0]])
    >>> fit = fine_gray(arm, np.array([2.0, 3, 5, 1, 4, 6]), np.array([1, 2, 1, 2, 1, 0]))
    >>> fit.coef.round(3)
    array([-0.834])
    """
    cause = np.asarray(kind)
    if not (cause.shape == np.shape(time) == (len(x),) and (cause == 1).any()):
        raise InvalidData("`x`, `time` and `kind` need one row each a person, and an event.")
    people = Sorted.of(floats(x), floats(time), cause)
    p = people.x.shape[1]
    coef = np.zeros(p)
    null = state = _evaluate(people, coef)
    still = Directions.of(state.information, null.information)
    for _ in range(LARGEST_STEPS):
        step = still.inverse() @ state.score
        reach = float(np.abs(people.x @ step).max())
        step = step * min(1.0, 10 / reach) if reach > 0 else step
        gain, size = float(step @ state.score), 1.0
        new = _evaluate(people, coef + step)
        while not new.loglik >= state.loglik - 1e-12 * abs(state.loglik) and size > 1e-6:
            size /= 2
            new = _evaluate(people, coef + size * step)
        coef, state = coef + size * step, new
        still = Directions.of(state.information, null.information)
        vanished = still.infinite
        if gain <= TOLERANCE * (1 + abs(state.loglik)):
            break
    else:
        vanished = np.ones(p, dtype=bool)  # still climbing: no maximum within reach
    covariance = sandwich(_influence(people, state), still.inverse())
    gone = vanished[:, None] | vanished
    return SubdistributionFit(
        coef=np.where(vanished, np.nan, coef),
        covariance=np.where(gone, np.nan, covariance),
        loglik_null=null.loglik,
        loglik=state.loglik,
    )


def _influence(people: Sorted, state: _State) -> FloatArray:
    """Return (n, p) score residuals, with what estimating the censoring adds to each person."""
    jump, mean = state.jump, state.mean
    at_risk = people.while_at_risk(jump)[:, None] * people.x
    at_risk -= people.while_at_risk(jump[:, None] * mean)
    residual = -state.risk[:, None] * at_risk
    event = np.flatnonzero(people.kind == 1)
    place = np.searchsorted(people.time[people.at], people.time[event])
    residual[event] += people.x[event] - mean[place]
    return floats(residual + _censoring(people, state))


def _censoring(people: Sorted, state: _State) -> FloatArray:
    """Return (n, p) what each person adds through the estimated censoring distribution.

    q(u) sums, over those with another cause before u, their weighted residuals from u on; each
    person adds q/π at the own censoring, less its sum over the censoring hazard before.
    """
    hazard = people.free * state.jump
    zero = np.zeros((1, people.x.shape[1]))
    ahead = np.append(np.cumsum(hazard[::-1])[::-1], 0.0)
    ahead_mean = np.concatenate(
        [np.cumsum((hazard[:, None] * state.mean)[::-1], axis=0)[::-1], zero]
    )
    gone = np.where(people.kind == 2, state.risk / people.own_free, 0.0)
    n = people.time.size
    grid, first, number = np.unique(people.time, return_index=True, return_counts=True)
    earlier = np.append(0.0, np.cumsum(gone))[first]
    earlier_x = np.concatenate([zero, np.cumsum(gone[:, None] * people.x, axis=0)])[first]
    # what happens at a censoring's own time is still ahead of it, as cmprsk has it
    after = np.searchsorted(people.time[people.at], grid, side="left")
    q = earlier_x * ahead[after, None] - earlier[:, None] * ahead_mean[after]
    left = n - first
    place = np.repeat(np.arange(grid.size), number)
    censored = np.bincount(place[people.kind == 0], minlength=grid.size)
    share = q / left[:, None]
    running = np.cumsum(share * (censored / left)[:, None], axis=0)
    return floats(np.where((people.kind == 0)[:, None], share[place], 0.0) - running[place])


def subdistribution_hazard_ratio(
    trial: Trial,
    *,
    outcome: str,
    cause: str | None = None,
    adjust: str | Sequence[str] = (),
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Compare the subdistribution hazard of an event between arms.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A time-to-event outcome with competing causes.
    cause : str, optional
        A competing cause; the event itself when left out.
    adjust : str or sequence of str
        Baseline columns; categories become indicators.
    level : float
    analysis_set : str
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    Estimate
        Scale "ratio": below 1 means a lower cumulative incidence under treatment. `std_error` is
        of the log.

    Raises
    ------
    TrialError
        When the outcome has no such cause.

    Notes
    -----
    Those who had another cause stay in the risk set, weighted by the chance to be still
    uncensored. It orders cumulative incidences, but is no rate among the living: for that, censor
    other causes and ask for `hazard_ratio`. Not stratified.

    References
    ----------
    Fine and Gray (1999), JASA 94, 496-509, with their variance and Breslow's ties. Checked
    against R cmprsk::crr on mgus2.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval.cohort import Recording, Scenario, generate, practice_trial
    >>> told = Scenario(people=300, recording=Recording(deaths=0.2))
    >>> trial = practice_trial(generate(told, np.random.default_rng(1)))
    >>> 0.5 < subdistribution_hazard_ratio(trial, outcome="reoffence").value < 2
    True
    """
    check_level(level)
    names = as_names(adjust)
    people = compare(
        trial, outcome=outcome, analysis_set=analysis_set, kind="time", arm=arm, complete=names
    )
    codes, others = causes_of(trial, people)
    row = cause_row(outcome, others, cause)
    kind = np.where(codes == row + 1, 1, np.where(codes > 0, 2, 0))
    matrix = design_matrix(trial, people, names)
    what = "" if row == 0 else f" of {cause}"
    adjusted = f"; adjusted for {', '.join(names)}" if names else ""
    event, log_ratio, error = kind == 1, NAN, NAN
    without = [
        name for code, name in enumerate(people.arms) if not (event & (people.arm == code)).any()
    ]
    reason = (
        f"nobody had it in {without[0]!r}" if without else "the likelihood has no finite maximum"
    )
    if not without:
        fit = fine_gray(matrix.values, people.time, kind)
        if fit.covariance[0, 0] == 0:
            reason = "people's residuals cancel, so there is no variance"
        log_ratio, error = float(fit.coef[0]), float(np.sqrt(fit.covariance[0, 0]))
    return wald_log_ratio(
        people,
        estimand=f"subdistribution hazard ratio{what}",
        log_ratio=log_ratio,
        std_error=error,
        level=level,
        method=f"Fine–Gray, Breslow ties, unstratified{adjusted}",
        reason=reason,
        adjusted_for=names,
    )
