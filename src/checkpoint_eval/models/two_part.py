"""Two-part models: who has any of it, and how much those who have any have."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray, floats
from checkpoint_eval._checks import as_names, check_choice, check_level
from checkpoint_eval.models.amounts import amounts
from checkpoint_eval.models.compared import Compared, strata_of
from checkpoint_eval.models.design_matrix import COLLINEAR, design_matrix
from checkpoint_eval.models.wald import wald_estimate
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN, Estimate

Model = Literal["gamma", "log-normal"]
Measure = Literal["difference", "ratio"]
TOLD: dict[Model, str] = {
    "gamma": "gamma regression with a log link",
    "log-normal": "regression of the logarithm, smeared",
}
# A fitted share this close to 0 or 1 tells of a coefficient on its way to infinity.
SEPARATED = 1e-9
# The deviance is quadratic at its end, and would stop the fit early.
STOP = {"tol_criterion": "params", "atol": 1e-10, "rtol": 1e-10, "maxiter": 200}
# Standard errors below this share of what they are of are rounding.
ROUNDING = 1e-9
VARIANCE = "variance by influence of each person (sandwich)"
NOT_RANDOMISED = "those with any are no randomised comparison"


def two_part_effects(
    trial: Trial,
    *,
    outcome: str,
    model: Model = "gamma",
    adjust: str | Sequence[str] = (),
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> tuple[Estimate, ...]:
    """Tell apart whether fewer people do any harm and whether those who do harm do less of it.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A numeric outcome of at least 0, such as harm days, with many a 0.
    model : {"gamma", "log-normal"}
        Of the amount among those with any: "gamma" regression with a log link, or the regression
        of its logarithm, brought back by smearing the residuals of both arms together.
    adjust : str or sequence of str
        Baseline columns, in both parts.
    level : float
    analysis_set : str
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    tuple of Estimate
        Below 0, or 1: less of it under treatment. `by_arm` holds what would be, had everyone been
        in each arm:

        - share with any, difference;
        - mean among those with any, ratio: of each arm's mean divided by its share;
        - mean, difference: of share times mean among those with any;
        - mean, ratio.

    Raises
    ------
    InvalidData
        For numbers below 0, naming the person.
    TrialError
        When the outcome is not a number for each person.
    ImpossibleDesign
        For constant or collinear covariates, which are named.
    UnknownColumn
        For names the trial does not have.

    Notes
    -----
    Share by logistic regression, d of everyone; amount by `model`, of those with d = 1. Both are
    predicted for everyone in each arm, and averaged. Variances are from each person's influence on
    all of it at once (sandwich and delta method), n/(n − 1) in each arm; intervals are normal, of
    ratios on the log scale. Not stratified: strata may be named in `adjust`.

    Without covariates the gamma model gives the arms' own shares and means, whatever the truth:
    the difference of means is that of `mean_difference`. The log-normal model leans on
    errors of one distribution in both arms, and the ratio is then of geometric means. With
    covariates both lean on their model. Where a handful of people have most of the sum, every
    interval of a mean is too short, the bootstrap's too; `randomisation_test` with
    statistic="studentised difference" keeps its level.

    Those who have any are not a randomised comparison: if treatment keeps some from offending, the
    rest differ between arms. The second line describes; it is no effect on anyone.

    References
    ----------
    Duan, Manning, Morris and Newhouse (1983), Journal of Business and Economic Statistics 1,
    115-126; Duan (1983), JASA 78, 605-610 (smearing); Manning and Mullahy (2001), Journal of Health
    Economics 20, 461-494; Stefanski and Boos (2002), American Statistician 56, 29-38, for the
    variance. Engine: statsmodels GLM. Checked against R glm with numerical derivatives, how far
    numbers move with each person's weight, and hand-worked arms.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"arm": [0] * 4 + [1] * 4, "days": [0, 10, 20, 30, 0, 0, 10, 14]})
    >>> trial = Trial.from_frame(people, arm="arm", control=0, numeric={"harm": "days"})
    >>> share, among, difference, ratio = two_part_effects(trial, outcome="harm")
    >>> [round(each.value, 4) for each in (share, among, difference, ratio)]
    [-0.25, 0.6, -9.0, 0.4]
    """
    check_level(level)
    check_choice(model, "model", tuple(TOLD))
    names = as_names(adjust)
    people = amounts(
        trial,
        outcome=outcome,
        analysis_set=analysis_set,
        arm=arm,
        complete=names,
        negative=False,
    )
    _, unstratified = strata_of(trial, people, ())
    matrix = design_matrix(trial, people, names)
    parts = _two_parts(people, matrix.values, model)
    share, among = "share with any by logistic regression", f"amount by {TOLD[model]}"
    lines: tuple[tuple[str, _Part, Measure, str], ...] = (
        ("difference in share with any", parts.share, "difference", share),
        ("ratio of means among those with any", parts.among, "ratio", f"{among}; {NOT_RANDOMISED}"),
        ("mean difference", parts.mean, "difference", f"two-part model: {share}, {among}"),
        ("mean ratio", parts.mean, "ratio", f"two-part model: {share}, {among}"),
    )
    adjusted = f"adjusted for {', '.join(names)}" if names else ""
    found = []
    for name, part, measure, told in lines:
        value, std_error = part.contrast(measure, people.arm)
        method = "; ".join(each for each in (told, adjusted, unstratified, VARIANCE) if each)
        estimate = wald_estimate(
            people,
            estimand=name,
            measure=measure,
            value=value,
            std_error=std_error,
            level=level,
            method=f"{method}; Wald interval" + (" on the log scale" * (measure == "ratio")),
            reason=parts.reason or "no variation is left within the arms",
            by_arm=(float(part.by_arm[0]), float(part.by_arm[1])),
            adjusted_for=names,
        )
        found.append(estimate)
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Part:
    """A number had everyone been in each arm: (2,), and (2, n) each person's influence on it."""

    by_arm: FloatArray
    influence: FloatArray

    def contrast(self, measure: Measure, arm: IntArray) -> tuple[float, float]:
        """Return the difference, or the log of the ratio, and its standard error.

        Numbers of an arm that can be divided are above 0, and it has two people or more.
        """
        if not np.isfinite(self.by_arm).all():
            return NAN, NAN
        value, each = float(self.by_arm[1] - self.by_arm[0]), self.influence
        if measure == "ratio":
            value = float(np.log(self.by_arm[1] / self.by_arm[0]))
            each = self.influence / self.by_arm[:, None]
        n = np.bincount(arm, minlength=2)
        squares = np.bincount(arm, weights=(each[1] - each[0]) ** 2, minlength=2)
        std_error = float(np.sqrt((squares * n / (n - 1)).sum()) / arm.size)
        size = 1.0 if measure == "ratio" else float(np.abs(self.by_arm).max())
        return value, std_error if std_error > ROUNDING * size else NAN

    def over(self, other: "_Part") -> "_Part":
        """Return the ratio of two numbers, the second above 0."""
        by_arm = self.by_arm / other.by_arm
        return _Part(
            by_arm=by_arm,
            influence=(self.influence - by_arm[:, None] * other.influence) / other.by_arm[:, None],
        )


