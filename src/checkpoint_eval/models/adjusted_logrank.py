"""Covariate-adjusted log-rank test and marginal hazard ratio: a gain that needs no model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval._checks import as_names, check_level, counted
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.models.compared import Compared, compare, strata_of
from checkpoint_eval.models.design_matrix import design_matrix
from checkpoint_eval.models.event_tables import EventTable
from checkpoint_eval.models.wald import wald_log_ratio
from checkpoint_eval.models.weighted_logrank import NO_VARIANCE
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN, Estimate, SignificanceTest

WIDEST = 20.0  # log hazard ratios beyond this are infinite
UNEXPLAINED = "the covariates leave no variance"
ALIKE = 1e-9  # what covariates differ by, in their own size, is rounding below this


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Adjusting:
    """n people of two arms with covariates, by stratum, and their event table.

    Attributes
    ----------
    arm, stratum : (n,) int
    at : (n,) int
        Each person's place in the grid of times.
    event : (n,) bool
    x : (n, p) float
        Covariates less their means within the stratum.
    table : EventTable
        (s, 2, m)
    """

    arm: IntArray
    stratum: IntArray
    at: IntArray
    event: FloatArray
    x: FloatArray
    table: EventTable

    @classmethod
    def of(cls, people: Compared, stratum: IntArray | None, x: FloatArray) -> "Adjusting":
        """Read the people compared."""
        s = np.zeros(people.time.size, dtype=np.int64) if stratum is None else stratum
        table = people.table_by_stratum(stratum)
        return cls(
            arm=people.arm,
            stratum=s,
            at=np.minimum(np.searchsorted(table.time, people.time), table.time.size - 1),
            event=floats(people.event),
            x=_centred(x, s),
            table=table,
        )

    @property
    def n(self) -> int:
        """How many people."""
        return int(self.arm.size)

    def derived(self, log_ratio: float) -> tuple[FloatArray, float]:
        """Return (n,) derived outcomes, and Σ d p(1 − p), at a log hazard ratio.

        p is the treated share of the hazard at risk. A treated person's outcome is
        ∫ (1 − p)(dN − Y·θ·dΛ), a control's ∫ p (dN − Y·dΛ), dΛ = d/(r₀ + θr₁).
        """
        r, d = floats(self.table.at_risk), floats(self.table.events.sum(axis=-2))
        theta = float(np.exp(log_ratio))
        exposed = r[:, 0] + theta * r[:, 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            p = np.where(exposed > 0, theta * r[:, 1] / exposed, 0.0)
            hazard = np.where(exposed > 0, d / exposed, 0.0)
        weight = np.stack([p, 1 - p], axis=1)
        spent = np.cumsum(weight * hazard[:, None] * np.array([1.0, theta])[:, None], axis=-1)
        place = (self.stratum, self.arm, self.at)
        return floats(self.event * weight[place] - spent[place]), float((d * p * (1 - p)).sum())

    def null_variance(self) -> float:
        """Return the log-rank variance, hypergeometric where events tie."""
        r, d = floats(self.table.at_risk), floats(self.table.events.sum(axis=-2))
        everyone = r.sum(axis=-2)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(everyone > 0, r[:, 1] / everyone, 0.0)
            tie = np.where(everyone > 1, d * (everyone - d) / (everyone - 1), 0.0)
        return float((tie * share * (1 - share)).sum())

    def slopes(self, derived: FloatArray) -> FloatArray:
        """Return (2, p) least-squares slopes of derived outcomes within each arm and stratum."""
        found = []
        for arm in (0, 1):
            own = self.arm == arm
            x = _centred(self.x[own], self.stratum[own])
            size, whole = np.linalg.norm(x, axis=0), np.linalg.norm(self.x, axis=0)
            varied = size > ALIKE * whole  # a covariate alike in an arm foretells nothing there
            unit = x[:, varied] / size[varied]
            if np.linalg.matrix_rank(unit, tol=ALIKE) < unit.shape[1]:
                raise ImpossibleDesign(
                    "Within an arm and its strata covariates are combinations of each other; "
                    "name fewer in `adjust`, or coarser `strata`."
                )
            slope = np.zeros(varied.size)
            slope[varied] = np.linalg.lstsq(unit, derived[own], rcond=None)[0] / size[varied]
            found.append(slope)
        return floats(np.stack(found))

    def score(self, derived: FloatArray, slopes: FloatArray) -> float:
        """Return treated less control derived outcomes, less what covariates explain of it."""
        sign = np.where(self.arm == 1, 1.0, -1.0)
        explained = np.einsum("np,np->n", self.x, slopes[self.arm])
        return float((sign * (derived - explained)).sum())

    def explained(self, slopes: FloatArray) -> float:
        """Return by how much covariates lessen the variance of the score."""
        treated = float(self.arm.mean())
        both = slopes.sum(axis=0)
        total = 0.0
        for code in np.unique(self.stratum):
            own = self.stratum == code
            if own.sum() > 1:
                spread = self.x[own].T @ self.x[own] / (own.sum() - 1)
                total += float(own.sum()) * float(both @ spread @ both)
        return treated * (1 - treated) * total


def _centred(x: FloatArray, stratum: IntArray) -> FloatArray:
    number = np.bincount(stratum)
    means = np.stack([np.bincount(stratum, weights=column) for column in x.T], axis=1)
    return floats(x - (means / np.maximum(number, 1)[:, None])[stratum])


def _read(
    trial: Trial,
    outcome: str,
    adjust: str | Sequence[str],
    strata: str | Sequence[str] | None,
    analysis_set: str,
    arm: str | None,
) -> tuple[Compared, Adjusting, str, tuple[str, ...]]:
    names = as_names(adjust)
    if not names:
        raise TrialError("`adjust` names no covariate; without any, ask for `logrank_test`.")
    people = compare(
        trial, outcome=outcome, analysis_set=analysis_set, kind="time", arm=arm, complete=names
    )
    stratum, told = strata_of(trial, people, strata)
    x = design_matrix(trial, people, names).values[:, len(people.arms) - 1 :]
    if min(people.n) < x.shape[1] + 2:
        raise ImpossibleDesign(
            f"An arm has {counted(min(people.n), 'person', 'people')} for "
            f"{counted(x.shape[1], 'covariate')}; name fewer in `adjust`."
        )
    return people, Adjusting.of(people, stratum, x), told, names


def adjusted_logrank_test(
    trial: Trial,
    *,
    outcome: str,
    adjust: str | Sequence[str],
    strata: str | Sequence[str] | None = None,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> SignificanceTest:
    """Test as the log-rank test does, with the chance imbalance of covariates taken out.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A time-to-event outcome.
    adjust : str or sequence of str
        Baseline columns that foretell the outcome; categories become indicators.
    strata : str or sequence of str, optional
        As in `logrank_test`.
    analysis_set : str
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    SignificanceTest
        Signed z, negative when treatment has fewer events.

    Raises
    ------
    TrialError
        Without covariates.
    ImpossibleDesign
        For constant or collinear covariates, or more than an arm can bear.

    Notes
    -----
    The same null hypothesis as the log-rank test, valid however wrong the linear working model is,
    and never less powerful in large trials. It supposes that censoring does not depend on the
    covariates within an arm.

    Each person has a derived outcome, ∫ (1 − p)(dN − Y dΛ) under treatment and ∫ p(dN − Y dΛ) under
    control, p the share treated of those at risk, dΛ = d/r. Treatment's less control's add up to
    observed less expected events; taken off is what least squares within each arm, slopes β₁ and
    β₀, foretells from covariates less their means. The variance is the log-rank test's,
    hypergeometric where events tie, less nπ(1 − π)(β₁ + β₀)ᵀΣ(β₁ + β₀), π the share treated and
    Σ the covariates' covariance; over strata both are summed, with slopes in common.

    References
    ----------
    Ye, Shao and Yi (2024), Biometrika 111, 691-705. Checked against R RobinCar2 on Rossi and lung.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> test = adjusted_logrank_test(load_rossi(), outcome="rearrest", adjust=["age", "prio"])
    >>> round(test.statistic, 4)
    -1.824
    """
    people, held, told, names = _read(trial, outcome, adjust, strata, analysis_set, arm)
    derived, _ = held.derived(0.0)
    slopes = held.slopes(derived)
    plain = held.null_variance()
    variance = plain - held.explained(slopes)
    method = "; ".join(
        part for part in (f"log-rank, adjusted for {', '.join(names)}", told) if part
    )
    z = p_value = NAN
    if variance > 0:
        z = held.score(derived, slopes) / float(np.sqrt(variance))
        p_value = float(2 * ndtr(-abs(z)))
    else:
        method += f"; not estimable: {UNEXPLAINED if plain > 0 else NO_VARIANCE}"
    return SignificanceTest(
        test="covariate-adjusted log-rank test",
        outcome=outcome,
        analysis_set=analysis_set,
        arms=people.arms,
        statistic=z,
        df=1.0,
        p_value=p_value,
        method=method,
        n=people.n,
        events=people.events(),
        missing=people.missing,
        unit=people.unit,
    )


def marginal_hazard_ratio(
    trial: Trial,
    *,
    outcome: str,
    adjust: str | Sequence[str],
    strata: str | Sequence[str] | None = None,
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Estimate the hazard ratio of the arms alone, made sharper by covariates.

    Parameters
    ----------
    trial, outcome, adjust, strata, analysis_set, arm
        As in `adjusted_logrank_test`.
    level : float

    Returns
    -------
    Estimate
        Scale "ratio". The number that `hazard_ratio` without covariates estimates too, where
        `hazard_ratio(adjust=)` answers another question: of people who are alike.

    Raises
    ------
    TrialError, ImpossibleDesign
        As in `adjusted_logrank_test`.

    Notes
    -----
    The root of the score of `adjusted_logrank_test` at a hazard ratio θ, with p = θr₁/(r₀ + θr₁),
    dΛ = d/(r₀ + θr₁) and slopes held at those of the Cox model of the arms alone. The variance is
    (I − nπ(1 − π)(β₁ + β₀)ᵀΣ(β₁ + β₀))/I², I = Σ d p(1 − p).

    References
    ----------
    Ye, Shao and Yi (2024), Biometrika 111, 691-705; Breslow's ties. Checked against R RobinCar2
    on Rossi and lung.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> found = marginal_hazard_ratio(load_rossi(), outcome="rearrest", adjust=["age", "prio"])
    >>> round(float(found.value), 4)
    0.7175
    """
    check_level(level)
    people, held, told, names = _read(trial, outcome, adjust, strata, analysis_set, arm)
    method = "; ".join(
        part
        for part in (f"marginal Cox, Breslow ties, adjusted for {', '.join(names)}", told)
        if part
    )
    log_ratio, error, reason = _solved(held)
    return wald_log_ratio(
        people,
        estimand="marginal hazard ratio",
        log_ratio=log_ratio,
        std_error=error,
        level=level,
        method=method,
        reason=reason,
        adjusted_for=names,
    )


def _solved(held: Adjusting) -> tuple[float, float, str]:
    """Return the log hazard ratio, its standard error, and why there is none."""
    none = np.zeros((2, held.x.shape[1]))

    def root(slopes: FloatArray) -> float:
        def score(log_ratio: float) -> float:
            return held.score(held.derived(log_ratio)[0], slopes)

        if not score(-WIDEST) * score(WIDEST) < 0:
            return NAN
        return float(brentq(score, -WIDEST, WIDEST, xtol=1e-13))

    plain = root(none)
    if np.isnan(plain):
        return NAN, NAN, "the partial likelihood has no finite maximum"
    slopes = held.slopes(held.derived(plain)[0])
    log_ratio = root(slopes)
    if np.isnan(log_ratio):
        return NAN, NAN, "the adjusted score has no root"
    information = held.derived(log_ratio)[1]
    variance = information - held.explained(slopes)
    if not variance > 0:
        return NAN, NAN, UNEXPLAINED
    return log_ratio, float(np.sqrt(variance)) / information, ""
