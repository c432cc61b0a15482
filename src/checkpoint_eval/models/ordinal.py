"""Ordinal odds ratio: whether treatment makes what happens less severe, grade by grade."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray, floats
from checkpoint_eval._checks import as_names, as_tuple, check_level, is_number
from checkpoint_eval.errors import InvalidData, TrialError
from checkpoint_eval.models.compared import Compared, compare, strata_of
from checkpoint_eval.models.cox_models import refuse_repeated
from checkpoint_eval.models.design_matrix import design_matrix, refuse_collinear
from checkpoint_eval.models.ordinal_fits import Brant, Graded, OrdinalFit, brant, proportional_odds
from checkpoint_eval.models.wald import wald_log_ratio
from checkpoint_eval.outcomes.observed import BinaryOutcome, NumericOutcome
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import Estimate, SignificanceTest

MOST = 10  # grades that are taken as such without being stated


def ordinal_odds_ratio(
    trial: Trial,
    *,
    outcome: str,
    grades: Sequence[float] | None = None,
    adjust: str | Sequence[str] = (),
    strata: str | Sequence[str] | None = None,
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Estimate by what factor treatment multiplies the odds of something more severe.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A number that stands for a grade of severity (`NumericOutcome`), or a yes or no.
    grades : sequence of float, optional
        All grades there are, ascending, the least severe first. Default: those that occur, at
        most ten. Only their order counts.
    adjust : str or sequence of str
        Baseline columns.
    strata : str or sequence of str, optional
        Columns whose combinations enter as indicators. Default: the strata of the randomisation.
        ``()`` means none.
    level : float
    analysis_set : str
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    Estimate
        Below 1: less severe under treatment. `std_error` is of the log. `method` holds the people
        in each grade by arm, the odds ratio of exceeding each grade, and Brant's test that these
        agree (`proportional_odds_test`).

    Raises
    ------
    TrialError
        For outcomes that are not graded, or have more than ten values without `grades`.
    InvalidData
        When a person's grade is not among `grades`.
    ImpossibleDesign
        For constant or collinear covariates, which are named.
    UnknownColumn
        For names the trial does not have.

    Notes
    -----
    Model: logit P(grade > g) = arm + strata + covariates − θ_g, with one coefficient of the arm for
    all g (proportional odds). Where the odds ratios differ by g, it is a mean of them whose weights
    depend on how people spread over the grades. Covariates make it an effect given them, which
    lies farther from 1 than the crude one. The variance is of the observed information. With many
    small strata the indicators draw it away from 1: name fewer, or none, in `strata`.

    Without strata and covariates it lies below 1 exactly when the win odds of treatment
    (`win_ratio` with measure="win odds") lie above 1, and the score test of no effect is
    Wilcoxon's; the win odds need no proportional odds. A grade that nobody has does not count.
    Strata where all have the lowest, or all the highest grade compare nothing. Grades that a column
    tells apart: not estimable.

    References
    ----------
    McCullagh (1980), Journal of the Royal Statistical Society B 42; Brant (1990), Biometrics 46.
    Engine: statsmodels OrderedModel. Checked against R MASS polr, VGAM vglm and glm, and a slow
    reference.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame(
    ...     {"arm": [0] * 6 + [1] * 6, "harm": [0, 1, 1, 2, 2, 3, 0, 0, 1, 0, 2, 1]}
    ... )
    >>> trial = Trial.from_frame(people, arm="arm", control=0, numeric={"severity": "harm"})
    >>> round(ordinal_odds_ratio(trial, outcome="severity", grades=[0, 1, 2, 3]).value, 3)
    0.186
    """
    check_level(level)
    asked = _asked(trial, outcome, grades, as_names(adjust), strata, analysis_set, arm)
    fit, check = OrdinalFit(reason=asked.reason), Brant()
    if asked.data is not None:
        fit, check = proportional_odds(asked.data), brant(asked.data)
    parts = (
        f"proportional odds by maximum likelihood; {asked.told}",
        asked.ratios(check) if not fit.reason else "",
    )
    return wald_log_ratio(
        asked.people,
        estimand="ordinal odds ratio",
        log_ratio=fit.log_ratio,
        std_error=fit.std_error,
        level=level,
        method="; ".join(part for part in parts if part),
        reason=fit.reason,
        adjusted_for=as_names(adjust),
    )