UNKNOWN = _Part(by_arm=np.full(2, np.nan), influence=np.full((2, 0), np.nan))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _TwoParts:
    """Share, mean among those with any, and mean; or why there are none."""

    share: _Part = UNKNOWN
    among: _Part = UNKNOWN
    mean: _Part = UNKNOWN
    reason: str = ""


def _two_parts(people: Compared, columns: FloatArray, model: Model) -> _TwoParts:
    """Fit both parts and average their predictions over everyone, in each arm."""
    some = people.value > 0
    reason = _without_parts(people, some)
    if reason:
        return _TwoParts(reason=reason)
    centred = columns[:, 1:] - columns[:, 1:].mean(axis=0)
    centred /= columns[:, 1:].std(axis=0)
    design = np.column_stack([np.ones(people.arm.size), people.arm, centred])
    if np.linalg.matrix_rank(design[some], tol=COLLINEAR * some.sum() ** 0.5) < design.shape[1]:
        return _TwoParts(
            reason="a covariate does not vary among those with any, or only as others do"
        )
    share, amount = _share(some, design), _amount(people.value, some, design, model)
    if share is None or amount is None:
        part = "share" if share is None else "amount"
        return _TwoParts(reason=f"the model of the {part} has no finite maximum")
    return _averaged(design, share, amount)


