"""Multiple imputation of missing outcomes, and how far they must depart to turn a result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from checkpoint_eval._checks import as_tuple
from checkpoint_eval._display import Shown, text_table
from checkpoint_eval.models.imputing import (
    Analysis,
    Reference,
    asked_of,
    drawn_from,
    pooled,
    shifts_of,
)
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import Estimate


def multiple_imputation(  # noqa: PLR0913 - the model of the missing has choices of its own
    trial: Trial,
    *,
    outcome: str,
    rng: np.random.Generator,
    analysis: Analysis | None = None,
    covariates: str | Sequence[str] | None = None,
    imputations: int = 20,
    reference: Reference = "own arm",
    delta: float | Mapping[str, float] = 0.0,
    complete_df: float | None = None,
    level: float = 0.95,
) -> Estimate:
    """Estimate an effect with missing outcomes drawn many times over from what foretells them.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A binary or numeric outcome.
    rng : numpy.random.Generator
    analysis : callable, optional
        From a trial without missing outcomes to an `Estimate` with a standard error. Default:
        `mean_difference` of the outcome.
    covariates : str or sequence of str, optional
        Baseline columns that foretell the outcome, and whether it is missing. Default: all
        covariates of the trial and the strata of the randomisation.
    imputations : int
    reference : {"own arm", "control"}
        Whose outcomes tell of the missing: people of the same arm and covariates, so that outcomes
        are missing at random; or control's, as if those lost under treatment had gone without it.
    delta : float or mapping of arm to float
        Added to what is drawn: to an outcome's number, or to the log odds of a yes or no. One
        number is added in every treatment arm, none in control.
    complete_df : float, optional
        Degrees of freedom of the analysis had nothing been missing. Default: people less 2.
    level : float

    Returns
    -------
    Estimate
        Of the kind that `analysis` makes, pooled; ratios on the log scale. `n` counts the imputed,
        `events` those seen only; `method` tells how many were imputed in each arm and the share of
        the variance that is due to it. When nobody's outcome is missing it is the analysis itself.

    Raises
    ------
    TrialError
        For an outcome of another kind, an analysis without a standard error, or options outside
        those stated.
    UnknownColumn
        For names the trial does not have.

    Notes
    -----
    Within each arm a linear regression with normal residuals, or a logistic one, on the covariates;
    its coefficients are drawn anew for each imputation. Missing covariates are set to their mean,
    with an indicator: baseline columns cannot bias a randomised comparison so. Columns that tell
    nothing more among those seen in an arm are left aside there, and counted. Interval and p are
    Student's. Without a maximum of the logistic likelihood, as when nobody seen in an arm has the
    event, it is not estimable.

    With one outcome after baseline "control" is what is called jump to reference and also copy
    reference; Rubin's variance is then wide, as borrowing from control makes arms alike (Carpenter,
    Roger and Kenward 2013).

    References
    ----------
    Rubin (1987), Multiple Imputation for Nonresponse in Surveys; Barnard and Rubin (1999),
    Biometrika 86, 948-955; Carpenter, Roger and Kenward (2013), Journal of Biopharmaceutical
    Statistics 23, 1352-1371. Engine: numpy, statsmodels GLM. Checked against arithmetic by hand,
    least squares and Gauss–Hermite quadrature.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> people = pd.DataFrame(
    ...     {"arm": [0] * 6 + [1] * 6, "days": [9, 7, 8, 10, 9, None, 4, 5, 3, 6, None, 4]}
    ... )
    >>> trial = Trial.from_frame(people, arm="arm", control=0, numeric={"harm": "days"})
    >>> found = multiple_imputation(trial, outcome="harm", rng=np.random.default_rng(1))
    >>> found.n, round(found.value)
    ((6, 6), -4)
    """
    asked = asked_of(trial, outcome, analysis, imputations, complete_df, level)
    shift = shifts_of(trial, delta, "delta")
    drawn = drawn_from(trial, outcome, covariates, imputations, reference, rng)
    return pooled(trial, asked, drawn, shift)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TippingPoint(Shown):
    """One result for each departure of the missing from what the seen foretell.

    Attributes
    ----------
    outcome : str
    deltas : tuple of float
        Ascending, 0 among them.
    estimates : tuple of Estimate
        One each.
    """

    outcome: str
    deltas: tuple[float, ...]
    estimates: tuple[Estimate, ...]

    @property
    def significant(self) -> tuple[bool, ...]:
        """Whether each result's p is below 1 − level."""
        return tuple(each.p_value < 1 - each.level for each in self.estimates)

    @property
    def tips(self) -> tuple[float, ...]:
        """The deltas nearest 0, below it and above, at which significance is not that of 0."""
        told = self.significant
        first = told[self.deltas.index(0.0)]
        turned = [d for d, each in zip(self.deltas, told, strict=True) if each != first]
        below, above = [d for d in turned if d < 0], [d for d in turned if d > 0]
        return (*below[-1:], *above[:1])

    def to_frame(self) -> pd.DataFrame:
        """Return one row a delta."""
        return pd.DataFrame(
            {
                "delta": self.deltas,
                "value": [each.value for each in self.estimates],
                "low": [each.low for each in self.estimates],
                "high": [each.high for each in self.estimates],
                "p_value": [each.p_value for each in self.estimates],
                "significant": self.significant,
            }
        )

    def __repr__(self) -> str:
        told = " and ".join(f"{each:g}" for each in self.tips)
        turns = f"turns at a delta of {told}" if told else "does not turn at any delta tried"
        return (
            f"Tipping point of {self.outcome}: significance {turns}. "
            f"{self.estimates[self.deltas.index(0.0)].method}.\n"
            f"{text_table(self.to_frame().round(4))}"
        )