def proportional_odds_test(
    trial: Trial,
    *,
    outcome: str,
    grades: Sequence[float] | None = None,
    adjust: str | Sequence[str] = (),
    strata: str | Sequence[str] | None = None,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> SignificanceTest:
    """Test whether treatment has one odds ratio for all grades of severity.

    Parameters
    ----------
    trial, outcome, grades, adjust, strata, analysis_set, arm
        As `ordinal_odds_ratio`.

    Returns
    -------
    SignificanceTest
        Chi-square on one degree of freedom fewer than there are grades to exceed. `method` holds
        the odds ratio of exceeding each grade.

    Raises
    ------
    TrialError, InvalidData, ImpossibleDesign, UnknownColumn
        As `ordinal_odds_ratio`.

    Notes
    -----
    Brant's Wald test of the arm alone: a logistic regression for each threshold, whose coefficients
    of the arm are compared with the covariance they have as being of the same people. Few people
    above a threshold make it blind: read the odds ratios too.

    References
    ----------
    Brant (1990), Biometrics 46, 1171-1178. Checked against his formulas in R and a slow reference.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame(
    ...     {"arm": [0] * 6 + [1] * 6, "harm": [0, 1, 1, 2, 2, 0, 0, 0, 1, 0, 2, 0]}
    ... )
    >>> trial = Trial.from_frame(people, arm="arm", control=0, numeric={"severity": "harm"})
    >>> round(proportional_odds_test(trial, outcome="severity").p_value, 3)
    0.701
    """
    asked = _asked(trial, outcome, grades, as_names(adjust), strata, analysis_set, arm)
    found = Brant(reason=asked.reason) if asked.data is None else brant(asked.data)
    told = f"Brant's Wald test of the arm; {asked.told}; {asked.ratios(found, test=False)}"
    return SignificanceTest(
        test="test of proportional odds",
        outcome=outcome,
        analysis_set=analysis_set,
        arms=asked.people.arms,
        statistic=found.statistic,
        df=found.df if not found.reason else np.nan,
        p_value=found.p_value,
        method=told,
        n=asked.people.n,
        events=asked.people.events(),
        missing=asked.people.missing,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Asked:
    """The people compared, what is fitted to them or why nothing is, and what the method tells."""

    people: Compared
    data: Graded | None
    exceeded: tuple[str, ...]
    told: str
    reason: str

    def ratios(self, found: Brant, *, test: bool = True) -> str:
        """Tell the odds ratio of exceeding each grade, and whether they agree."""
        pairs = zip(self.exceeded, found.ratios, strict=False)
        each = ", ".join(f"above {grade}: {ratio:.3g}" for grade, ratio in pairs)
        told = [f"odds ratios {each}"] if each else []
        if found.reason:
            told.append(f"equal odds ratios not tested: {found.reason}" if test
                        else f"not estimable: {found.reason}")  # fmt: skip
        elif test:
            told.append(
                f"Brant's test that they agree: chi-square {found.statistic:.3g} on {found.df} df, "
                f"p = {found.p_value:.3g}"
            )
        return "; ".join(told)


def _asked(
    trial: Trial,
    outcome: str,
    grades: Sequence[float] | None,
    names: tuple[str, ...],
    strata: str | Sequence[str] | None,
    analysis_set: str,
    arm: str | None,
) -> _Asked:
    """Grade the people compared and lay out the columns of the regression."""
    refuse_repeated(names, as_names(() if strata is None else strata))
    people = compare(
        trial, outcome=outcome, analysis_set=analysis_set, kind="any", arm=arm, complete=names
    )
    value, stated = _graded(trial, people, grades)
    stratum, strata_told = strata_of(trial, people, strata)
    kept = _telling(value, stratum)
    some = "" if kept.all() else "strata at the lowest or highest grade only compare nothing"
    parts = (
        _spread(people, value, stated),
        strata_told if stratum is None else f"{strata_told}, as indicators",
        some,
        f"adjusted for {', '.join(names)}" if names else "",
    )
    found, grade = np.unique(value[kept], return_inverse=True)
    reason, data = _without_contrast(people.arm, value, stratum, kept), None
    columns = design_matrix(trial, people, names)
    if not reason:
        data = Graded(
            grade=grade.astype(np.int64),
            columns=_columns(columns.terms, columns.values[kept], stratum, kept),
        )
    return _Asked(
        people=people,
        data=data,
        exceeded=tuple(f"{each:g}" for each in found[:-1]),
        told="; ".join(part for part in parts if part),
        reason=reason,
    )


def _graded(
    trial: Trial, people: Compared, grades: Sequence[float] | None
) -> tuple[FloatArray, FloatArray]:
    """Return (n,) grades of the people compared, and all the grades there are."""
    name = people.outcome
    observed = trial.outcome(name)
    if isinstance(observed, BinaryOutcome):
        value = floats(people.event)
    elif isinstance(observed, NumericOutcome):
        value = people.value + 0.0  # a minus before 0 would be printed
    else:
        raise TrialError(
            f"Outcome {name!r} is not a grade of severity for each person; read one with "
            "`numeric`, or compare times and counts with `win_ratio` or `rate_ratio`."
        )
    found = np.unique(value)
    if grades is None:
        if found.size > MOST:
            raise TrialError(
                f"Outcome {name!r} has {found.size} different values; state `grades` if they are "
                "grades, or use `mean_difference` or `superiority_probability`."
            )
        return value, found
    listed = as_tuple(grades, "grades", of="numbers")
    stated = floats([grade if is_number(grade) else np.nan for grade in listed])
    if stated.size < 2 or not (np.diff(stated) > 0).all():
        raise TrialError(
            f"`grades` must list at least two numbers, ascending, the least severe first; got "
            f"{grades!r}."
        )
    strange = found[~np.isin(found, stated)]
    if strange.size:
        raise InvalidData(
            f"Outcome {name!r} is {strange[0]:g} for {int((value == strange[0]).sum())} of the "
            f"people compared, which is not among `grades`; mend it or state it."
        )
    return value, stated


def _telling(value: FloatArray, stratum: IntArray | None) -> BoolArray:
    """Return (n,) whether a person's stratum has people off the lowest, and off the highest."""
    code = np.zeros(value.size, dtype=np.int64) if stratum is None else stratum
    off = [np.bincount(code, value != end)[code] > 0 for end in (value.min(), value.max())]
    return np.asarray(off[0] & off[1])


def _without_contrast(
    arm: IntArray, value: FloatArray, stratum: IntArray | None, kept: BoolArray
) -> str:
    """Return why grades cannot be compared at all."""
    if np.ptp(value) == 0:
        return f"everyone has the grade {value[0]:g}"
    code = np.zeros(value.size, dtype=np.int64) if stratum is None else stratum
    both = np.bincount(code[kept], arm[kept]) % np.maximum(np.bincount(code[kept]), 1)
    return "" if both.any() else "no stratum with several grades holds both arms"


def _columns(
    terms: tuple[str, ...], values: FloatArray, stratum: IntArray | None, kept: BoolArray
) -> FloatArray:
    """Return the arm, centred and scaled covariates, and indicators of all strata but the first."""
    centred = values - values.mean(axis=0)
    spread = centred.std(axis=0)
    columns = centred / np.where(spread > 0, spread, 1.0)
    columns[:, 0] = values[:, 0]
    if stratum is None:
        return floats(columns)
    own = floats(stratum[kept, None] == np.unique(stratum[kept])[1:])
    # Strata first, so that a covariate that only tells strata apart is the one that is named.
    names = [f"stratum {place}" for place in range(own.shape[1])]
    refuse_collinear([*names, *terms], np.hstack([own, columns]))
    return floats(np.hstack([columns, own]))


def _spread(people: Compared, value: FloatArray, stated: FloatArray) -> str:
    """Tell the grades, and how many people of each arm reached each."""
    table = (value[:, None] == stated)[:, None, :] & (people.arm[:, None] == [0, 1])[:, :, None]
    each = ", ".join(
        f"{grade:g}: {treated} against {control}"
        for grade, (control, treated) in zip(stated, table.sum(axis=0).T.tolist(), strict=True)
    )
    return f"grades {each}"