def _without_parts(people: Compared, some: BoolArray) -> str:
    """Return why an arm has no two parts."""
    n, with_any = (np.bincount(people.arm[who], minlength=2) for who in (some | True, some))
    for name, total, number in zip(people.arms, n, with_any, strict=True):
        if not number:
            return f"nobody in {name!r} has any"
        if number == total:
            return f"everyone in {name!r} has some, so there is one part only"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Fit:
    """Of one part: predictions for rows of a design, their slopes, and people's influence.

    Attributes
    ----------
    coef : (p,) float
    influence : (n, p) float
        Of each person on the coefficients.
    smear : float
        By what exponentiated predictions are multiplied; with (n,) `smear_influence`.
    """

    coef: FloatArray
    influence: FloatArray
    smear: float = 1.0
    smear_influence: FloatArray | None = None


def _averaged(design: FloatArray, share: _Fit, amount: _Fit) -> _TwoParts:
    """Return averages over everyone of the share, and of share times amount, in each arm."""
    parts = []
    for code in (0, 1):
        own = design.copy()
        own[:, 1] = code
        p = 1 / (1 + np.exp(-own @ share.coef))
        m = amount.smear * np.exp(own @ amount.coef)
        slope = p * (1 - p)
        of_share = p - p.mean() + share.influence @ (slope @ own / p.size)
        of_mean = (
            p * m
            - (p * m).mean()
            + share.influence @ ((slope * m) @ own / p.size)
            + amount.influence @ ((p * m) @ own / p.size)
        )
        if amount.smear_influence is not None:
            of_mean += amount.smear_influence * (p * m).mean() / amount.smear
        parts.append((p.mean(), of_share, (p * m).mean(), of_mean))
    shares, on_shares, means, on_means = (np.array(each) for each in zip(*parts, strict=True))
    any_, mean = (
        _Part(by_arm=shares, influence=on_shares),
        _Part(by_arm=means, influence=on_means),
    )
    return _TwoParts(share=any_, among=mean.over(any_), mean=mean)


def _share(some: BoolArray, design: FloatArray) -> _Fit | None:
    """Fit who has any by logistic regression."""
    from statsmodels.genmod import families

    coef = _glm(floats(some), design, families.Binomial())
    if coef is None:
        return None
    p = 1 / (1 + np.exp(-design @ coef))
    if not (p.min() > SEPARATED and p.max() < 1 - SEPARATED):
        return None
    return _Fit(coef=coef, influence=_influence(design, some | True, some - p, p * (1 - p)))


def _amount(value: FloatArray, some: BoolArray, design: FloatArray, model: Model) -> _Fit | None:
    """Fit how much those with any have: in units of their mean, so that units do not matter."""
    unit = value[some].mean()
    held, own = value[some] / unit, design[some]
    if model == "gamma":
        from statsmodels.genmod import families

        coef = _glm(held, own, families.Gamma(link=families.links.Log()))
        if coef is None:
            return None
        over = held / np.exp(own @ coef)
        return _Fit(coef=coef, influence=_influence(design, some, over - 1, over), smear=unit)
    coef = floats(np.linalg.lstsq(own, np.log(held), rcond=None)[0])
    left = np.log(held) - own @ coef
    influence = _influence(design, some, left, np.ones(left.size))
    smear = float(np.exp(left).mean())
    on_smear = np.zeros(some.size)
    on_smear[some] = (np.exp(left) - smear) * some.size / left.size
    on_smear -= influence @ (np.exp(left) @ own / left.size)
    return _Fit(coef=coef, influence=influence, smear=unit * smear, smear_influence=unit * on_smear)


def _influence(
    design: FloatArray, used: BoolArray, residual: FloatArray, weight: FloatArray
) -> FloatArray:
    """Return (n, p) each person's influence on coefficients: 0 of those whom a part leaves out.

    Parameters
    ----------
    design : (n, p) float
    used : (n,) bool
    residual, weight : (m,) float
        Of those used: their scores are residual times row, with slope −weight times row times row.
    """
    own = design[used]
    found = np.zeros(design.shape)
    slope = own.T @ (weight[:, None] * own) / used.size
    found[used] = np.linalg.solve(slope, (residual[:, None] * own).T).T
    return found


def _glm(value: FloatArray, design: FloatArray, family: Any) -> FloatArray | None:
    """Return the coefficients, or None where there is no finite maximum."""
    # Imported here as it takes longer than everything else this library imports.
    from statsmodels.genmod.generalized_linear_model import GLM

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fit = GLM(value, design, family=family).fit(**STOP)
        except (ValueError, np.linalg.LinAlgError):
            return None
    return floats(fit.params) if fit.converged else None
