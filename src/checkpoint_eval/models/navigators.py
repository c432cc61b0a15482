"""Partially nested trials: people under treatment share navigators, those under control do not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray, floats
from checkpoint_eval._checks import as_names, check_level
from checkpoint_eval.models.compared import Compared, compare, strata_of
from checkpoint_eval.models.cox_models import refuse_repeated
from checkpoint_eval.models.design_matrix import design_matrix, refuse_collinear
from checkpoint_eval.models.mean_estimators import Difference
from checkpoint_eval.models.navigator_groups import (
    Navigators,
    navigators_of,
    numbers_of,
    refuse_navigator,
)
from checkpoint_eval.models.navigator_results import NavigatorEffects
from checkpoint_eval.models.nested_likelihood import (
    ROUNDING,
    Fit,
    Layers,
    layers_of,
    left_by,
    reml,
)
from checkpoint_eval.models.nested_shares import design_effect, predicted, share_between
from checkpoint_eval.models.skewed import student_estimate
from checkpoint_eval.outcomes.observed import BinaryOutcome
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN, Estimate


def partially_nested_difference(
    trial: Trial,
    *,
    outcome: str,
    navigator: str,
    adjust: str | Sequence[str] = (),
    strata: str | Sequence[str] | None = None,
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> Estimate:
    """Estimate a difference of means where people under treatment share navigators.

    Parameters
    ----------
    trial : Trial
    outcome : str
        A numeric outcome, a count, or a binary one, as a linear probability.
    navigator : str
        Column of who worked with each person; empty for controls. Treated people without one stand
        at a level of their own, controls who share one count as without; `method` counts both.
    adjust : str or sequence of str
        Baseline columns that foretell the outcome, with slopes in common.
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
        Negative: less of it under treatment. `method` tells of the intraclass correlation (ICC)
        under treatment, the design effect and the degrees of freedom.

    Raises
    ------
    TrialError
        For outcomes that are times or repeated events.
    ImpossibleDesign
        When controls share navigators as well, or covariates are constant or collinear.
    UnknownColumn
        For names the trial does not have.

    Notes
    -----
    Mixed model y = a + b·T + T·u + e: navigators' effects u vary under treatment only, and people
    with a variance for each arm. Variances by restricted maximum likelihood, that between
    navigators at least 0; Satterthwaite's degrees of freedom from the expected information of all
    three, also where navigators are not seen to differ, so that few of them never look like many
    people. The difference is what a navigator drawn from others like these would make; where they
    are few the interval leans on their being normal, and `partially_nested_test` does not.

    Those assigned to treatment who never had a navigator, mostly because the assignment was
    overridden, have a mean of their own and the controls' variance; the treated mean counts them by
    their share, which is itself estimated. Were each a navigator of one person, as is often done,
    a few would weigh as much as hundreds where navigators are far apart, and the difference would
    not be the effect of assigning.

    References
    ----------
    Roberts and Roberts (2005), Clinical Trials 2, 152-162; Candlish et al. (2018), BMC Medical
    Research Methodology 18, 105; Giesbrecht and Burns (1985), Biometrics 41, for degrees of
    freedom. Engine: numpy. Checked against R nlme, the closed form of equal caseloads and a slow
    reference with n by n matrices.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame(
    ...     {"arm": [0] * 4 + [1] * 6, "days": [15, 20, 40, 25, 10, 15, 20, 5, 30, 28],
    ...      "navigator": [None] * 4 + ["Ann", "Ann", "Bob", "Bob", "Cas", "Cas"]}
    ... )
    >>> trial = Trial.from_frame(
    ...     people, arm="arm", control=0, factors=["navigator"], numeric={"harm": "days"}
    ... )
    >>> found = partially_nested_difference(trial, outcome="harm", navigator="navigator")
    >>> round(found.value, 4), round(found.std_error, 4)
    (-7.0, 7.7082)
    """
    found = navigator_effects(
        trial,
        outcome=outcome,
        navigator=navigator,
        adjust=adjust,
        strata=strata,
        level=level,
        analysis_set=analysis_set,
        arm=arm,
    )
    return found.estimate


def navigator_effects(
    trial: Trial,
    *,
    outcome: str,
    navigator: str,
    adjust: str | Sequence[str] = (),
    strata: str | Sequence[str] | None = None,
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> NavigatorEffects:
    """Tell how navigators differ: their variance, correlation and shrunken effects.

    Parameters
    ----------
    trial, outcome, navigator, adjust, strata, level, analysis_set, arm
        As in `partially_nested_difference`.

    Returns
    -------
    NavigatorEffects
        With the `estimate` of that verb.

    Raises
    ------
    TrialError
        As `partially_nested_difference`.

    Notes
    -----
    Navigators do not choose whom they get, but nor are they randomised: their effects compare
    caseloads, and with few people mostly chance, which is what shrinking takes away. The interval
    of the ICC is exact for normal outcomes: at its ends the F of Harville and Fenech, of navigator
    means weighted by that ICC, has its quantiles (Wald's of 1940 without covariates). The ICC
    itself, by restricted maximum likelihood, may lie off its middle.

    References
    ----------
    Robinson (1991), Statistical Science 6, 15-32, for shrunken effects; Harville and Fenech (1985),
    Biometrics 41, 137-152; Searle (1971), Linear Models, for equal caseloads. Checked against R
    nlme and a slow reference with n by n matrices.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame(
    ...     {"arm": [0] * 4 + [1] * 6, "days": [15, 20, 40, 25, 10, 15, 20, 5, 30, 28],
    ...      "navigator": [None] * 4 + ["Ann", "Ann", "Bob", "Bob", "Cas", "Cas"]}
    ... )
    >>> trial = Trial.from_frame(
    ...     people, arm="arm", control=0, factors=["navigator"], numeric={"harm": "days"}
    ... )
    >>> found = navigator_effects(trial, outcome="harm", navigator="navigator")
    >>> found.navigators, found.value.round(2).tolist()
    (('Ann', 'Bob', 'Cas'), [-4.22, -4.22, 8.43])
    """
    check_level(level)
    names = as_names(adjust)
    blocks = as_names(() if strata is None else strata)
    refuse_repeated(names, blocks)
    refuse_navigator(navigator, (*names, *blocks))
    people = compare(
        trial, outcome=outcome, analysis_set=analysis_set, kind="any", arm=arm, complete=names
    )
    value, told = numbers_of(trial, people)
    stratum, told_of_strata = strata_of(trial, people, strata)
    nested = _nested(
        value,
        people,
        _beside(trial, people, names, stratum),
        navigators_of(trial, people, navigator),
        stratum,
    )
    parts = (
        f"mixed model with navigators under {people.arms[1]!r} only and a variance by arm (REML)",
        f"adjusted for {', '.join(names)}" if names else "",
        told_of_strata,
        told,
        nested.navigators.told(alone="at a level of their own, with the variance of controls"),
    )
    estimand = "risk" if isinstance(trial.outcome(outcome), BinaryOutcome) else "mean"
    return _effects(
        people,
        nested,
        told="; ".join(part for part in parts if part),
        estimand=f"{estimand} difference",
        names=names,
        level=level,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Nested:
    """A fit in units of the outcome's standard deviation; `reason` when there is none."""

    navigators: Navigators
    layers: Layers
    scale: float = NAN
    centre: float = NAN
    fit: Fit | None = None
    reason: str = ""

    @property
    def share_variance(self) -> float:
        """Of the treated mean: that of the share of people without a navigator, times their gap."""
        alone = self.navigators.alone
        if self.fit is None or not alone.any():
            return 0.0
        treated = int((self.navigators.group >= 0).sum())
        share = alone.sum() / treated
        return float(share * (1 - share) / treated * self.fit.coef[2] ** 2)


def _beside(
    trial: Trial, people: Compared, names: tuple[str, ...], stratum: IntArray | None
) -> FloatArray:
    """Return (n, c) centred columns of strata and covariates, in their standard deviations."""
    matrix = design_matrix(trial, people, names)
    own = np.zeros((people.arm.size, 0))
    terms: list[str] = []
    if stratum is not None:
        codes = np.unique(stratum)[1:]
        own = floats(stratum[:, None] == codes)
        terms = [f"stratum {code + 1}" for code in codes]
    columns = np.hstack([own, matrix.values[:, 1:]])
    if not columns.shape[1]:
        return columns
    refuse_collinear([*terms, *matrix.terms[1:]], columns)
    return floats((columns - columns.mean(axis=0)) / columns.std(axis=0))


def _nested(
    value: FloatArray,
    people: Compared,
    beside: FloatArray,
    navigators: Navigators,
    stratum: IntArray | None,
) -> _Nested:
    """Fit the model, or say why it cannot be fitted."""
    centre, scale = float(value.mean()), float(value.std())
    # The same number many times over differs from its mean by rounding.
    alike = not scale > ROUNDING * float(np.abs(value).max())
    alone = navigators.alone
    design = np.column_stack([np.ones(people.arm.size), people.arm, _apart(alone, people), beside])
    layers = layers_of(
        design,
        (value - centre) / (1.0 if alike else scale),
        np.where(alone, -1, navigators.group),
    )
    reason = "nobody differs from anybody" if alike else _cannot_fit(layers, navigators)
    if not reason and np.linalg.matrix_rank(design) < design.shape[1]:
        reason = "strata or covariates tell who was treated, or who had a navigator"
    if stratum is not None and not _both_arms(people.arm, stratum):
        reason = "no stratum holds both arms"
    fit = None if reason else reml(layers)
    if fit is None and not reason:
        reason = "the likelihood has no maximum that can be found"
    return _Nested(
        navigators=navigators, layers=layers, scale=scale, centre=centre, fit=fit, reason=reason
    )


def _apart(alone: BoolArray, people: Compared) -> FloatArray:
    """Return (n, 1) the column of treated people without a navigator; (n, 0) where there are none.

    Its mean among the treated is 0, so that the coefficient of the arm counts them by their share.
    """
    if not alone.any():
        return np.zeros((alone.size, 0))
    return floats(alone - people.arm * alone[people.arm == 1].mean())[:, None]


def _both_arms(arm: IntArray, stratum: IntArray) -> bool:
    """Return whether any stratum holds both arms."""
    return bool(np.intersect1d(stratum[arm == 0], stratum[arm == 1]).size)


def _cannot_fit(layers: Layers, navigators: Navigators) -> str:
    """Return why variances cannot be told apart, or nothing."""
    control, treatment = navigators.arms
    if len(navigators.names) < 2:
        return (
            f"{len(navigators.names) or 'no'} navigator is recorded under {treatment!r}, so that "
            "nothing is seen of how they differ"
        )
    (outside, p0), (inside, p1) = left_by(layers.cross[0]), left_by(layers.cross[1])
    if not layers.count[0] > p0:
        return f"too few people in {control!r} for a variance there"
    if not layers.count[1] > p1:
        return "too few people share a navigator to tell a variance between them from within"
    if not outside > ROUNDING * layers.count[0]:
        return f"no variation is left within {control!r}"
    if not inside > ROUNDING * layers.count[1]:
        return "no variation is left between people of the same navigator"
    return ""


def _difference(nested: _Nested, fit: Fit) -> Difference:
    control = nested.centre + nested.scale * float(fit.coef[0])
    value = nested.scale * float(fit.coef[1])
    return Difference(
        value=value,
        by_arm=(control, control + value),
        std_error=nested.scale * float(np.sqrt(fit.variance[1, 1] + nested.share_variance)),
        df=fit.df(1),
    )


def _effects(
    people: Compared,
    nested: _Nested,
    *,
    told: str,
    estimand: str,
    names: tuple[str, ...],
    level: float,
) -> NavigatorEffects:
    """Return the result in units of the outcome."""
    found, j = nested.navigators, len(nested.navigators.names)
    fit, layers, scale = nested.fit, nested.layers, nested.scale
    icc, icc_low, icc_high, df, cost = (NAN,) * 5
    spread, effects = np.full(3, NAN), np.full((3, j), NAN)
    difference = Difference(reason=nested.reason)
    if fit is not None:
        spread, df = fit.spread, fit.df(1)
        icc, cost = float(spread[2] / (spread[1] + spread[2])), design_effect(layers, spread)
        icc_low, icc_high = share_between(layers, level=level)
        effects = np.stack(predicted(layers, fit))[:, :j]
        if not spread[2] > 0:
            effects[2] = NAN  # that navigators are alike is not known, only not seen
        told += (
            f"; ICC {icc:.3g} ({100 * level:g}% interval {icc_low:.3g} to {icc_high:.3g}), "
            f"design effect {cost:.3g}"
        )
        difference = _difference(nested, fit)
    estimate = student_estimate(people, difference, estimand=estimand, told=told, level=level)
    raw, shrunk, error = scale * effects
    half = float(ndtri(0.5 + level / 2)) * error
    return NavigatorEffects(
        estimate=replace(estimate, adjusted_for=names),
        navigators=found.names,
        people=found.caseload,
        raw=raw,
        value=shrunk,
        std_error=error,
        low=shrunk - half,
        high=shrunk + half,
        icc=icc,
        icc_low=icc_low,
        icc_high=icc_high,
        design_effect=cost,
        spread=scale * float(np.sqrt(spread[2])),
        residual=(scale * float(np.sqrt(spread[0])), scale * float(np.sqrt(spread[1]))),
        df=df,
        level=level,
    )
