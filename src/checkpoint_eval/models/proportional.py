"""Are hazards proportional? The score test of Grambsch and Therneau."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray, floats, frozen
from checkpoint_eval._checks import as_names, check_choice
from checkpoint_eval._display import Shown, text_table
from checkpoint_eval.models.compared import Compared, compare, strata_of
from checkpoint_eval.models.design_matrix import design_matrix
from checkpoint_eval.models.event_tables import EventTable, event_table
from checkpoint_eval.models.partial_likelihood import (
    CoxRegression,
    Ties,
    cox_regression,
    inverse_of,
    schoenfeld_sums,
)
from checkpoint_eval.models.risk_sets import RiskSets
from checkpoint_eval.models.survival import kaplan_meier
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN

Transform = Literal["km", "rank", "identity", "log"]
TRANSFORMS: tuple[str, ...] = ("km", "rank", "identity", "log")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ProportionalHazardsTest(Shown):
    """Whether log hazard ratios change with time, for each term and all together.

    Attributes
    ----------
    terms : (p,) str
    statistic : (p,) float
        Chi-squares on 1 df.
    p_value : (p,) float
    global_statistic, global_p_value : float
        Of all terms together, on p df.
    transform : str
        The scale of time along which a change is looked for.
    reason : str
        Why there is no test, where there is none.
    """

    outcome: str
    analysis_set: str
    terms: tuple[str, ...]
    statistic: FloatArray
    p_value: FloatArray
    global_statistic: float
    global_p_value: float
    transform: str
    method: str
    reason: str = ""

    def __post_init__(self) -> None:
        for name in ("statistic", "p_value"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64))

    def to_frame(self) -> pd.DataFrame:
        """Return one row a term, and one for all together."""
        p = len(self.terms)
        return pd.DataFrame(
            {
                "term": [*self.terms, "all"],
                "statistic": [*self.statistic, self.global_statistic],
                "df": [1] * p + [p],
                "p_value": [*self.p_value, self.global_p_value],
            }
        )

    def __repr__(self) -> str:
        told = f" Not estimable: {self.reason}." if self.reason else ""
        if self.p_value.size and self.p_value[0] < 0.05:
            told += (
                f" The hazard ratio of {self.terms[0]!r} changes with time: one number for all of "
                "follow-up misleads; see `restricted_mean`."
            )
        return (
            f"Proportional hazards of {self.outcome}, {self.analysis_set}; {self.method}.{told}\n"
            f"{text_table(self.to_frame())}"
        )


def proportional_hazards_test(
    trial: Trial,
    *,
    outcome: str,
    adjust: str | Sequence[str] = (),
    strata: str | Sequence[str] | None = None,
    transform: Transform = "km",
    ties: Ties = "efron",
    analysis_set: str = "itt",
) -> ProportionalHazardsTest:
    """Test whether hazards are proportional, for the arms and each covariate.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A time-to-event outcome.
    adjust, strata, ties, analysis_set
        As in `fit_cox`.
    transform : {"km", "rank", "identity", "log"}
        Against 1 − S(t−) of Kaplan–Meier over everyone, the rank of the event time among all times
        of follow-up (as R has it), time itself, or its logarithm.

    Returns
    -------
    ProportionalHazardsTest
        Small p: the log hazard ratio changes with time.

    Raises
    ------
    ImpossibleDesign, UnknownColumn
        As in `fit_cox`.

    Notes
    -----
    The score test of a term times g(t), at the fit; R's ``cox.zph`` from survival 3.0 on. Not
    rejecting is no proof: a trial that is small enough never rejects.

    References
    ----------
    Grambsch and Therneau (1994), Biometrika 81, 515-526. Checked against R cox.zph on Rossi and
    recid.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> found = proportional_hazards_test(load_rossi(), outcome="rearrest")
    >>> bool(found.p_value[0] > 0.05)
    True
    """
    check_choice(transform, "transform", TRANSFORMS)
    check_choice(ties, "ties", ("efron", "breslow"))
    names = as_names(adjust)
    people = compare(
        trial,
        outcome=outcome,
        analysis_set=analysis_set,
        kind="time",
        every_arm=True,
        complete=names,
    )
    matrix = design_matrix(trial, people, names)
    stratum, told = strata_of(trial, people, strata)
    p = len(matrix.terms)
    statistic, whole, reason = _tested(people, matrix.values, stratum, transform, ties)
    covariates = f"adjusted for {', '.join(names)}" if names else ""
    parts = (f"score test against {transform}, {ties.capitalize()} ties", told, covariates)
    return ProportionalHazardsTest(
        outcome=outcome,
        analysis_set=analysis_set,
        terms=matrix.terms,
        statistic=statistic,
        p_value=chdtrc(1, statistic),
        global_statistic=whole,
        global_p_value=float(chdtrc(p, whole)) if whole == whole else NAN,
        transform=transform,
        method="; ".join(part for part in parts if part),
        reason=reason,
    )


def _tested(
    people: Compared, x: FloatArray, stratum: IntArray | None, transform: str, ties: Ties
) -> tuple[FloatArray, float, str]:
    """Return chi-squares of each term, of all together, and why there are none."""
    none = np.full(x.shape[1], np.nan)
    own = people.time[people.event]
    if np.unique(own).size < 2:
        told = "all events happen at one time, so nothing can change" if own.size else "no events"
        return none, NAN, told
    if transform == "log" and not (own > 0).all():
        return none, NAN, "an event at time 0 has no logarithm; use another transform"
    sets = RiskSets.of(x, people.time, people.event, stratum=stratum)
    result = cox_regression(sets, ties=ties)
    if result.infinite.any():
        return none, NAN, "the partial likelihood has no finite maximum"
    scale = time_scale(people.time, people.event, transform)
    # everybody with the event at a time has one value of it
    found = np.zeros(sets.deaths.size)
    found[sets.last[sets.dead]] = scale
    return *zph_score(found, *schoenfeld_sums(sets, result.coef, ties)), ""


def time_scale(time: FloatArray, event: BoolArray, transform: str) -> FloatArray:
    """Return (d,) the transformed times of the events, in the order of the people."""
    own = time[event]
    if transform == "identity":
        return floats(own)
    if transform == "log":
        return floats(np.log(own))
    if transform == "rank":
        # Imported here: every hazard ratio loads this file, and nothing else of scipy.stats.
        from scipy.stats import rankdata

        return floats(rankdata(time)[event])
    table = event_table(time, event, np.zeros(time.size, dtype=np.int64), groups=1)
    after = kaplan_meier(table).survival[0]
    before = np.concatenate([[1.0], after[:-1]])
    return floats(1 - before[np.searchsorted(table.time, own)])


def changes_with_time(
    sets: RiskSets, result: CoxRegression, table: EventTable, *, ties: Ties, term: int
) -> float:
    """Return the p-value of one term of the test against 1 − S(t−), at a fit; NaN without one."""
    if sets.deaths.size < 2 or result.infinite.any():
        return NAN
    pooled = EventTable(
        time=table.time,
        at_risk=table.at_risk.sum(axis=-2, keepdims=True),
        events=table.events.sum(axis=-2, keepdims=True),
    )
    before = np.concatenate([[1.0], kaplan_meier(pooled).survival[0]])
    g = 1 - before[np.searchsorted(table.time, sets.time)]
    g = g - g.mean()
    residual, information = schoenfeld_sums(sets, result.coef, ties, columns=(term,))
    once, twice = g @ information[:, 0], float(g**2 @ information[:, 0, term])
    left = twice - float(once @ result.covariance @ once)
    score = float(g @ residual[:, term])
    return float(chdtrc(1, score**2 / left)) if left > 1e-12 * twice else NAN


def zph_score(
    scale: FloatArray, residual: FloatArray, information: FloatArray
) -> tuple[FloatArray, float]:
    """Return (p,) chi-squares of each term, and of all together.

    Parameters
    ----------
    scale : (e,) float
        g at each event time.
    residual : (e, p) float
        Sums of Schoenfeld residuals.
    information : (e, p, p) float
        What each event time adds to the information.
    """
    number = information.shape[0]
    g = scale - scale.mean() if number else scale  # a shift changes nothing but rounding
    score = g @ residual
    plain, once, twice = (
        np.tensordot(power, information, axes=1) for power in (np.ones(number), g, g**2)
    )
    inverse = inverse_of(plain)
    left = twice - once @ inverse @ once
    each = score**2 / np.where(np.diag(left) > 0, np.diag(left), np.nan)
    whole = float(score @ inverse_of(left) @ score)
    return floats(each), whole
