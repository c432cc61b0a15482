"""The four questions of a plan: people, events, power, and the least effect that can be found."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import brentq

from checkpoint_eval._arrays import floats
from checkpoint_eval._checks import check_level, check_positive
from checkpoint_eval.errors import ImpossibleDesign
from checkpoint_eval.power.comparing import Comparison, check_comparison
from checkpoint_eval.power.lifetimes_planned import Hazards
from checkpoint_eval.power.planned import PowerResult
from checkpoint_eval.power.solving import (
    MOST,
    Asked,
    People,
    exact_people,
    given,
    pair,
    refuse_no_effect,
    whole_units,
    wrong_side,
)
from checkpoint_eval.power.wrapped import Wrapped


def people_needed(
    design: Comparison,
    *,
    power: float = 0.8,
    alpha: float = 0.05,
    sided: int = 2,
    ratio: float = 1.0,
) -> PowerResult:
    """Say how many people a comparison needs for a power.

    Parameters
    ----------
    design : comparison
        Such as `Proportions`, `Hazards`, `Means`, or one wrapped by `InClusters`,
        `PartiallyNested`, `InStrata` or `Diluted`.
    power : float
        Chance of rejecting on the side of success, where the effect is as stated.
    alpha : float
        Size of the test; half of it on either side when two-sided.
    sided : {1, 2}
    ratio : float
        People in treatment to one in control.

    Returns
    -------
    PowerResult
        `n` in whole people: the fewest from which on the power is reached; `exact` before rounding.
        Not estimable where no number will do: too few navigators, or nothing of the effect kept.

    Raises
    ------
    TrialError
        For power, alpha or a ratio out of range.
    ImpossibleDesign
        For an effect of none, or on the other side than `better`.

    Notes
    -----
    power = Φ((|effect| − z √V₀)/√V₁), z the upper point of alpha/sided, V₀ the variance the test
    believes and V₁ the one under the effect, both sums over the arms; a noncentral t where the test
    refers to t. Solved for people in real numbers, then for whole ones. A rejection on the wrong
    side is no success: it does not count, also when the test is two-sided.

    References
    ----------
    Chow, Shao and Wang (2008), Sample Size Calculations in Clinical Research; the source of each
    formula is in the result. Checked against R rpact, power.prop.test, pwr, gsDesign and Hmisc.

    Examples
    --------
    >>> from checkpoint_eval.power import Proportions
    >>> found = people_needed(Proportions(control=0.48, treatment=0.35))
    >>> found.n, round(found.exact[0], 4)
    ((225.0, 224.0), 224.3218)
    """
    asked = Asked(alpha=alpha, sided=sided, ratio=ratio)
    check_level(power, "power")
    _refuse_events_only(check_comparison(design))
    refuse_no_effect(design)
    exact = math.nan if design.enumerated else exact_people(design, asked, power)
    if exact == math.inf:
        return _unreachable(design, asked)
    units = whole_units(design, asked, power, exact)
    n, below = (asked.whole(floats(each), design.people_a_unit) for each in (units, units - 1))
    others = (
        () if design.enumerated else _others(design, lambda one: exact_people(one, asked, power))
    )
    return dataclasses.replace(
        _result(design, asked, *n),
        question="people needed",
        exact=pair(*asked.split(exact)),
        # One unit is no comparison: an arm would have nobody.
        power_below=float(asked.power(design, *below)) if units > 2 else 0.0,
        others=others,
        why=design.why if others else "",
    )


def events_needed(
    design: Comparison,
    *,
    power: float = 0.8,
    alpha: float = 0.05,
    sided: int = 2,
    ratio: float = 1.0,
) -> PowerResult:
    """Say how many events a comparison of hazards needs for a power.

    Parameters
    ----------
    design : comparison
        `Hazards`, also within `Diluted`. By Schoenfeld or Freedman nothing but the ratio is needed.
    power, alpha, sided, ratio
        As of `people_needed`.

    Returns
    -------
    PowerResult
        `total_events` is whole, `exact_events` is not; `n` those expected to yield them where the
        risk in control is stated.

    Raises
    ------
    TrialError, ImpossibleDesign
        As `people_needed`; for a comparison that is not of hazards.

    References
    ----------
    Schoenfeld (1981), Biometrika 68, 316-319; Freedman (1982), Statistics in Medicine 1, 121-129.
    Checked against R rpact, gsDesign's printed examples and the 133 deaths of Collett's.

    Examples
    --------
    >>> from checkpoint_eval.power import Hazards
    >>> found = events_needed(Hazards(ratio=0.7))
    >>> int(found.total_events), round(found.exact_events, 4)
    (247, 246.7871)
    """
    asked = Asked(alpha=alpha, sided=sided, ratio=ratio)
    check_level(power, "power")
    inner = _hazards(design)
    refuse_no_effect(design)

    def number(one: Comparison) -> float:
        people = exact_people(one, asked, power)
        return float(one.events(*asked.split(people)).sum()) if people < np.inf else math.inf

    exact = number(design)
    if exact == math.inf:
        return dataclasses.replace(_unreachable(design, asked), question="events needed")
    # A whole number may be one too many by rounding alone.
    whole = math.ceil(exact - 1e-9)
    others = _others(design, number)
    people = math.nan if inner.control is None else exact_people(design, asked, power)
    control, treatment = np.ceil(asked.split(people * whole / exact)).tolist()
    enough = _result(design, asked, control, treatment, power=math.nan)
    return dataclasses.replace(
        enough,
        question="events needed",
        exact=pair(*asked.split(people)),
        power=_power_at_events(design, asked, whole),
        power_below=_power_at_events(design, asked, whole - 1),
        events=_split_events(design, asked, whole),
        exact_events=exact,
        others=others,
        why=design.why if others else "",
    )


def power_of(
    design: Comparison,
    *,
    n: People | None = None,
    events: float | None = None,
    alpha: float = 0.05,
    sided: int = 2,
    ratio: float = 1.0,
) -> PowerResult:
    """Say what power a comparison has with people, or events, as given.

    Parameters
    ----------
    design : comparison
    n : int, or (control, treatment), optional
        People, in all or by arm; a number in all is split by `ratio`. Whole for exact tests.
    events : float, optional
        Of hazards, instead of `n`: events of both arms together.
    alpha, sided, ratio
        As of `people_needed`.

    Returns
    -------
    PowerResult
        With no effect the power is alpha, or alpha/2 when two-sided: rejections on the wrong side
        do not count.

    Raises
    ------
    TrialError, ImpossibleDesign
        For numbers out of range; with both or neither of `n` and `events`.

    References
    ----------
    As `people_needed`. Checked against R rpact, power.t.test, pwr and Hmisc, and tables enumerated.

    Examples
    --------
    >>> from checkpoint_eval.power import Proportions
    >>> checkpoint = Proportions(control=0.48, treatment=0.48 - 0.103)
    >>> round(power_of(checkpoint, n=521).power, 3)
    0.662
    """
    asked = Asked(alpha=alpha, sided=sided, ratio=ratio)
    check_comparison(design)
    if (n is None) == (events is None):
        raise ImpossibleDesign("Give one of `n`, people, and `events`.")
    if events is not None:
        _hazards(design)
        check_positive(events, "events")
        found = _power_at_events(design, asked, events)
        return dataclasses.replace(
            _result(design, asked, math.nan, math.nan, power=found),
            events=_split_events(design, asked, events),
            others=_others(design, lambda one: _power_at_events(one, asked, events)),
            why=design.why,
        )
    _refuse_events_only(design)
    control, treatment = given(n, asked, whole=design.enumerated)

    def number(one: Comparison) -> float:
        return float(asked.power(one, control, treatment))

    others = () if design.enumerated else _others(design, number)
    return dataclasses.replace(
        _result(design, dataclasses.replace(asked, ratio=treatment / control), control, treatment),
        others=others,
        why=design.why if others else "",
    )


def detectable_effect(
    design: Comparison,
    *,
    n: People,
    power: float = 0.8,
    alpha: float = 0.05,
    sided: int = 2,
    ratio: float = 1.0,
) -> PowerResult:
    """Say how small an effect can be found with the people there are.

    Parameters
    ----------
    design : comparison
        Its effect tells the side, unless `better` does; how large it is does not matter.
    n : int, or (control, treatment)
        People, in all or by arm.
    power, alpha, sided, ratio
        As of `people_needed`.

    Returns
    -------
    PowerResult
        `effect` is the risk in treatment, the hazard or rate ratio, or the difference; `design` has
        it. Not estimable where no effect will do.

    Raises
    ------
    TrialError, ImpossibleDesign
        For numbers out of range; for strata, which have an effect each.

    References
    ----------
    As `people_needed`. Checked against R power.prop.test and power.t.test.

    Examples
    --------
    >>> from checkpoint_eval.power import Proportions
    >>> found = detectable_effect(Proportions(control=0.48, treatment=0.4), n=521)
    >>> round(found.effect, 4)
    0.3591
    """
    asked = Asked(alpha=alpha, sided=sided, ratio=ratio)
    check_level(power, "power")
    _refuse_events_only(check_comparison(design))
    control, treatment = given(n, asked, whole=design.enumerated)
    # Mixed with nothing it keeps its side of success, which no effect alone would not tell.
    aimed = design.mixed(0.0, 0.0)
    path = aimed.effects(aimed.sign)

    def short(effect: float) -> float:
        return float(asked.power(aimed.at_effect(effect), control, treatment)) - power

    gaps = np.array([short(float(effect)) for effect in path])
    reached = np.flatnonzero(gaps >= 0)
    asked = dataclasses.replace(asked, ratio=treatment / control)
    if not reached.size:
        best = float(gaps.max()) + power
        return dataclasses.replace(
            _result(design, asked, control, treatment, power=math.nan),
            question="detectable effect",
            reason=f"no effect has more than a power of {best:.4f} with these people",
        )
    first = int(reached[0])
    effect = float(path[first])
    if first > 0:
        effect = float(brentq(short, path[first - 1], path[first], xtol=1e-14, rtol=1e-13))
    at = aimed.at_effect(effect)
    return dataclasses.replace(
        _result(at, asked, control, treatment), question="detectable effect", effect=effect
    )


def _unreachable(design: Comparison, asked: Asked) -> PowerResult:
    """Return a result that says how far the power goes."""
    ceiling = float(asked.power(design, *asked.split(MOST)))
    reason = f"no number of people reaches it: the power goes to {ceiling:.4f} at most"
    if ceiling <= asked.alpha / asked.sided:
        reason = "no number of people reaches it: nothing of the effect is left between the arms"
    return dataclasses.replace(
        _result(design, asked, math.nan, math.nan, power=math.nan),
        question="people needed",
        reason=reason,
    )


def _result(
    design: Comparison, asked: Asked, control: Any, treatment: Any, power: float | None = None
) -> PowerResult:
    """Return what every answer says."""
    if power is None:
        power = float(asked.power(design, control, treatment))
    return PowerResult(
        question="power",
        design=design,
        n=pair(control, treatment),
        power=power,
        alpha=asked.alpha,
        sided=asked.sided,
        ratio=asked.ratio,
        events=pair(*design.events(floats(control), floats(treatment))),
        effect=design.effect,
        formula=design.formula_told,
        assumptions=design.assumptions,
        cautions=(*design.cautions(asked.ratio), *wrong_side(design)),
    )


def _others(
    design: Comparison, number: Callable[[Comparison], float]
) -> tuple[tuple[str, float], ...]:
    return tuple((name, number(one)) for name, one in design.alternatives().items())


def _inner(design: Comparison) -> Comparison:
    """Return the comparison inside all that is wrapped around it."""
    while isinstance(design, Wrapped):
        design = design.design
    return design


def _hazards(design: Comparison) -> Hazards:
    """Return the hazards inside, or say that there are none."""
    inner = _inner(check_comparison(design))
    if not isinstance(inner, Hazards):
        raise ImpossibleDesign(
            f"Events alone tell the power of a comparison of Hazards only, not of "
            f"{type(inner).__name__}; ask `people_needed`, whose result has the events expected."
        )
    return inner


def _refuse_events_only(design: Comparison) -> None:
    """Refuse people of hazards whose risk in control is not stated."""
    inner = _inner(design)
    if isinstance(inner, Hazards):
        _ = inner.course  # says what is missing


def _power_at_events(design: Comparison, asked: Asked, events: float) -> float:
    """Return the power with people who are expected to have so many events."""
    one = asked.split(1.0)
    people = events / float(design.events(*one).sum())
    return float(asked.power(design, *asked.split(people)))


def _split_events(design: Comparison, asked: Asked, events: float) -> tuple[float, float]:
    each = design.events(*asked.split(1.0))
    return pair(*(events * each / each.sum()))
