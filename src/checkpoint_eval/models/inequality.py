"""How unequally something is spread over people: Gini's coefficient and Lorenz curves by arm."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logit, ndtri

from checkpoint_eval._arrays import FloatArray, floats, frozen
from checkpoint_eval._checks import check_level
from checkpoint_eval._display import Shown
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.amounts import amounts
from checkpoint_eval.models.compared import Compared, strata_of
from checkpoint_eval.models.wald import wald_contrast
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN, Estimate

TOLD = "Gini coefficients, each of pairs of two people; jack-knife variance"
# Standard errors below this are rounding.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Inequality(Shown):
    """How unequally harm, or anything of at least 0, is spread over the people of two arms.

    Attributes
    ----------
    difference : Estimate
        Gini coefficient of treatment less that of control; negative: more equal under treatment.
    gini : (control, treatment)
        NaN where nobody has any.
    low, high : (control, treatment)
        Interval of each coefficient at the level of `difference`; NaN where there is none.
    people : tuple of (n + 1,) float
        By arm, control first: the share of people, those with least first, from 0 to 1.
    share : tuple of (n + 1,) float
        The share of the sum that they have: the Lorenz curve. NaN where nobody has any.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"arm": [0] * 4 + [1] * 4, "days": [0, 0, 10, 30, 5, 5, 10, 20]})
    >>> trial = Trial.from_frame(people, arm="arm", control=0, numeric={"harm": "days"})
    >>> found = harm_inequality(trial, outcome="harm")
    >>> [round(each, 4) for each in found.gini]
    [0.8333, 0.4167]
    >>> round(found.held_by(0.25)[1], 4)
    0.5
    """

    difference: Estimate
    gini: tuple[float, float]
    low: tuple[float, float]
    high: tuple[float, float]
    people: tuple[FloatArray, FloatArray]
    share: tuple[FloatArray, FloatArray]

    def __post_init__(self) -> None:
        for name in ("people", "share"):
            curves = tuple(frozen(each, np.float64) for each in getattr(self, name))
            object.__setattr__(self, name, curves)

    @property
    def arms(self) -> tuple[str, str]:
        """Control and treatment."""
        return self.difference.contrast[1], self.difference.contrast[0]

    def held_by(self, top: float) -> tuple[float, float]:
        """Return what share of the sum the `top` share of people has, in control and treatment.

        NaN where curves are told of groups of people that are larger.
        """
        if not 0 < top <= 1:
            raise TrialError(f"`top` must lie above 0 and not above 1, got {top!r}; 5 % is 0.05.")
        control, treatment = (
            float(1 - np.interp(1 - top, people, share)) if _is_fine(people, top, n) else NAN
            for people, share, n in zip(self.people, self.share, self.difference.n, strict=True)
        )
        return control, treatment

    def __repr__(self) -> str:
        found, percent = self.difference, f"{100 * self.difference.level:g}% interval"
        each = "; ".join(
            f"{arm}: {gini:.4g} ({percent} {low:.4g} to {high:.4g})"
            for arm, gini, low, high in zip(self.arms, self.gini, self.low, self.high, strict=True)
        )
        return f"Inequality of {found.outcome}, Gini coefficient of {each}. {found!r}"

    def to_frame(self) -> pd.DataFrame:
        """Return one row an arm."""
        top = self.held_by(0.1)
        return pd.DataFrame(
            {
                "arm": self.arms,
                "n": self.difference.n,
                "missing": self.difference.missing,
                "gini": self.gini,
                "low": self.low,
                "high": self.high,
                "held_by_top_tenth": top,
            }
        )


def harm_inequality(
    trial: Trial,
    *,
    outcome: str,
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Inequality:
    """Describe how unequally harm is spread over people, and whether treatment changes that.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A numeric outcome of at least 0.
    level : float
    analysis_set : str
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    Inequality
        Both Gini coefficients, their difference, and Lorenz curves to draw with `plot_lorenz`.

    Raises
    ------
    InvalidData
        For numbers below 0, naming the person.
    TrialError
        When the outcome is not a number for each person.

    Notes
    -----
    Gini's coefficient is the mean difference of two people of an arm over twice the mean: 0 when
    all have the same, 1 when one has everything. It is n/(n − 1) times twice the area between the
    Lorenz curve and the diagonal, so that arms of different size compare. Each person is left out
    in turn; variances are those of the jack-knife. The interval of each coefficient is symmetric on
    the logit scale; that of the difference is normal. Where few people have most of the harm, the
    intervals are too short; and a lower coefficient is not less harm: see `mean_difference`. Not
    stratified.

    References
    ----------
    Gini (1912); Yitzhaki (1991), Journal of Business and Economic Statistics 9, 235-239 (the
    jack-knife). Checked against every pair counted, everyone left out, and base R.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"arm": [0] * 4 + [1] * 4, "days": [0, 0, 10, 30, 5, 5, 10, 20]})
    >>> trial = Trial.from_frame(people, arm="arm", control=0, numeric={"harm": "days"})
    >>> round(harm_inequality(trial, outcome="harm").difference.value, 4)
    -0.4167
    """
    check_level(level)
    people = amounts(trial, outcome=outcome, analysis_set=analysis_set, arm=arm, negative=False)
    values = [np.sort(people.value[people.arm == code]) for code in (0, 1)]
    found = [_gini(each) for each in values]
    gini, variance = (floats(each) for each in zip(*found, strict=True))
    _, unstratified = strata_of(trial, people, ())
    difference = wald_contrast(
        people,
        estimand="Gini difference",
        measure="difference",
        by_arm=gini,
        variance=variance,
        level=level,
        method="; ".join(each for each in (TOLD, unstratified) if each),
        reason=_without(people, values),
        time_point=NAN,
    )
    ends = [_logit_interval(*each, level=level) for each in found]
    curves = [_lorenz(each) for each in values]
    return Inequality(
        difference=difference,
        gini=(found[0][0], found[1][0]),
        low=(ends[0][0], ends[1][0]),
        high=(ends[0][1], ends[1][1]),
        people=(curves[0][0], curves[1][0]),
        share=(curves[0][1], curves[1][1]),
    )


def _gini(value: FloatArray) -> tuple[float, float]:
    """Return the coefficient of (n,) sorted numbers and its jack-knife variance.

    The gaps between someone and all others are sums of those above and those below.
    """
    n, total = value.size, float(value.sum())
    if n < 2 or not total > 0:
        return NAN, NAN
    place = np.arange(1, n + 1)
    gaps = (2 * place - n) * value + total - 2 * np.cumsum(value)
    between = gaps.sum() / 2  # each pair once
    gini = float(between / ((n - 1) * total))
    left = total - value
    if n < 3 or not left.min() > 0:
        return gini, NAN
    without = (between - gaps) / ((n - 2) * left)
    variance = float((n - 1) / n * ((without - without.mean()) ** 2).sum())
    return gini, variance if variance > ROUNDING**2 else 0.0


def _is_fine(people: FloatArray, top: float, n: int) -> bool:
    """Whether a curve is drawn person by person, or has a point at the `top` share."""
    return people.size > n or bool(np.isclose(people, 1 - top).any())


def _without(people: Compared, values: list[FloatArray]) -> str:
    """Return why there is no difference of coefficients, or no variance."""
    for name, value in zip(people.arms, values, strict=True):
        some = int(np.count_nonzero(value))
        if value.size < 3:
            return f"too few people in {name!r} to leave one out"
        if some == 0:
            return f"nobody in {name!r} has any"
        if some == 1:
            return f"one person in {name!r} has all of it, so nothing is left without them"
    return "no variation is left within the arms"


def _logit_interval(gini: float, variance: float, *, level: float) -> tuple[float, float]:
    """Return an interval inside 0 and 1; NaN where there is none."""
    if not (0 < gini < 1 and variance > 0):
        return NAN, NAN
    half = float(ndtri(0.5 + level / 2)) * variance**0.5 / (gini * (1 - gini))
    return float(expit(logit(gini) - half)), float(expit(logit(gini) + half))


def _lorenz(value: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return shares of people and of the sum of (n,) sorted numbers, from 0 to 1."""
    so_far = np.concatenate([[0.0], np.cumsum(value)])
    share = so_far / so_far[-1] if so_far[-1] > 0 else np.full(so_far.size, np.nan)
    return floats(np.linspace(0.0, 1.0, so_far.size)), floats(share)