def tipping_point(  # noqa: PLR0913 - the choices of multiple_imputation, and the deltas
    trial: Trial,
    *,
    outcome: str,
    deltas: Sequence[float],
    rng: np.random.Generator,
    analysis: Analysis | None = None,
    covariates: str | Sequence[str] | None = None,
    imputations: int = 20,
    reference: Reference = "own arm",
    complete_df: float | None = None,
    level: float = 0.95,
) -> TippingPoint:
    """Find how much worse, or better, the missing under treatment must be to turn the result.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A binary or numeric outcome.
    deltas : sequence of float
        Added to what is drawn in every treatment arm: to the number, or to the log odds of a yes
        or no. 0 is tried too.
    rng, analysis, covariates, imputations, reference, complete_df, level
        As in `multiple_imputation`. All deltas shift the same draws.

    Returns
    -------
    TippingPoint

    Raises
    ------
    TrialError, UnknownColumn
        As `multiple_imputation`; for deltas that are not finite numbers.

    References
    ----------
    Permutt (2016), Statistics in Medicine 35, 2876-2879; Carpenter and Kenward (2013), Multiple
    Imputation and its Application. Checked against shifts worked by hand.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> people = pd.DataFrame(
    ...     {"arm": [0] * 6 + [1] * 6, "days": [9, 7, 8, 10, 9, 8, 4, 5, 3, 6, None, 4]}
    ... )
    >>> trial = Trial.from_frame(people, arm="arm", control=0, numeric={"harm": "days"})
    >>> tipping_point(
    ...     trial, outcome="harm", deltas=[0, 10, 20], rng=np.random.default_rng(1)
    ... ).tips
    (10.0,)
    """
    asked = asked_of(trial, outcome, analysis, imputations, complete_df, level)
    tried = (0.0, *as_tuple(deltas, "deltas", of="numbers"))
    added = [shifts_of(trial, each, "deltas") for each in tried]
    shifts = dict(zip(map(float, tried), added, strict=True))
    drawn = drawn_from(trial, outcome, covariates, imputations, reference, rng)
    ordered = tuple(sorted(shifts))
    return TippingPoint(
        outcome=outcome,
        deltas=ordered,
        estimates=tuple(pooled(trial, asked, drawn, shifts[each]) for each in ordered),
    )
